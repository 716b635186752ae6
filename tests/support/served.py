"""A provider in a thread of its own, for code that has its own event loop or none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.provider import Answer, Provider


@contextmanager
def served(answer: Answer, *, lists: bool = False) -> Iterator[Provider]:
    """The server, running. `lists`: as of `Provider`."""
    loop = asyncio.new_event_loop()
    provider = Provider(answer, lists=lists)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(provider.__aenter__(), loop).result(5)
    try:
        yield provider
    finally:
        asyncio.run_coroutine_threadsafe(provider.__aexit__(None, None, None), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
