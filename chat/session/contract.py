"""What a store of live sessions does, whatever it is made of: `store.py` over Redis, `memory.py` in memory.

`tests/contract/` holds both to it. Shapes here are what crosses between the store and everybody else.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a session; as text, a reader's cursor."""

    epoch: str
    seq: int
    tag: str

    @property
    def cursor(self) -> str:
        """`epoch:seq:tag`, opaque to whoever is not this class."""
        return f"{self.epoch}:{self.seq}:{self.tag}"

    @classmethod
    def parse(cls, text: str) -> "Position | None":
        """The position of a cursor, or None if it is not one."""
        epoch, _, rest = text.partition(":")
        seq, _, tag = rest.partition(":")
        if not (epoch.isalnum() and seq.isdecimal() and seq.isascii() and (tag.isalnum() or not tag)):
            return None
        return cls(epoch, int(seq), tag)

    def after(self, texts: Sequence[str]) -> list["Position"]:
        """The positions after each of these events, in turn."""
        positions = []
        seq, tag = self.seq, self.tag
        for text in texts:
            seq, tag = seq + 1, next_tag(tag, text)
            positions.append(Position(self.epoch, seq, tag))
        return positions


def next_tag(tag: str, text: str) -> str:
    """The tag after an event: it depends on every event before it. The append script computes the same."""
    return hashlib.sha1((tag + text).encode(), usedforsecurity=False).hexdigest()[:16]


def new_epoch() -> str:
    """An epoch that no reader has seen."""
    return secrets.token_hex(6)


def utf16(text: str) -> int:
    """Length in UTF-16 code units, the unit of offsets (rule W4): that is how JavaScript counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


@dataclass(frozen=True, slots=True)
class StreamedPart:
    """The text of the step `message` as far as it has streamed."""

    message: str
    text: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """One atomic read of a session (rule S3). `fields` is the state with its values as JSON text; `log_id` is
    the last entry of the log that the read includes. Not `verified`: the Redis server is another one, or
    another incarnation, than the one on which the session was last compared with SQL. Not `whole`: the state or the
    streamed text has vanished from the store alone, so what is here is not what was written."""

    position: Position
    fields: dict[str, str]
    part: StreamedPart | None
    log_id: str
    archived: int
    fence: int
    verified: bool
    whole: bool = True


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event of the log: `text` is the stored JSON, `prev` and `tag` the tags before and after it."""

    id: str
    seq: int
    prev: str
    tag: str
    text: str


@dataclass(frozen=True, slots=True)
class LogPart:
    """One part of the log; `offset` in UTF-16 units."""

    id: str
    message: str
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What followed a reader's position; `log_id` is its new position."""

    epoch: str
    entries: list[LogEvent | LogPart]
    log_id: str


class Lost:
    """A reader's position cannot be continued: take a snapshot."""

    def __repr__(self) -> str:
        return "LOST"


LOST = Lost()

#: What a store keeps of a conversation, each by a key of its own. Any of them may vanish alone (rule S6).
KEYS = ("meta", "state", "log", "commands", "part", "lease")

#: Holds a lease for whoever owned the run on a Redis that has lost who that was.
UNKNOWN_OWNER = "?"


@dataclass(frozen=True, slots=True)
class Command:
    """A command and its result (JSON text). `digest` tells payloads apart."""

    id: str
    digest: str
    result: str


@dataclass(frozen=True, slots=True)
class Appended:
    """Where the session is after an append; `tags` has the tag after each of its events."""

    position: Position
    tags: list[str]


@dataclass(frozen=True, slots=True)
class Leftover:
    """An event that may not be in the journal yet, with the command that asked for it."""

    event: LogEvent
    command: Command | None


@dataclass(frozen=True, slots=True)
class Tail:
    """One atomic read of the log's events after some seq. `whole`: as of `Loaded`."""

    position: Position
    archived: int
    fence: int
    verified: bool
    events: list[Leftover]
    whole: bool = True


class Store(Protocol):
    """Live sessions. Each method is atomic for one conversation. All raise StoreUnavailable."""

    async def load(self, conversation: str) -> Loaded | None:
        """The whole session at one moment, or None if it is not held. Counts as use (rule S8)."""

    async def head(self, conversation: str) -> tuple[Position, int] | None:
        """Where the session is, and up to which seq it is archived."""

    async def heads(self, conversations: Sequence[str]) -> dict[str, Position]:
        """Where sessions are; those that are not held, or not verified, are left out."""

    async def tail(self, conversation: str, after: int) -> Tail | None:
        """The events beyond seq `after` that the log still has."""

    async def append(
        self,
        conversation: str,
        expected: Position,
        events: Sequence[str],
        patch: Mapping[str, str | None],
        *,
        fence: int | None = None,
        command: Command | None = None,
        clear_part: bool = False,
    ) -> Appended:
        """Append events (JSON texts) and write the patch (JSON texts; None deletes), all or nothing (S2).

        Saying the same thing at the same position again is harmless: it is recognised by its tag. Raises
        Missing, Fenced, Duplicate, IdReused, Conflict, checked in this order; and Missing if the
        session is not whole. After this method: archive the
        events, then call `archived`; only then act on them (rule S5).
        """

    async def command(self, conversation: str, id: str) -> Command | None:
        """The result of a command, if it is held here; SQL remembers for longer."""

    async def remember(self, conversation: str, command: Command) -> None:
        """Hold the result of a command that changed nothing. The first one stands."""

    async def seed(
        self,
        conversation: str,
        position: Position,
        fields: Mapping[str, str],
        *,
        fence: int,
        archived: int,
        replaces: str | None,
    ) -> bool:
        """Put a session in place, with an empty log: where none is (`replaces` None), or instead of epoch
        `replaces`. False if what is there is something else. The fence never gets smaller."""

    async def part(self, conversation: str, fence: int, message: str, offset: int, text: str) -> None:
        """Add streaming text. What is there already is ignored. Raises Missing (or not whole), Fenced, Conflict (to be
        compared with SQL first), PartGap."""

    async def read(self, positions: Mapping[str, tuple[str, str]]) -> dict[str, Batch | Lost]:
        """What follows each (epoch, log_id), without waiting; bounded per conversation, so read again."""

    async def acquire(self, conversation: str, owner: str, ttl_ms: int) -> bool:
        """Take the lease if nobody has it (or `owner` has)."""

    async def hold(self, conversation: str, ttl_ms: int) -> None:
        """Have the lease last this long from now: for its owner or, if nobody has it, for UNKNOWN_OWNER."""

    async def reclaim(self, conversation: str, owner: str, ttl_ms: int) -> bool:
        """Take the lease if nobody but UNKNOWN_OWNER has it (or `owner` has)."""

    async def renew(self, conversation: str, owner: str, ttl_ms: int) -> bool:
        """Keep the lease; False if `owner` does not have it."""

    async def release(self, conversation: str, owner: str) -> None:
        """Give the lease back, if `owner` has it."""

    async def lease(self, conversation: str) -> str | None:
        """Who has the lease."""

    async def leases(self, conversations: Sequence[str]) -> dict[str, int]:
        """Which of these have an owner, and how long its lease still lasts if it is not renewed (milliseconds)."""

    async def beat(self, worker: str, load: str, ttl_ms: int) -> dict[str, str]:
        """Say how busy a worker is (its own words; "": it leaves), for so long; what all of them have said, by name."""

    async def loads(self) -> dict[str, str]:
        """What `beat` has told of all workers, by name, for whoever is none."""

    async def fence(self, conversation: str, fence: int) -> None:
        """Refuse writes with a smaller fence from now on. Raises Missing."""

    async def archived(self, conversation: str, position: Position) -> bool:
        """The journal has everything up to `position`; the session may now leave when idle (rule S8). False
        if the session is not of that history (any more): compare it with SQL."""

    async def verified(self, conversation: str, position: Position, epoch: str) -> bool:
        """The session at `position` was compared with SQL and is right. It goes on under the new `epoch`,
        because readers may have seen more than this server kept. False if it has moved."""

    async def delete(self, conversation: str) -> None:
        """Forget the session: it was deleted, or shall come back from SQL."""

    async def examine(self) -> str:
        """What is done with memory that runs out: `noeviction`, or the name of a policy by which what was taken may
        vanish; '' if it cannot be known. Raises StoreUnusable, too."""

    async def set_clock(self) -> None:
        """Have the clock that this store was made with go by the store's. Happens by itself with every `load`; for
        whoever loads nothing. Harmless where the time may not be asked for."""

    async def aclose(self) -> None:
        """Let go of connections."""
