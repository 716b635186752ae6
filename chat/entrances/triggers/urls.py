"""Addresses of triggers: where webhooks come in, and what their owners ask over the web."""

from django.urls import include, path

from chat.entrances.triggers import views
from chat.entrances.triggers.api import ROUTER
from chat.http.pages import PageApi

API = PageApi("triggers", ROUTER)

urlpatterns = [
    path("hooks/<uuid:trigger>/<str:token>", views.hook, name="trigger_hook"),
    path("api/", include(API.patterns)),
]
