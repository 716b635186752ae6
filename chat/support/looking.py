"""The loop of every side task of a worker: look for what there is to do, and again after a while, whatever goes wrong.

A look that fails loses nothing: what it would have found is found by the next one, or by another worker's.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from chat.support.rush import rush
from chat.support.tasks import raise_if_cancelled


async def keep_looking(
    what: str,
    look: Callable[[], Awaitable[float]],
    *,
    after_failure_s: float,
    away: tuple[type[BaseException], ...] = (),
    log: logging.Logger,
    patient: bool = False,
) -> None:
    """Call `look`, which says how many seconds to wait for the next look (0: go on at once), until cancelled.

    `what` begins a sentence: "Titles". `away`: what stores raise that do not answer now; that is a line of the log. All
    else is a traceback. Both are followed by a look after `after_failure_s` seconds, more or less, so that workers
    which failed together do not come back together. `patient`: who waits for what is found can wait some seconds, so a
    look lets those go first who have seen nothing yet (chat/support/rush.py).
    """
    while True:
        raise_if_cancelled()
        again = after_failure_s * random.uniform(0.8, 1.2)
        try:
            if patient:
                await rush().pass_by()
            again = await look()
        except away as problem:
            log.warning("%s have to wait for %.0f s: %s", what, again, problem)
        except Exception:
            log.exception("%s could not be looked after; again in %.0f s.", what, again)
        await asyncio.sleep(again)
