"""The socket's address; at any other one there is none."""

from typing import Any

from django.urls import path, re_path

from chat.entrances.web.consumer import BrowserConsumer


async def nowhere(scope: Any, receive: Any, send: Any) -> None:
    """Refuse (403). Channels would raise instead, and so let anybody fill the log with tracebacks."""
    await receive()
    await send({"type": "websocket.close"})


# Typed for views; Channels puts applications there.
nowhere_view: Any = nowhere
routes = [path("ws", BrowserConsumer.as_asgi()), re_path("", nowhere_view)]
