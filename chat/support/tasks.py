"""Ending asyncio tasks, and processes, for sure.

`asyncio.wait_for` of Python 3.11 returns the result, and loses the cancellation, when its future is done at the same
moment (python/cpython#86296), and redis-py uses it for each write. So a task that talks to Redis may survive a
cancellation. Loops that run until they are cancelled ask `raise_if_cancelled`; who cancels such tasks uses `end`.
"""

import asyncio
import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterable
from typing import Any, NoReturn

#: Seconds after which a task that goes on is cancelled again.
RETRY_S = 0.1


def exit_after(seconds: float, status: int = 0) -> None:
    """End this process after so many seconds, should it still be there. For one that leaves and has done what it could:
    something may wait for a store that does not answer, or a thread for an event loop that is gone, and Python would
    join that thread for ever."""
    ending = threading.Timer(seconds, os._exit, (status,))
    ending.daemon = True
    ending.start()


def end_process(status: int = 0) -> NoReturn:
    """End this process here, once its log is written. What Python does at its end (waiting for threads, taking modules
    apart) has nothing left to do for one that has left, and may wait for ever."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def raise_if_cancelled() -> None:
    """Raise CancelledError if the running task was cancelled, even if somebody swallowed that."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def end(tasks: Iterable["asyncio.Task[Any]"], seconds: float = 5.0) -> None:
    """Cancel tasks until they end, for at most `seconds`. What they raised is passed over."""
    given = list(tasks)
    pending = {task for task in given if not task.done()}
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while pending and loop.time() < until:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=RETRY_S)
    for task in given:
        if task.done() and not task.cancelled():
            task.exception()  # seen: asyncio need not report it
