"""Histories that were read, kept for the next run of their conversations, so that only what came since is read.

A kept history says where it ends: (seq, tag). A tag depends on every event before it, so a journal that has this tag
there has exactly the events that were folded; one that was set back, or rebuilt from a backup, has not.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass, replace

from agents.history import History

#: Characters of events whose histories are kept in one process; those used longest ago are let go.
MAX_CHARS = 16_000_000
#: Items beyond which a history is read anew, so that it holds the newest ones and no more.
MAX_ITEMS = 800
#: Seconds for which one is kept that nobody uses.
MAX_AGE_S = 600.0


@dataclass(frozen=True, slots=True)
class KeptHistory:
    """A history as of (seq, tag); `chars`: of the events that were folded into it."""

    history: History
    seq: int
    tag: str
    chars: int
    #: When it was put away, by the monotonic clock (seconds).
    at: float = 0.0


class KeptHistories:
    """The histories that one process keeps."""

    def __init__(self, most: int = MAX_CHARS) -> None:
        self._most = most
        self._chars = 0
        self._held: OrderedDict[str, KeptHistory] = OrderedDict()

    def get(self, conversation: str) -> KeptHistory | None:
        """The one of a conversation, if it is kept."""
        self._let_go()
        found = self._held.get(conversation)
        if found is not None:
            self._held.move_to_end(conversation)
        return found

    def put(self, conversation: str, kept: KeptHistory) -> None:
        """Keep this one, unless it is too large; whatever was kept of the conversation goes."""
        self.drop(conversation)
        if len(kept.history.items) > MAX_ITEMS or kept.chars > self._most:
            return
        self._held[conversation] = replace(kept, at=time.monotonic())
        self._chars += kept.chars
        self._let_go()

    def drop(self, conversation: str) -> None:
        """Keep nothing of it any more."""
        gone = self._held.pop(conversation, None)
        if gone is not None:
            self._chars -= gone.chars

    def _let_go(self) -> None:
        long_ago = time.monotonic() - MAX_AGE_S
        while self._held:
            oldest = next(iter(self._held.values()))
            if self._chars <= self._most and oldest.at >= long_ago:
                return
            _, gone = self._held.popitem(last=False)
            self._chars -= gone.chars

    def went_on(self, conversation: str, history: History, seq: int, tag: str, chars: int) -> None:
        """What was kept has gone on to (seq, tag) by events of so many characters."""
        found = self._held.get(conversation)
        if found is not None:
            self.put(
                conversation, replace(found, history=history, seq=seq, tag=tag, chars=found.chars + chars)
            )
