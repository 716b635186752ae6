"""An ASGI application for tests of backpressure: its socket sends FRAMES frames as fast as it may, and so does its
stream of events at /stream.

A GET of anything else says how many `send` has let through so far. Served by a real Daphne.
"""

import asyncio

from chat.http.flow import with_backpressure

FRAMES = 1_500
SIZE = 64 * 1024
sent = 0


@with_backpressure
async def application(scope, receive, send):
    """Counts what `send` of the socket has taken."""
    global sent
    if scope["type"] == "http" and scope["path"] == "/stream":
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for _ in range(FRAMES):
            await send({"type": "http.response.body", "body": b"x" * SIZE, "more_body": True})
            sent += 1
            await asyncio.sleep(0)
        await send({"type": "http.response.body"})
        return
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(sent).encode()})
        return
    await receive()
    await send({"type": "websocket.accept"})
    for _ in range(FRAMES):
        await send({"type": "websocket.send", "text": "x" * SIZE})
        sent += 1
        await asyncio.sleep(0)
    await receive()
