"""Another ASGI server than Daphne ends: whoever is connected is told before it closes its sockets.

What runs here are servers that take signals as uvicorn and as granian do; both themselves were tried by hand.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from chat.http import lifespan


@pytest.fixture(autouse=True)
def as_before(settings: Any) -> Iterator[None]:
    settings.HOLDFAST_DRAIN_MS = 10**8  # after it this process would be ended
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    goodbyes = list(lifespan._goodbyes)
    lifespan._goodbyes.clear()
    yield
    lifespan._goodbyes[:] = goodbyes
    for number, handler in handlers.items():
        signal.signal(number, handler)


class Server:
    """Says what happens, in order."""

    def __init__(self) -> None:
        self.happened: list[Any] = []
        self.ending = asyncio.Event()
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def handle(self, number: int, _frame: Any) -> None:
        self.happened.append(signal.Signals(number).name)
        self.ending.set()

    def takes(self, number: signal.Signals) -> None:
        signal.signal(number, self.handle)

    async def run(self, *signals: signal.Signals) -> list[Any]:
        """From start to end, which these signals bring about."""
        self.takes(signal.SIGTERM)

        async def send(message: dict[str, Any]) -> None:
            self.happened.append(message["type"])

        application = asyncio.create_task(lifespan.lifespan({"type": "lifespan"}, self._messages.get, send))
        await self._messages.put({"type": "lifespan.startup"})
        while not self.happened:
            await asyncio.sleep(0.01)
        for number in signals:
            os.kill(os.getpid(), number)
        async with asyncio.timeout(10):
            await self.ending.wait()
        await self._messages.put({"type": "lifespan.shutdown"})
        await application
        return self.happened


class OfTheLoop(Server):
    """Has the event loop listen, as granian has."""

    def takes(self, number: signal.Signals) -> None:
        asyncio.get_running_loop().add_signal_handler(number, self.handle, number, None)


@pytest.fixture(params=[Server, OfTheLoop])
def kind(request: pytest.FixtureRequest) -> type[Server]:
    """How a server takes signals."""
    kind: type[Server] = request.param
    return kind


def test_the_goodbyes_come_before_what_the_server_does(
    monkeypatch: pytest.MonkeyPatch, kind: type[Server]
) -> None:
    monkeypatch.setattr(lifespan, "exit_after", lambda _: None)  # it would end the tests

    async def story() -> list[Any]:
        server = kind()

        async def goodbye() -> None:
            await asyncio.sleep(0.05)
            server.happened.append("goodbye")

        async def fails() -> None:
            raise RuntimeError

        lifespan.before_end(goodbye)
        lifespan.before_end(goodbye)
        lifespan.before_end(fails)
        return await server.run(signal.SIGTERM)

    told = asyncio.run(story())
    assert told == ["lifespan.startup.complete", "goodbye", "SIGTERM", "lifespan.shutdown.complete"]


def test_a_second_signal_is_the_servers_at_once(kind: type[Server]) -> None:
    async def story() -> list[Any]:
        server = kind()
        over = asyncio.Event()
        lifespan.before_end(lambda: _until(over))
        told = await server.run(signal.SIGTERM, signal.SIGTERM)
        over.set()
        return told

    assert asyncio.run(story())[:2] == ["lifespan.startup.complete", "SIGTERM"]


def test_a_server_without_handlers_keeps_none_of_ours() -> None:
    async def story() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        lifespan._put_first(asyncio.get_running_loop())

    asyncio.run(story())
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def _until(event: asyncio.Event) -> None:
    await event.wait()
