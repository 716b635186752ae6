"""The lifespan scope, for other servers than Daphne: those who are told that it ends are told in time.

    SIGTERM ─► the goodbyes of this process ─► what the server does with it
      again ─► what the server does with it

By the scope alone it would be too late: a server closes its sockets first and says `lifespan.shutdown` afterwards. So
its handlers of signals are put behind ours when it starts, those of Python (uvicorn) and those of the event loop
(granian). A server that has none in this process, or an event loop that does not show them (uvloop), leaves as it does;
whoever was connected comes back by themselves.
"""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from django.conf import settings

from chat.support.tasks import exit_after

Goodbye = Callable[[], Awaitable[None]]
Handler = Callable[[int, FrameType | None], Any]

#: Seconds beyond those for goodbyes after which the process has ended, whatever still waits.
END_S = 5.0
_goodbyes: list[Goodbye] = []
#: Tasks that must not be forgotten before they are over.
_leaving: set[asyncio.Task[None]] = set()


def before_end(goodbye: Goodbye) -> None:
    """Have this done before the server of this process ends, if it answers to this module. Harmless when repeated."""
    if goodbye not in _goodbyes:
        _goodbyes.append(goodbye)


async def lifespan(_scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application of the lifespan scope."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _put_first(asyncio.get_running_loop())
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _put_first(loop: asyncio.AbstractEventLoop) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # nobody else may handle signals
    for number in (signal.SIGTERM, signal.SIGINT):
        if (waiting := _of_loop(loop, number)) is not None:
            loop.add_signal_handler(number, _first(loop, waiting), number, None)
            continue
        server = signal.getsignal(number)
        if callable(server) and server is not signal.default_int_handler:
            signal.signal(number, _first(loop, server))


def _of_loop(loop: asyncio.AbstractEventLoop, number: int) -> Handler | None:
    """What this loop does at a signal. asyncio can be told what, and not asked: its own table is looked at."""
    handle = getattr(loop, "_signal_handlers", {}).get(number)
    return (lambda _number, _frame: handle._run()) if isinstance(handle, asyncio.Handle) else None


def _first(loop: asyncio.AbstractEventLoop, server: Handler) -> Handler:
    told = False

    def heard(number: int, frame: FrameType | None) -> None:
        nonlocal told
        if told or loop.is_closed():
            server(number, frame)
            return
        told = True
        loop.call_soon_threadsafe(begin, number)

    def begin(number: int) -> None:
        task = asyncio.create_task(leave(number))
        _leaving.add(task)
        task.add_done_callback(_leaving.discard)

    async def leave(number: int) -> None:
        exit_after(settings.HOLDFAST_DRAIN_MS / 1000 + END_S)
        try:
            await asyncio.gather(*(goodbye() for goodbye in _goodbyes), return_exceptions=True)
        finally:
            server(number, None)

    return heard
