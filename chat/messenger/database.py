"""The messengers' way to SQL: short questions, each in a thread that keeps its connection."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection

P = ParamSpec("P")
T = TypeVar("T")

#: The database is away or too busy: nobody's fault who asks, and to be tried again.
OUTAGES = (OperationalError, InterfaceError)

#: Threads that keep their connections: the many short questions must neither stand in one line nor open one each.
_POOL = ThreadPoolExecutor(8, thread_name_prefix="messenger")


async def ask(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a database thread. A connection that has died is given up with the error that tells so."""

    def run() -> T:
        try:
            return work(*args, **kwargs)
        except OUTAGES:
            connection.close()
            raise

    return await asyncio.get_running_loop().run_in_executor(_POOL, run)


def in_thread(work: Callable[[], None]) -> None:
    """Have `work`, which raises nothing, done in a database thread, whatever becomes of who asks for it."""
    _POOL.submit(work)
