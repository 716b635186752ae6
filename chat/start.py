"""What a process makes sure of before it begins to serve: that the Redis it is pointed at is fit, and its own."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from chat.runtime import opened
from chat.session.errors import StoreUnusable

log = logging.getLogger(__name__)

#: Seconds that this may hold up a start. Every connection looks for itself, too.
TIMEOUT_S = 10.0
#: The only policy under which Redis keeps what it has taken.
KEEPS = "noeviction"


def evicts(policy: str) -> str:
    """One line about a `maxmemory-policy` that throws away what it has taken, '' if it does not."""
    if policy in ("", KEEPS):
        return ""
    return (
        f"Redis evicts keys when its memory runs out (maxmemory-policy is {policy}): conversations are rebuilt from "
        f"the database then, and text that was being written is written again. Set maxmemory-policy to {KEEPS}."
    )


def refuse_unfit() -> None:
    """End the process with one line if it must not use this Redis. One that cannot be reached is no reason: it may come
    back. Blocks; works beside a running event loop."""
    with ThreadPoolExecutor(1, "start") as thread:
        try:
            policy = thread.submit(asyncio.run, _look()).result()
        except StoreUnusable as problem:
            raise SystemExit(f"Holdfast cannot start: {problem}") from None
        except Exception as problem:
            log.warning("Redis could not be looked at before the start (%s).", problem)
        else:
            if told := evicts(policy):
                log.warning("%s", told)


async def _look() -> str:
    async with asyncio.timeout(TIMEOUT_S), opened() as runtime:
        return await runtime.sessions.store.examine()
