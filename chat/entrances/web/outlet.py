"""What waits to be written to one socket, and what becomes of it when the reader is slow (rule W10).

Three kinds of frames wait here. `Control` frames are small and never dropped. `QueuedFrame` frames (snapshot pieces,
events, synced) belong to a conversation and cannot be thinned out: the chain of cursors would break. `Chunk`s of
streaming text can: chunks of one step that follow each other become one. When that is not enough, everything of
the conversation that takes most room is dropped, and its reader is told to open it again.
"""

from collections import deque
from dataclasses import dataclass

from chat.entrances.web import frames

#: Bytes that may wait for one socket. A snapshot in the making is counted apart: see `Outlet.room`.
LIMIT = 256 * 1024
#: Bytes of control frames after which a reader that takes nothing is given up.
CONTROL_LIMIT = 128 * 1024


@dataclass(frozen=True, slots=True)
class Control:
    """A frame that is never dropped. Of those with the same `slot` only the newest waits (a heartbeat)."""

    text: str
    slot: str = ""


@dataclass(frozen=True, slots=True)
class QueuedFrame:
    """A frame of a conversation. `snapshot` frames are not counted: an overflow must not undo its own cure."""

    conversation: str
    text: str
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """Streaming text of step `message` at `offset` (UTF-16 units)."""

    conversation: str
    message: str
    offset: int
    text: str


Outgoing = Control | QueuedFrame | Chunk


class Outlet:
    """The bounded queue of one socket. Pure: who writes and when is the caller's business.

    >>> outlet = Outlet()
    >>> outlet.put(Chunk("c", "s", 0, "he"))
    >>> outlet.put(Chunk("c", "s", 2, "y"))
    >>> outlet.take()
    '{"type":"part","conversation":"c","message":"s","offset":0,"text":"hey"}'
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        #: What waits, oldest first.
        self._waiting: deque[Outgoing] = deque()
        #: Bytes that wait per conversation, snapshots not counted; control frames under "".
        self._bytes: dict[str, int] = {}
        self._snapshots = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def bytes(self) -> int:
        """Bytes that wait, snapshots not counted (chunks by their text)."""
        return sum(self._bytes.values())

    @property
    def room(self) -> bool:
        """Whether another snapshot may be made: none waits, and the queue is at most half full. So a socket
        holds at most one snapshot in memory, however many conversations its tab opens at once."""
        return self._snapshots == 0 and self.bytes <= self._limit // 2

    @property
    def stuck(self) -> bool:
        """Whether even what may not be dropped has become too much: the socket is to be closed."""
        return self._bytes.get("", 0) > CONTROL_LIMIT

    def put(self, item: Outgoing) -> None:
        """Queue a frame. After calling this method: drop what `overflow` names, until it names nothing."""
        if isinstance(item, Chunk) and self._joined(item):
            return
        if isinstance(item, Control) and item.slot:
            self._replace(item.slot)
        self._waiting.append(item)
        self._count(item, 1)

    def overflow(self) -> str | None:
        """The conversation to drop because too much waits: the one that takes most room. One frame alone is
        never too much: it says nothing about the reader."""
        if self.bytes <= self._limit or len(self._waiting) == 1:
            return None
        self._conflate()
        if self.bytes <= self._limit:
            return None
        heaviest = max((key for key in self._bytes if key), key=self._bytes.__getitem__, default=None)
        return heaviest if heaviest and self._bytes[heaviest] else None

    def drop(self, conversation: str) -> None:
        """Forget everything that waits of a conversation.

        After calling this method: tell the reader (`resync`, `gone`), because its chain of cursors is cut.
        """
        kept: deque[Outgoing] = deque()
        for item in self._waiting:
            if _owner(item) == conversation:
                self._count(item, -1)
            else:
                kept.append(item)
        self._waiting = kept
        self._bytes.pop(conversation, None)

    def take(self) -> str | None:
        """The next frame to write, or None when nothing waits."""
        if not self._waiting:
            return None
        item = self._waiting.popleft()
        self._count(item, -1)
        if not isinstance(item, Chunk):
            return item.text
        if len(item.text) > frames.MAX_PART:
            (_, head), (offset, _), *_ = frames.sliced(item.text, item.offset)
            rest = Chunk(item.conversation, item.message, offset, item.text[len(head) :])
            self._waiting.appendleft(rest)
            self._count(rest, 1)
            return frames.part(item.conversation, item.message, item.offset, head)
        return frames.part(item.conversation, item.message, item.offset, item.text)

    def _joined(self, chunk: Chunk) -> bool:
        """Whether `chunk` could be added to the last frame that waits."""
        last = self._waiting[-1] if self._waiting else None
        if not isinstance(last, Chunk) or not _follows(last, chunk):
            return False
        self._count(last, -1)
        self._waiting[-1] = _join(last, chunk)
        self._count(self._waiting[-1], 1)
        return True

    def _conflate(self) -> None:
        """Join each chunk to the earlier one of its step, over the frames of other conversations between
        them. Never over a frame of its own conversation: an event may say that the step has ended."""
        open_chunk: dict[str, int] = {}
        kept: list[Outgoing] = []
        for item in self._waiting:
            owner = _owner(item)
            at = open_chunk.get(owner)
            if isinstance(item, Chunk):
                earlier = kept[at] if at is not None else None
                if at is not None and isinstance(earlier, Chunk) and _follows(earlier, item):
                    kept[at] = _join(earlier, item)
                    continue
                open_chunk[owner] = len(kept)
            else:
                open_chunk.pop(owner, None)
            kept.append(item)
        self._waiting = deque(kept)
        self._recount()

    def _replace(self, slot: str) -> None:
        for item in self._waiting:
            if isinstance(item, Control) and item.slot == slot:
                self._waiting.remove(item)
                self._count(item, -1)
                return

    def _count(self, item: Outgoing, sign: int) -> None:
        if isinstance(item, QueuedFrame) and item.snapshot:
            self._snapshots += sign
            return
        owner = _owner(item)
        self._bytes[owner] = self._bytes.get(owner, 0) + sign * _cost(item)

    def _recount(self) -> None:
        self._bytes, self._snapshots = {}, 0
        for item in self._waiting:
            self._count(item, 1)


#: Characters beyond which a chunk takes in no more: joining copies, and must not cost the square of what waits.
JOIN = 16 * 1024
#: What a frame costs beside its text, in bytes: envelope and bookkeeping.
OVERHEAD = 150


def _owner(item: Outgoing) -> str:
    return "" if isinstance(item, Control) else item.conversation


def _cost(item: Outgoing) -> int:
    return frames.size(item.text) + (OVERHEAD if isinstance(item, Chunk) else 0)


def _follows(first: Chunk, second: Chunk) -> bool:
    """Whether `second` may be added to `first`; a chunk that is large already is left alone."""
    return (
        len(first.text) < JOIN
        and first.conversation == second.conversation
        and first.message == second.message
        and second.offset == first.offset + frames.units(first.text)
    )


def _join(first: Chunk, second: Chunk) -> Chunk:
    return Chunk(first.conversation, first.message, first.offset, first.text + second.text)
