"""The live session in Redis beside what SQL would rebuild it from (rules S6, S8): looked at, and not set right."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync

from chat.inspection.timetravel import Change, difference
from chat.runtime import opened
from chat.session.errors import Unavailable
from chat.support.database import give_back

#: Seconds that the page waits for both.
TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Beside:
    """Both heads and what differs. `live` None: Redis does not hold the session, which costs nothing: the next who asks
    has it rebuilt. `lease`: who owns a run of it."""

    kept: dict[str, Any]
    live: dict[str, Any] | None
    lease: str | None
    changes: list[Change]

    @property
    def same(self) -> bool:
        """Whether Redis has what SQL has, and nothing else."""
        return self.live is not None and not self.changes and self.live["seq"] == self.kept["seq"]


def beside(conversation: str) -> Beside | None:
    """Read both, SQL first: every event is in Redis before it is in SQL. None: one of them does not answer. Raises
    NoConversation."""

    async def work() -> Beside:
        async with asyncio.timeout(TIMEOUT_S), opened() as runtime:
            base = await runtime.sessions.journal.base(conversation)
            loaded = await runtime.sessions.store.load(conversation)
            lease = await runtime.sessions.store.lease(conversation)
        kept = {"seq": base.seq, "tag": base.tag, "fence": base.fence}
        if loaded is None:
            return Beside(kept, None, lease, [])
        state = {key: json.loads(value) for key, value in loaded.fields.items()}
        live = {
            "epoch": loaded.position.epoch,
            "seq": loaded.position.seq,
            "tag": loaded.position.tag,
            "fence": loaded.fence,
            "archived": loaded.archived,
            "verified": loaded.verified,
            "whole": loaded.whole,
        }
        return Beside(kept, live, lease, difference(base.state, state))

    give_back()  # the runtime needs a connection of its own
    try:
        return async_to_sync(work)()
    except (Unavailable, TimeoutError):
        return None
