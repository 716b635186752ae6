"""Whether there is a worker: every worker beats, and `/readyz` looks. Pseudo-conversations' leases are the signs."""

import asyncio
import logging
from collections.abc import Callable

from chat.runs.clock_difference import ClockSign
from chat.session.sessions import Sessions
from chat.support.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

#: The pseudo-conversation. All workers hold its lease under one name, so it does not lapse when one of them dies.
PRESENCE = "workers"
#: The same for workers that answer probes (`chat/runs/probe.py`), and for those that have no room for a run just now.
ANSWERING, FULL = "workers.answering", "workers.full"
#: How long a worker counts as seen after its last beat, and how often it beats (milliseconds).
TTL_MS = 15_000
BEAT_MS = 5_000


async def worker_seen(sessions: Sessions) -> bool:
    """Whether some worker has shown itself lately. Raises Unavailable."""
    return await sessions.store.lease(PRESENCE) is not None


async def beat(
    sessions: Sessions, full: Callable[[], bool] = lambda: False, worker: str = "a worker"
) -> None:
    """Show that a worker is there, whether it is full, and whether its clock is wrong; hold the place in Redis. Until
    cancelled."""
    clock = ClockSign(sessions, worker)
    while True:
        try:
            # Redis may have been emptied: the place is claimed anew before somebody else does.
            await sessions.store.examine()
            for sign in (PRESENCE, ANSWERING, *((FULL,) if full() else ())):
                if not await sessions.store.renew(sign, sign, TTL_MS):
                    await sessions.store.acquire(sign, sign, TTL_MS)
            await clock.tell()
        except Exception as problem:
            log.warning("The worker cannot show that it is there (%s).", problem)
        raise_if_cancelled()
        await asyncio.sleep(BEAT_MS / 1000)
