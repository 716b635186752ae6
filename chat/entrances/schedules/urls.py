"""Addresses of the schedules' API."""

from django.urls import path

from chat.entrances.schedules import api

urlpatterns = [
    path("api/schedules", api.every),
    path("api/schedules/preview", api.tried),
    path("api/schedules/<uuid:schedule>", api.single),
    path("api/schedules/<uuid:schedule>/run", api.now),
    path("api/schedules/<uuid:schedule>/history", api.past),
]
