"""A probe that goes the way of a message: through the queue to a worker, which writes to the journal, leaves an answer
in the store and rings the bell. It is an entry like those of runs, for a conversation that cannot be.
"""

import logging

from chat.journal.probe import JournalProbe
from chat.notify import doorbell
from chat.session.errors import JournalUnavailable
from chat.session.sessions import Sessions

log = logging.getLogger(__name__)

#: The conversation of a probe's entry. A worker of an earlier release looks for it, and lets it go.
PROBE = "00000000-0000-0000-0000-000000000000"
#: What a worker answers.
WELL, NO_JOURNAL = "well", "the journal cannot be written"
#: Seconds that a worker gives its journal, and milliseconds that its answer lies there for.
JOURNAL_S = 1.5
ANSWER_MS = 10_000


def answer_name(token: str) -> str:
    """Where the answer lies: the lease of a conversation that cannot be; the answer is its owner."""
    return f"probe.{token}"


def group_name(token: str) -> str:
    """Who asked with this token: its bell is rung, as of a conversation."""
    return f"probe.{token.partition('.')[0]}"


class Answerer:
    """A worker's side."""

    def __init__(self, sessions: Sessions) -> None:
        self._store = sessions.store
        self._journal = JournalProbe(sessions.journal.database)

    async def answer(self, token: str) -> None:
        """Answer one. Raises StoreUnavailable; then there is no answer, which says enough."""
        try:
            await self._journal.look(JOURNAL_S)
            said = WELL
        except JournalUnavailable as problem:
            log.warning("A probe finds that %s", problem)
            said = NO_JOURNAL
        await self._store.acquire(answer_name(token), said, ANSWER_MS)
        await doorbell.ring_conversation(group_name(token))
