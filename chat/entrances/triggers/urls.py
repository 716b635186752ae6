"""Addresses of triggers: where webhooks come in, and what their owners ask over the web."""

from django.urls import path

from chat.entrances.triggers import api, views

urlpatterns = [
    path("hooks/<uuid:trigger>/<str:token>", views.hook, name="trigger_hook"),
    path("api/triggers", api.every),
    path("api/triggers/<uuid:trigger>", api.single),
    path("api/triggers/<uuid:trigger>/run", api.now),
    path("api/triggers/<uuid:trigger>/renew", api.another),
    path("api/triggers/<uuid:trigger>/history", api.past),
]
