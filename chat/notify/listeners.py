"""Which bells ring for what was appended to a conversation, whoever wrote it: an inbox, a worker, the sweeper."""

from collections import OrderedDict
from collections.abc import Sequence

from agents import events as e
from chat.journal.journal import Journal
from chat.journal.queries import owner_of
from chat.notify import doorbell

#: Events that change what the list of conversations shows: its order, a title, the mark of a run.
LISTED = (
    e.MessageAdded,
    e.ConversationRenamed,
    e.RunQueued,
    e.RunStarted,
    e.RunWaiting,
    e.RunResumed,
    e.RunRecovering,
    e.RunFinished,
    e.RunFailed,
    e.RunStopped,
)
#: Owners to remember, so that a running conversation asks SQL once. An owner never changes.
REMEMBERED = 10_000


class Bells:
    """For one process. Made for `Sessions(on_change=bells.ring)`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._owners: OrderedDict[str, int] = OrderedDict()

    async def ring(self, conversation: str, events: Sequence[e.Event] = ()) -> None:
        """Ring for those who watch the conversation and, if its row in the list changed, for its owner.

        May raise JournalUnavailable after the first bell: `Sessions` logs it, and a client looks at its list from
        time to time anyway.
        """
        await doorbell.ring_conversation(conversation)
        if any(isinstance(event, LISTED) for event in events):
            owner = await self._owner(conversation)
            if owner is not None:
                await doorbell.ring_user(owner)

    async def _owner(self, conversation: str) -> int | None:
        if conversation not in self._owners:
            found = await owner_of(self._journal, conversation)
            if found is None:
                return None
            self._owners[conversation] = found[0]
            if len(self._owners) > REMEMBERED:
                self._owners.popitem(last=False)
        self._owners.move_to_end(conversation)
        return self._owners[conversation]
