"""The socket's address."""

from django.urls import path

from chat.entrances.web.consumer import BrowserConsumer

routes = [path("ws", BrowserConsumer.as_asgi())]
