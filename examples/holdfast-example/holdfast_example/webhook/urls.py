"""Where messages come in."""

from django.urls import path

from holdfast_example.webhook import views

urlpatterns = [path("chat-webhook/<slug:slug>/events", views.events, name="example_chat_webhook")]
