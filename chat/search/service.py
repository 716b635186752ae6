"""Search's side task of a worker: reads on behind the journal, in small bites, for as long as the worker lives.

Any number of workers may do this; a claim keeps two of them from reading the same conversation at the same time.
Nothing is held between two rounds.
"""

import logging
import random
from uuid import UUID

from chat import set_aside
from chat.search import indexer
from chat.set_aside import OUTAGES
from chat.support.clock import MACHINE, Clock
from chat.support.database import ask
from chat.support.looking import keep_looking
from chat.support.rush import rush

log = logging.getLogger(__name__)

POLL_S = 1.0
#: After a failure that nobody foresaw (seconds).
ERROR_DELAY_S = 5.0
#: How far the looks for what was written lately go back, and how often a look at all conversations begins (ms).
LATELY_MS, WHOLE_MS = 300_000, 60_000


class Indexing:
    """The index, for one worker process. `run` it in a task."""

    def __init__(self, *, clock: Clock = MACHINE, poll_s: float = POLL_S) -> None:
        self._clock = clock
        self._poll_s = poll_s
        self._whole_at = 0
        #: While a look at all conversations goes on: the last one that had its turn.
        self._turn: indexer.Place | None = None

    async def run(self) -> None:
        """Look until cancelled. Survives outages."""

        async def look() -> float:
            await self.round()
            return self._poll_s * random.uniform(0.8, 1.2)

        await keep_looking(
            "Texts to be indexed", look, after_failure_s=ERROR_DELAY_S, away=OUTAGES, log=log, patient=True
        )

    async def round(self) -> int:
        """Look once; how many conversations were behind."""
        now = self._clock.now()
        found = await ask(indexer.behind, now - LATELY_MS, now)
        if self._turn is not None or now >= self._whole_at:
            if self._turn is None:
                self._whole_at = now + WHOLE_MS
            others, self._turn = await ask(indexer.turn, self._turn)
            found += [one for one in others if one not in found]
        keys = [str(id) for id in found]
        aside = await ask(set_aside.among, indexer.SCANS, keys) if keys else set()
        for conversation in found:
            await rush().pass_by()
            if str(conversation) not in aside:
                await self._read(conversation)
        return len(found)

    async def _read(self, conversation: UUID) -> None:
        """Read one to its end, or a bite of one that is long: others wait, too."""

        async def read() -> bool:
            return await ask(indexer.index, conversation, self._clock.now())

        await set_aside.guarded(
            indexer.SCANS, str(conversation), read(), lambda _: indexer.step_over(conversation)
        )


async def keep_index() -> None:
    """What a worker runs."""
    await Indexing().run()
