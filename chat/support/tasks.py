"""Ending asyncio tasks, and processes, for sure.

`asyncio.wait_for` of Python 3.11 returns the result, and loses the cancellation, when its future is done at the same
moment (python/cpython#86296), and redis-py uses it for each write. So a task that talks to Redis may survive a
cancellation. Loops that run until they are cancelled ask `raise_if_cancelled`; who cancels such tasks uses `end`, which
cancels again. What a task puts in order when it ends stands inside `cleaning_up`, or the second cancellation would cut
that off: a lane would stay claimed, a connection open.
"""

import asyncio
import contextlib
import logging
import os
import sys
import threading
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

#: Seconds after which a task that goes on is cancelled again.
RETRY_S = 0.1
#: Tasks that put things in order before they end, and how many blocks deep they are in it.
_cleaning: "weakref.WeakKeyDictionary[asyncio.Task[Any], int]" = weakref.WeakKeyDictionary()


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


@contextlib.contextmanager
def cleaning_up() -> Iterator[None]:
    """For the `finally` of a task: `end` waits for it and does not cancel. The caller sees to it that it is short."""
    task = asyncio.current_task()
    if task is None:
        yield
        return
    _cleaning[task] = _cleaning.get(task, 0) + 1
    try:
        yield
    finally:
        _cleaning[task] -= 1
        if not _cleaning[task]:
            del _cleaning[task]


async def end(tasks: Iterable["asyncio.Task[Any]"], seconds: float = 5.0) -> None:
    """Cancel tasks until they end, for at most `seconds`. What they raised is passed over. A task that is inside
    `cleaning_up` is only waited for; whoever ends others is."""
    with cleaning_up():
        given = list(tasks)
        pending = {task for task in given if not task.done()}
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while pending and loop.time() < until:
            for task in pending:
                if task not in _cleaning:
                    task.cancel()
            _, pending = await asyncio.wait(pending, timeout=RETRY_S)
        for task in given:
            if task.done() and not task.cancelled():
                task.exception()  # seen: asyncio need not report it
