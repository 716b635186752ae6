"""Live sessions in memory: the same contract as Redis, for tests and for reading what the contract means."""

import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from chat.session.contract import (
    LOST,
    UNKNOWN_OWNER,
    Appended,
    Batch,
    Command,
    Leftover,
    Loaded,
    LogEvent,
    LogPart,
    Lost,
    Position,
    StreamedPart,
    Tail,
    new_epoch,
    utf16,
)
from chat.session.errors import Conflict, Duplicate, Fenced, IdReused, Missing, PartGap

#: As in `store.py`.
READ_COUNT = 500
MAX_COMMANDS = 200


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


@dataclass
class _Session:
    position: Position
    fields: dict[str, str]
    fence: int
    archived: int
    server: str
    log: list[LogEvent | LogPart] = field(default_factory=list)
    commands: dict[str, Command] = field(default_factory=dict)
    #: Which command asked for the event of a seq.
    asked: dict[int, Command] = field(default_factory=dict)
    message: str = ""
    text: str = ""
    parts: int = 0
    #: When it leaves, by the store's clock; None while the journal lacks something.
    expires: int | None = None
    #: Whether neither the state nor the streamed text has vanished alone.
    whole: bool = True


class MemoryStore:
    """`Store` in memory. `clock` gives milliseconds; `restart`, `flush` and `lose` do what a server may suffer."""

    def __init__(
        self,
        *,
        idle_ttl_ms: int = 24 * 3600 * 1000,
        log_entries: int = 2_000,
        clock: Callable[[], int] = _monotonic_ms,
    ) -> None:
        self._sessions: dict[str, _Session] = {}
        self._leases: dict[str, tuple[str, int]] = {}
        self._loads: dict[str, tuple[str, int]] = {}
        self._idle_ttl_ms = idle_ttl_ms
        self._log_entries = log_entries
        self._clock = clock
        self._server = new_epoch()

    # ---- what may happen to a server ----

    def flush(self) -> None:
        """Lose everything."""
        self._sessions.clear()
        self._leases.clear()
        self._loads.clear()

    def lose(self, conversation: str, key: str) -> None:
        """Lose one of a conversation's KEYS alone, as an eviction does. Harmless if there is no such thing."""
        session = self._sessions.get(conversation)
        if key == "lease":
            self._leases.pop(conversation, None)
        elif session is None:
            return
        elif key == "meta":
            del self._sessions[conversation]
        elif key == "state":
            session.whole = session.whole and not session.fields
            session.fields.clear()
        elif key == "part":
            session.whole = session.whole and not session.text
            session.text = ""
        elif key == "log":
            session.log.clear()
            session.asked.clear()
        else:
            session.commands.clear()

    def copy(self) -> Any:
        """A copy of all data, for `restart`."""
        return deepcopy((self._sessions, self._leases))

    def restart(self, data: Any = None) -> None:
        """Be another server, with the data of an earlier `copy` if there is one."""
        if data is not None:
            self._sessions, self._leases = deepcopy(data)
        self._server = new_epoch()

    # ---- reading ----

    async def load(self, conversation: str) -> Loaded | None:
        session = self._held(conversation)
        if session is None:
            return None
        self._used(session)
        return Loaded(
            position=session.position,
            fields=dict(session.fields),
            part=StreamedPart(session.message, session.text) if session.message else None,
            log_id=f"{session.position.seq}-{session.parts}",
            archived=session.archived,
            fence=session.fence,
            verified=session.server == self._server,
            whole=session.whole,
        )

    async def head(self, conversation: str) -> tuple[Position, int] | None:
        session = self._held(conversation)
        return None if session is None else (session.position, session.archived)

    async def heads(self, conversations: Sequence[str]) -> dict[str, Position]:
        found = {conversation: self._held(conversation) for conversation in conversations}
        return {c: s.position for c, s in found.items() if s is not None and s.server == self._server}

    async def tail(self, conversation: str, after: int) -> Tail | None:
        session = self._held(conversation)
        if session is None:
            return None
        events = [e for e in session.log if isinstance(e, LogEvent) and e.seq > after]
        return Tail(
            position=session.position,
            archived=session.archived,
            fence=session.fence,
            verified=session.server == self._server,
            events=[Leftover(event, session.asked.get(event.seq)) for event in events],
            whole=session.whole,
        )

    async def read(self, positions: Mapping[str, tuple[str, str]]) -> dict[str, Batch | Lost]:
        return {c: self._read(c, epoch, log_id) for c, (epoch, log_id) in positions.items()}

    def _read(self, conversation: str, epoch: str, log_id: str) -> Batch | Lost:
        session = self._held(conversation)
        if session is None or session.position.epoch != epoch or session.server != self._server:
            return LOST
        place, head = _place(log_id), (session.position.seq, session.parts)
        if place > head:
            return LOST
        entries = [entry for entry in session.log if _place(entry.id) > place][:READ_COUNT]
        if place < head:
            seq, number = place
            if not entries or _place(entries[0].id) not in ((seq, number + 1), (seq + 1, 0)):
                return LOST
        return Batch(epoch, entries, entries[-1].id if entries else log_id)

    # ---- writing ----

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
        session = self._present(conversation)
        if fence is not None and fence < session.fence:
            raise Fenced
        if command is not None and (known := session.commands.get(command.id)) is not None:
            if known.digest != command.digest:
                raise IdReused
            raise Duplicate(known.result)
        positions = expected.after(events)
        appended = Appended(positions[-1], [position.tag for position in positions])
        if session.position != expected or session.server != self._server:
            last = next((e for e in session.log if e.id == f"{positions[-1].seq}-0"), None)
            mine = isinstance(last, LogEvent) and last.tag == positions[-1].tag
            if mine and session.position.epoch == expected.epoch:
                return appended
            raise Conflict
        if not session.whole:
            raise Missing
        caught_up = session.archived == expected.seq
        prev = expected.tag
        for text, position in zip(events, positions, strict=True):
            entry = LogEvent(f"{position.seq}-0", position.seq, prev, position.tag, text)
            session.log.append(entry)
            prev = position.tag
        for name, value in patch.items():
            if value is None:
                session.fields.pop(name, None)
            else:
                session.fields[name] = value
        if command is not None:
            session.commands[command.id] = command
            session.asked[positions[0].seq] = command
        session.position = positions[-1]
        session.parts = 0
        if clear_part:
            session.message = session.text = ""
        if caught_up and len(events) < self._log_entries:
            del session.log[: -self._log_entries]
        session.expires = None
        return appended

    async def part(self, conversation: str, fence: int, message: str, offset: int, text: str) -> None:
        session = self._present(conversation)
        if fence < session.fence:
            raise Fenced
        if session.server != self._server:
            raise Conflict
        if not session.whole:
            raise Missing
        have = utf16(session.text) if session.message == message else 0
        if offset > have:
            raise PartGap(have)
        rest = text.encode("utf-16-le")[2 * (have - offset) :].decode("utf-16-le", "replace")
        if not rest:
            return
        session.parts += 1
        session.log.append(LogPart(f"{session.position.seq}-{session.parts}", message, have, rest))
        session.text = session.text + rest if have else rest
        session.message = message
        if session.archived == session.position.seq:
            del session.log[: -self._log_entries]

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
        held = self._held(conversation)
        if (held.position.epoch if held else None) != replaces:
            return False
        fence = max(fence, held.fence if held else 0)
        session = _Session(position, dict(fields), fence, archived, self._server)
        self._sessions[conversation] = session
        session.expires = self._clock() + self._idle_ttl_ms
        return True

    async def fence(self, conversation: str, fence: int) -> None:
        session = self._present(conversation)
        session.fence = max(session.fence, fence)

    async def archived(self, conversation: str, position: Position) -> bool:
        session = self._held(conversation)
        if session is None or session.position.epoch != position.epoch:
            return False
        if position.seq > session.position.seq:
            return False
        if position.seq == session.position.seq:
            if position.tag != session.position.tag:
                return False
            if len(session.commands) > MAX_COMMANDS:
                session.commands.clear()
        session.archived = max(session.archived, position.seq)
        session.asked = {seq: command for seq, command in session.asked.items() if seq > session.archived}
        self._used(session)
        return True

    async def verified(self, conversation: str, position: Position, epoch: str) -> bool:
        session = self._held(conversation)
        if session is None or session.position != position:
            return False
        session.position = replace(position, epoch=epoch)
        session.server = self._server
        return True

    async def delete(self, conversation: str) -> None:
        self._sessions.pop(conversation, None)
        self._leases.pop(conversation, None)

    # ---- commands ----

    async def command(self, conversation: str, id: str) -> Command | None:
        session = self._held(conversation)
        return None if session is None else session.commands.get(id)

    async def remember(self, conversation: str, command: Command) -> None:
        session = self._held(conversation)
        if session is not None:
            session.commands.setdefault(command.id, command)

    # ---- leases ----

    async def acquire(self, conversation: str, owner: str, ttl_ms: int) -> bool:
        if await self.lease(conversation) not in (None, owner):
            return False
        self._leases[conversation] = (owner, self._clock() + ttl_ms)
        return True

    async def hold(self, conversation: str, ttl_ms: int) -> None:
        owner = await self.lease(conversation)
        _, until = self._leases[conversation] if owner is not None else ("", 0)
        self._leases[conversation] = (owner or UNKNOWN_OWNER, max(until, self._clock() + ttl_ms))

    async def reclaim(self, conversation: str, owner: str, ttl_ms: int) -> bool:
        if await self.lease(conversation) == UNKNOWN_OWNER:
            del self._leases[conversation]
        return await self.acquire(conversation, owner, ttl_ms)

    async def renew(self, conversation: str, owner: str, ttl_ms: int) -> bool:
        if await self.lease(conversation) != owner:
            return False
        self._leases[conversation] = (owner, self._clock() + ttl_ms)
        return True

    async def beat(self, worker: str, load: str, ttl_ms: int) -> dict[str, str]:
        now = self._clock()
        self._loads[worker] = (load, now + ttl_ms if load else now)
        self._loads = {name: said for name, said in self._loads.items() if said[1] > now}
        return {name: words for name, (words, _) in self._loads.items()}

    async def loads(self) -> dict[str, str]:
        return await self.beat("", "", 0)

    async def release(self, conversation: str, owner: str) -> None:
        if await self.lease(conversation) == owner:
            del self._leases[conversation]

    async def lease(self, conversation: str) -> str | None:
        owner, expires = self._leases.get(conversation, (None, 0))
        return owner if expires > self._clock() else None

    async def leases(self, conversations: Sequence[str]) -> dict[str, int]:
        now = self._clock()
        ends = {c: self._leases[c][1] for c in conversations if c in self._leases}
        return {conversation: end - now for conversation, end in ends.items() if end > now}

    async def examine(self) -> str:
        return "noeviction"

    async def set_clock(self) -> None:
        """In memory there is one machine and one clock."""

    async def aclose(self) -> None:
        """Nothing is held outside this object."""

    # ---- helpers ----

    def _held(self, conversation: str) -> _Session | None:
        session = self._sessions.get(conversation)
        if session is not None and session.expires is not None and session.expires <= self._clock():
            del self._sessions[conversation]
            return None
        return session

    def _present(self, conversation: str) -> _Session:
        session = self._held(conversation)
        if session is None:
            raise Missing
        return session

    def _used(self, session: _Session) -> None:
        if session.archived == session.position.seq:
            session.expires = self._clock() + self._idle_ttl_ms


def _place(log_id: str) -> tuple[int, int]:
    seq, _, number = log_id.partition("-")
    return int(seq), int(number)
