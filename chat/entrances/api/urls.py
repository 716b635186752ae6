"""Addresses of the HTTP API."""

from django.urls import include, path

from chat.entrances.api.api import API

urlpatterns = [path("api/v1/", include((API.patterns, "ninja"), namespace="api-v1"))]
