"""Whether there is a worker: every worker beats, and `/readyz` looks. A pseudo-conversation's lease is the sign."""

import asyncio
import logging

from chat.runs.clock_difference import ClockSign
from chat.session.sessions import Sessions
from chat.support.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

#: The pseudo-conversation. All workers hold its lease under one name, so it does not lapse when one of them dies.
PRESENCE = "workers"
#: How long a worker counts as seen after its last beat, and how often it beats (milliseconds).
TTL_MS = 15_000
BEAT_MS = 5_000


async def worker_seen(sessions: Sessions) -> bool:
    """Whether some worker has shown itself lately. Raises Unavailable."""
    return await sessions.store.lease(PRESENCE) is not None


async def beat(sessions: Sessions, worker: str) -> None:
    """Show that a worker is there, and whether its clock is wrong, until cancelled."""
    clock = ClockSign(sessions, worker)
    while True:
        try:
            if not await sessions.store.renew(PRESENCE, PRESENCE, TTL_MS):
                await sessions.store.acquire(PRESENCE, PRESENCE, TTL_MS)
            await clock.tell()
        except Exception as problem:
            log.warning("The worker cannot show that it is there (%s).", problem)
        raise_if_cancelled()
        await asyncio.sleep(BEAT_MS / 1000)
