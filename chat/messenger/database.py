"""The messengers' way to SQL: that of everybody (chat/support/database.py). Hundreds of lanes ask many short questions,
so they take at most half of its turns: the journal must not stand in line behind them. Of these the first are theirs
whose chat has seen nothing yet (chat/support/turns.py, signs.py)."""

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from chat.session.errors import Unavailable
from chat.support.database import NOT_NOW, database
from chat.support.loops import PerLoop
from chat.support.turns import Turns

P = ParamSpec("P")
T = TypeVar("T")

#: The database is away or too busy: nobody's fault who asks, and to be tried again. The first is what `ask` raises, the
#: others are what work in one of its threads meets.
OUTAGES = (Unavailable, *NOT_NOW)


async def _nothing(turns: Turns) -> None:
    """There is nothing to close."""


_turns: PerLoop[Turns] = PerLoop(lambda: Turns(max(1, database().threads // 2)), _nothing)
_running: set[asyncio.Future[Any]] = set()


async def ask(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns, run in a database thread; see `Database.run`. Raises Unavailable."""
    async with _turns.get():
        return await database().run(work, *args, **kwargs)


def in_thread(work: Callable[[], None]) -> None:
    """Have `work`, which raises nothing, done in a database thread, whatever becomes of who asks for it."""
    running = asyncio.ensure_future(ask(work))
    _running.add(running)
    running.add_done_callback(_running.discard)
