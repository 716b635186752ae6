"""Where Feishu sends events and card callbacks: one address per app for both."""

from django.urls import path

from chat.entrances.feishu import views

urlpatterns = [path("feishu/<slug:slug>/events", views.events, name="feishu_events")]
