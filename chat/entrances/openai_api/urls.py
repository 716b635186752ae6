"""Addresses of the OpenAI-compatible endpoint."""

from django.urls import include, path

from chat.entrances.openai_api.api import API

urlpatterns = [path("v1/", include((API.patterns, "ninja"), namespace="openai-v1"))]
