"""Makes `send` wait while the buffer of a socket, or of a stream of events, is full (rule W10).

ASGI servers are expected to, and Daphne does not: it hands every frame to Twisted's transport, which buffers
without end for a reader that does not read. Twisted tells a *producer* when to pause and when to go on, so we
register as one. `with_backpressure` must be the outermost application: it needs the server's own `send`. With
another server, or where the transport cannot say, it changes nothing.

What is sent to a socket that Autobahn has closed, because what came in is no frame, goes nowhere: that is no error.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

from autobahn.exception import Disconnected

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Any, Send], Awaitable[None]]


class Gate:
    """Twisted's push producer: open while the transport takes more. Its three methods are Twisted's names."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    def pauseProducing(self) -> None:
        self._open.clear()

    def resumeProducing(self) -> None:
        self._open.set()

    def stopProducing(self) -> None:
        self._open.set()

    async def passed(self) -> None:
        """Wait until the transport takes more, or is gone."""
        await self._open.wait()


def with_backpressure(application: Application) -> Application:
    """`application`, whose `send` of a WebSocket or of a stream of events returns only when there is room for more."""

    @functools.wraps(application, updated=())
    async def wrapped(scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] == "http":
            return await application(scope, receive, _streaming(send))
        if scope["type"] != "websocket":
            return await application(scope, receive, send)
        gate = _attached(send)

        async def waiting_send(message: dict[str, Any]) -> None:
            try:
                await send(message)
            except Disconnected:
                return  # closed for what came in; that it is gone is told to the application as ever
            if gate is not None and message["type"] == "websocket.send":
                await gate.passed()

        return await application(scope, receive, waiting_send)

    return wrapped


def _streaming(send: Send) -> Send:
    """A `send` of HTTP that waits while it sends server-sent events. Other answers are as long as they are."""
    request: Any = next(iter(getattr(send, "args", ())), None)
    gate: Gate | None = None

    async def waiting_send(message: dict[str, Any]) -> None:
        nonlocal gate
        if message["type"] == "http.response.start" and _is_stream(message) and _may_wait(request):
            gate = Gate()
            request.registerProducer(gate, True)
        elif gate is not None and not message.get("more_body", False):
            # Before the end: Twisted complains of a producer that is there when a response ends.
            if request.producer is gate:
                request.unregisterProducer()
            gate = None
        await send(message)
        if gate is not None:
            await gate.passed()

    return waiting_send


def _is_stream(start: dict[str, Any]) -> bool:
    types = [
        bytes(value) for name, value in start.get("headers", ()) if bytes(name).lower() == b"content-type"
    ]
    return bool(types) and types[0].startswith(b"text/event-stream")


def _may_wait(request: Any) -> bool:
    """Whether this is Twisted's request, whose reader is still there."""
    return hasattr(request, "registerProducer") and getattr(request, "channel", None) is not None


def _attached(send: Send) -> Gate | None:
    """A gate on the transport behind Daphne's `send`, which is a partial over its WebSocket protocol."""
    arguments = getattr(send, "args", ())
    transport: Any = getattr(arguments[0], "transport", None) if arguments else None
    if not hasattr(transport, "registerProducer"):
        return None
    gate = Gate()
    # The HTTP channel that the socket was upgraded from is still registered, and no longer of use.
    transport.unregisterProducer()
    transport.registerProducer(gate, True)
    return gate
