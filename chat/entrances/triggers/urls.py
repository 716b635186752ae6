"""Addresses of triggers: where webhooks come in, and what their owners ask over the web."""

from django.urls import path

from chat.entrances.triggers import api, views

urlpatterns = [
    path("hooks/<uuid:trigger>/<str:token>", views.hook, name="trigger_hook"),
    path("api/triggers", api.triggers),
    path("api/triggers/<uuid:trigger>", api.one),
    path("api/triggers/<uuid:trigger>/fire", api.fire),
    path("api/triggers/<uuid:trigger>/renew", api.renew),
    path("api/triggers/<uuid:trigger>/firings", api.firings),
]
