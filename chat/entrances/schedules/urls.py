"""Addresses of the schedules' API."""

from django.urls import include, path

from chat.entrances.schedules.api import ROUTER
from chat.http.pages import PageApi

API = PageApi("schedules", ROUTER)

urlpatterns = [path("api/", include(API.patterns))]
