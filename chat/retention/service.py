"""What every worker does of retention: looks for what is to be deleted for good, and whether a round is due. One at a
time for the whole installation (rounds.py)."""

import logging
import random

from chat.retention.rounds import Retention
from chat.session.errors import Unavailable
from chat.session.sessions import Sessions
from chat.support.database import Database
from chat.support.looking import keep_looking
from chat.support.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

#: Seconds between two looks, and after a failure.
POLL_S = 5.0
ERROR_DELAY_S = 15.0


async def keep_house(sessions: Sessions, database: Database, worker: str, poll_s: float = POLL_S) -> None:
    """Until cancelled. Survives outages: what was begun goes on after them."""
    retention = Retention(sessions, database, f"{worker}/retention")

    async def look() -> float:
        while await retention.erase_next() is not None:
            raise_if_cancelled()
        removed = await retention.round()
        if removed and any(removed.values()):
            log.info("Retention has removed: %s", {name: n for name, n in removed.items() if n})
        return poll_s * random.uniform(0.8, 1.2)

    await keep_looking(
        "Deletions", look, after_failure_s=ERROR_DELAY_S, away=(Unavailable,), log=log, patient=True
    )
