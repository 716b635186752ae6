"""Sessions: the shell that keeps Redis and SQL at one truth (rules S1–S8).

    append:  load ─► decide (pure) ─► store.append ─► journal.archive ─► mark archived ─► ring
                ▲                          │ moved         │ SQL disagrees
                └──────────────────────────┴───────────────┘

Redis orders, SQL remembers. Whatever may have gone wrong before, a crash between the two writes, a lost tail,
an empty server, one key that vanished, is set right by the next `load`; there is no other recovery.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents import events as e
from agents.events.earlier import Told
from agents.history import History
from agents.lifecycle import RUN
from chat.journal.committed import Committed, commit
from chat.journal.journal import Base, Journal
from chat.session.contract import Command, Loaded, Position, Store, StreamedPart, Tail, new_epoch
from chat.session.errors import (
    Behind,
    Busy,
    Conflict,
    Diverged,
    Duplicate,
    IdReused,
    JournalUnavailable,
    Missing,
    NoConversation,
    StoreUnavailable,
    Unarchivable,
)
from chat.session.state import merge, reduce, run_of
from chat.session.views import State
from chat.support import kill_points
from chat.support.backoff import Backoff
from chat.support.clock import MACHINE, Clock
from chat.support.tasks import end
from chat.telemetry.metrics import APPENDS

log = logging.getLogger(__name__)

#: How often one request starts over because others write to the same conversation, before it gives up.
TRIES = 25
#: Seconds before a third and further try of what collided with others, spread so that they do not stay in step.
COLLISION_S = Backoff(0.008, 0.05, jitter=1.0)
#: Seconds before the second and third try to archive. A locked database has its own patience besides.
ARCHIVE_RETRY_S = (0.2, 1.0)
#: Seconds that a writer gets to archive what it has just appended before a reader does it for them.
GRACE_S = 0.03
#: Seconds after which a session that was found on another server is compared with SQL once more. Until then others may
#: still write to the server before it: they ask who the primary is every two seconds, and wait five for an answer.
SECOND_LOOK_S = 10.0

OnChange = Callable[[str, Sequence[e.Event]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session at one moment. `state` is `loaded.fields` parsed; none of it may be changed."""

    position: Position
    state: State
    part: StreamedPart | None
    fence: int
    loaded: Loaded


@dataclass(frozen=True, slots=True)
class AppendOutcome:
    """What an append came to. `view` is the session after it. A `duplicate` appended nothing; `result` is the
    recorded result of the command, in either case."""

    view: SessionView
    events: list[e.Event]
    duplicate: bool
    result: str | None
    #: Characters of the events, as they are stored.
    chars: int = 0


Decide = Callable[[SessionView], list[e.Event]]


class Sessions:
    """All sessions, for one process. `on_change(conversation, events)` is called after each append, with what was
    appended, and after each rebuild, with nothing; it should ring the doorbell, and what it raises is logged and
    has no effect. `lease_ms`: how long owners of runs hold their leases, the same in every process. `told`: what is
    decided as it is to be written, if a release before is to read it (agents/events/earlier.py)."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        *,
        on_change: OnChange | None = None,
        lease_ms: int = 0,
        clock: Clock = MACHINE,
        told: Told | None = None,
    ) -> None:
        self.store = store
        self.journal = journal
        self._told = told
        self._on_change = on_change
        self._lease_ms = lease_ms
        self._clock = clock
        #: The fences that `take` gave, by (conversation, owner): `renew` needs them after a flush.
        self._fences: dict[tuple[str, str], int] = {}
        #: Second looks that are due, by conversation.
        self._second_looks: dict[str, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Let go of all connections."""
        await end(self._second_looks.values())
        await self.store.aclose()
        await asyncio.to_thread(self.journal.close)

    # ---- reading ----

    async def load(self, conversation: str) -> SessionView:
        """The session now, with its state parsed; see `look`."""
        return parsed(await self.look(conversation))

    async def look(self, conversation: str) -> Loaded:
        """The session now, set right if need be: left-overs archived, compared with SQL on a new server,
        rebuilt if Redis does not have it. The state is text, as snapshots send it: nothing is parsed. Raises
        NoConversation, Unavailable."""
        waited = False
        for attempt in range(TRIES):
            await _pause(attempt)
            loaded = await self.store.load(conversation)
            if loaded is None:
                await self._rebuild(conversation, await self.journal.base(conversation), None)
            elif loaded.verified and loaded.whole and loaded.archived == loaded.position.seq:
                if MOVED not in loaded.fields:
                    return loaded
                # Another branch is shown: its items are in SQL, and every reader needs them.
                base = await self.journal.base(conversation)
                await self._rebuild(conversation, base, loaded.position.epoch, lost=False)
            elif loaded.verified and loaded.whole and not waited:
                # Most likely its writer is archiving it at this moment.
                waited = True
                await asyncio.sleep(GRACE_S)
            else:
                await self._reconcile(conversation)
        raise Busy

    async def ensure_archived(self, conversation: str) -> None:
        """Have everything that Redis holds of a conversation in the journal (rule S6)."""
        await self.look(conversation)

    async def history(self, conversation: str) -> History:
        """The conversation as its agent sees it, up to now: its newest items, and all of its latest run."""
        await self.ensure_archived(conversation)
        return await self.journal.history(conversation)

    async def rebuild(self, conversation: str) -> None:
        """Put the session in Redis anew, as SQL knows it, after what Redis alone has was archived. Readers see a new
        epoch and look again; the owner of a run goes on. For an operator who wants it. Raises NoConversation,
        Unavailable."""
        loaded = await self.look(conversation)
        base = await self.journal.base(conversation)
        await self._rebuild(conversation, base, loaded.position.epoch)

    # ---- writing ----

    async def create(
        self,
        conversation: str,
        owner_id: Any,
        agent_slug: str,
        title: str,
        entrance: str,
        command: Command | None = None,
        then: Decide | None = None,
    ) -> AppendOutcome:
        """Make a conversation with a client-made id, or find that its owner has made it already; and append what `then`
        decides on it. Raises NoConversation if the id is somebody else's, or of a deleted one; IdReused, Unavailable,
        and what `then` raises."""
        now = self._clock.now()
        if await self.journal.create(conversation, owner_id, agent_slug, title, entrance, now):
            # Nothing of it need be looked for in SQL.
            await self._rebuild(conversation, Base(0, "", 0, {}), None)

        def begin(view: SessionView) -> list[e.Event]:
            made: list[e.Event] = []
            if not view.position.seq:
                made = [e.ConversationCreated(at=now, title=title, agent=agent_slug)]
                view = replace(view, state=merge(view.state, reduce(view.state, made[0], 1)))
            return made if then is None else [*made, *then(view)]

        return await self.append(conversation, begin, command=command)

    async def append(
        self,
        conversation: str,
        decide: Decide,
        *,
        fence: int | None = None,
        command: Command | None = None,
        kept: SessionView | None = None,
    ) -> AppendOutcome:
        """Append what `decide` makes of the session, and return once the journal has it (rule S5).

        `decide` is pure and is called again when somebody else was faster; what it raises (Rejected) is passed
        on. With a command whose id was there before, nothing is appended and the recorded result is returned.
        `kept` is the session as the caller saw it last: it saves loading it, because an append to a session that has
        moved is refused; whatever else than an append comes of it is decided again on the session as it is.
        Raises Fenced, IdReused, NoConversation, Unavailable. After JournalUnavailable and StoreUnavailable
        it is open whether the events will stand: load, and decide anew.
        """
        for attempt in range(TRIES):
            await _pause(attempt)
            view = kept or await self.load(conversation)
            if command is not None and (known := await self._known(conversation, command)) is not None:
                return AppendOutcome(view, [], True, known.result)
            if kept is not None:
                kept = None
                events = _decided(decide, view)
                if not events:
                    continue
            else:
                events = decide(view)
            events = self.as_told(events)
            if not events:
                if command is None:
                    return AppendOutcome(view, [], False, None)
                known = await self.remember(conversation, command)
                return AppendOutcome(view, [], known != command, known.result)
            try:
                after, chars = await self._append(conversation, view, events, fence, command)
            except (Conflict, Missing, Diverged):
                continue
            except Duplicate as problem:
                duplicate = problem
                break
            return AppendOutcome(after, events, False, command.result if command else None, chars)
        else:
            raise Busy
        return await self._duplicate(conversation, command, duplicate)

    def as_told(self, events: list[e.Event]) -> list[e.Event]:
        """What was decided as `append` writes it."""
        return events if self._told is None else [self._told(event) for event in events]

    async def part(self, conversation: str, fence: int, message: str, offset: int, text: str) -> None:
        """Add streaming text of a step. Raises Fenced; PartGap, which says from where to send it again."""
        for attempt in range(TRIES):
            await _pause(attempt)
            try:
                return await self.store.part(conversation, fence, message, offset, text)
            except (Missing, Conflict):
                await self.look(conversation)
        raise Busy

    async def delete(self, conversation: str) -> None:
        """Delete a conversation: nobody finds it any more. Harmless if it is gone already."""
        await self.journal.delete(conversation, self._clock.now())
        await self.store.delete(conversation)
        await self._changed(conversation)

    # ---- commands ----

    async def command(self, conversation: str, id: str) -> Command | None:
        """A command that has its result. If it changed something, that is committed when this returns."""
        found = await self.journal.command(conversation, id)
        if found is None and await self.store.command(conversation, id) is not None:
            await self.ensure_archived(conversation)
            found = await self.journal.command(conversation, id)
        return found or await self.store.command(conversation, id)

    async def remember(self, conversation: str, command: Command) -> Command:
        """Keep the result of a command that changed nothing; returns the one that stands. Raises IdReused."""
        stands = await self.journal.remember(conversation, command)
        try:
            await self.store.remember(conversation, stands)
        except StoreUnavailable:
            log.debug("Redis does not hold command %s; SQL does.", command.id)
        return stands

    async def _known(self, conversation: str, command: Command) -> Command | None:
        # Asked after the load and before the compare-and-set: whoever appends the same command in between
        # moves the session, and this append starts over.
        found = await self.journal.command(conversation, command.id)
        if found is not None and found.digest != command.digest:
            raise IdReused
        return found

    async def _duplicate(
        self, conversation: str, command: Command | None, duplicate: Duplicate
    ) -> AppendOutcome:
        view = await self.load(conversation)
        known = await self._known(conversation, command) if command else None
        return AppendOutcome(view, [], True, known.result if known else duplicate.result)

    # ---- owning a run ----

    async def take(self, conversation: str, owner: str, ttl_ms: int) -> int | None:
        """Become the owner of the conversation's run (rule R2). Returns the fence to write with, or None if
        somebody else is. Call `renew` well within `ttl_ms`, and `release` in the end."""
        taken = await self.take_seen(conversation, owner, ttl_ms)
        return None if taken is None else taken[0]

    async def take_seen(self, conversation: str, owner: str, ttl_ms: int) -> tuple[int, Loaded] | None:
        """`take`, with the session as it was right before."""
        seen = await self.look(conversation)
        if not await self.store.acquire(conversation, owner, ttl_ms):
            return None
        try:
            fence = await self.journal.grow_fence(conversation)
            await self._raise_fence(conversation, fence)
        except BaseException:
            await self._release_quietly(conversation, owner)
            raise
        self._fences[conversation, owner] = fence
        return fence, seen

    async def renew(self, conversation: str, owner: str, ttl_ms: int) -> bool:
        """Keep the lease. If it is gone (it ran out, or Redis lost it) and nobody has taken the run since, it is
        taken again with the same fence. False: stop working, and write nothing more."""
        if await self.store.renew(conversation, owner, ttl_ms):
            return True
        fence = self._fences.get((conversation, owner))
        if fence is None or await self.journal.fence(conversation) != fence:
            return False
        if not await self.store.reclaim(conversation, owner, ttl_ms):
            return False
        # Somebody may have taken and released it in between.
        if await self.journal.fence(conversation) == fence:
            return True
        await self._release_quietly(conversation, owner)
        return False

    async def release(self, conversation: str, owner: str) -> None:
        """Give up the run. Harmless if it is not owned."""
        self._fences.pop((conversation, owner), None)
        await self.store.release(conversation, owner)

    async def _raise_fence(self, conversation: str, fence: int) -> None:
        for attempt in range(TRIES):
            await _pause(attempt)
            try:
                return await self.store.fence(conversation, fence)
            except Missing:
                await self.look(conversation)
        raise Busy

    async def _release_quietly(self, conversation: str, owner: str) -> None:
        try:
            await self.store.release(conversation, owner)
        except StoreUnavailable:
            log.debug("The lease of %s could not be given back; it will run out.", conversation)

    # ---- one append ----

    async def _append(
        self,
        conversation: str,
        view: SessionView,
        events: Sequence[e.Event],
        fence: int | None,
        command: Command | None,
    ) -> tuple[SessionView, int]:
        base, begun = view.position, time.monotonic()
        texts = [e.to_json(event) for event in events]
        stored = [
            (place.tag, text, event, command if place.seq == base.seq + 1 else None)
            for place, text, event in zip(base.after(texts), texts, events, strict=True)
        ]
        state, committed = commit(view.state, base.seq, stored)
        patch = _patch(view.state, state)
        clears = any(isinstance(event, _CLEARS_PART) for event in events)
        kill_points.point("append.begin")
        appended = await self.store.append(
            conversation, base, texts, patch, fence=fence, command=command, clear_part=clears
        )
        kill_points.point("append.stored")
        await self._archive(conversation, base, committed, state)
        kill_points.point("append.archived")
        APPENDS.observe(time.monotonic() - begun)
        await self._mark_archived(conversation, appended.position)
        await self._changed(conversation, events)
        if MOVED in state:
            return await self.load(conversation), sum(map(len, texts))
        loaded = replace(
            view.loaded,
            position=appended.position,
            fields={key: text for key, text in {**view.loaded.fields, **patch}.items() if text is not None},
            part=None if clears else view.part,
            log_id=f"{appended.position.seq}-0",
            archived=appended.position.seq,
        )
        after = SessionView(loaded.position, state, loaded.part, loaded.fence, loaded)
        return after, sum(map(len, texts))

    async def _archive(
        self, conversation: str, base: Position, committed: Sequence[Committed], after: State
    ) -> None:
        """Commit to SQL, and try again for a while. Raises Diverged and Unarchivable (after setting Redis right),
        JournalUnavailable."""
        behind = False
        for pause in (*ARCHIVE_RETRY_S, None):
            try:
                if behind:
                    await self._reconcile(conversation)
                return await self.journal.archive(conversation, (base.seq, base.tag), committed, after)
            except Behind:
                behind = True
            except (Diverged, Unarchivable) as problem:
                log.warning("Conversation %s, after seq %d: %s", conversation, base.seq, problem)
                refused = problem
                break
            except JournalUnavailable:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
        else:
            raise JournalUnavailable
        await self._reconcile(conversation)
        raise refused

    async def _mark_archived(self, conversation: str, position: Position) -> None:
        """Tell Redis that SQL has it. From here on nothing may fail: the events are committed."""
        try:
            if not await self.store.archived(conversation, position):
                # The session was emptied or rebuilt while we wrote to SQL, perhaps without these events.
                await self._reconcile(conversation)
        except (StoreUnavailable, JournalUnavailable, NoConversation) as problem:
            log.warning("Conversation %s is committed but not marked: %s", conversation, problem)

    async def _changed(self, conversation: str, events: Sequence[e.Event] = ()) -> None:
        if self._on_change is None:
            return
        try:
            await self._on_change(conversation, events)
        except Exception:
            log.exception("The bell of conversation %s could not be rung.", conversation)

    # ---- setting right ----

    async def _reconcile(self, conversation: str) -> None:
        """Compare Redis with SQL, and archive what SQL lacks or rebuild what Redis lacks (rules S6, S7)."""
        base = await self.journal.base(conversation)
        # Read after SQL: every event is in Redis before it is in SQL, so a Redis that is behind has lost it.
        tail = await self.store.tail(conversation, base.seq)
        if tail is None:
            return
        state: State = base.state
        if not _continues(base, tail):
            if tail.archived > base.seq and (await self.journal.base(conversation)).seq > base.seq:
                return  # both went on meanwhile
            await self._rebuild(conversation, base, tail.position.epoch)
            return
        dropped = False
        if tail.events:
            try:
                state = await self._archive_leftovers(conversation, base, tail)
            except (Diverged, Unarchivable) as problem:
                log.error("Conversation %s: left-over events are dropped. %s", conversation, problem)
                dropped = True
            except Behind:
                return  # SQL went back; the next look sees it
        if dropped or not tail.whole:
            # A key has vanished alone; SQL has by now whatever the others still told.
            base = await self.journal.base(conversation)
            await self._rebuild(conversation, base, tail.position.epoch)
            return
        await self.store.archived(conversation, tail.position)
        if not tail.verified:
            await self._verify(conversation, base, tail.position, state)

    async def _verify(self, conversation: str, base: Base, position: Position, state: State) -> None:
        """The session is right, on a server that is not the one it was on. Readers may have seen more than this
        server kept, so they must look again: a new epoch."""
        await self._spare_owner(conversation, state)
        try:
            await self.store.fence(conversation, base.fence)
        except Missing:
            return
        if await self.store.verified(conversation, position, new_epoch()):
            await self._changed(conversation)
        self._look_again(conversation)

    async def compare(self, conversation: str) -> bool:
        """Set the session right if SQL has events that it lacks, which nothing else notices on a server that looks
        sound (rule S6); whether it lacked any. For those who meet a contradiction. Raises Unavailable and
        NoConversation."""
        # In this order: every event is in Redis before it is in SQL.
        base = await self.journal.base(conversation)
        head = await self.store.head(conversation)
        if head is None or head[0].seq >= base.seq:
            return False
        await self._reconcile(conversation)
        return True

    def _look_again(self, conversation: str) -> None:
        """Compare with SQL once more, later. The server before may go on for seconds after a failover: what others
        append there is committed to SQL, and nothing here would ever tell that it is missing."""
        if conversation not in self._second_looks:
            task = asyncio.create_task(self._second_look(conversation), name=f"second look {conversation}")
            self._second_looks[conversation] = task
            task.add_done_callback(lambda _: self._second_looks.pop(conversation, None))

    async def _second_look(self, conversation: str) -> None:
        for _ in range(TRIES):
            await asyncio.sleep(SECOND_LOOK_S)
            try:
                await self.compare(conversation)
                return
            except NoConversation:
                return
            except (StoreUnavailable, JournalUnavailable) as problem:
                log.debug("Conversation %s is looked at later: %s", conversation, problem)

    async def _spare_owner(self, conversation: str, state: State) -> None:
        """Give the owner of the run, who may be alive and not know it yet, a whole lease from now on (rule R2). This
        Redis may have lost the lease, or its latest renewal; whoever took the run over at once would work beside an
        owner whose tools still have their effects. After calling this method: put the session in place."""
        run = run_of(state)
        if run is not None and run["status"] == "running" and self._lease_ms:
            await self.store.hold(conversation, self._lease_ms)

    async def _archive_leftovers(self, conversation: str, base: Base, tail: Tail) -> State:
        stored = [
            (left.event.tag, left.event.text, e.from_json(left.event.text), left.command)
            for left in tail.events
        ]
        state, committed = commit(base.state, base.seq, stored)
        await self.journal.archive(conversation, (base.seq, base.tag), committed, state)
        log.info("Conversation %s: %d left-over events archived.", conversation, len(committed))
        return state

    async def _rebuild(
        self, conversation: str, base: Base, replaces: str | None, *, lost: bool = True
    ) -> None:
        """Put the session in Redis as SQL knows it, under a new epoch; because Redis has `lost` it, or shows another
        branch."""
        position = Position(new_epoch(), base.seq, base.tag)
        fields = {key: _encode(value) for key, value in base.state.items()}
        await self._spare_owner(conversation, base.state)
        seeded = await self.store.seed(
            conversation, position, fields, fence=base.fence, archived=base.seq, replaces=replaces
        )
        if seeded:
            kill_points.point("session.rebuilt")
            if lost and (replaces is not None or _active(base.state)):
                self._look_again(conversation)
            if lost and replaces is not None:
                log.warning("Conversation %s: Redis had lost its history; rebuilt from SQL.", conversation)
            await self._changed(conversation)


#: The field of a state that lacks the items of the branch which is shown (chat/session/state.py).
MOVED = "moved"
#: Events after which the text streamed so far is no more, because it is in the step now, or was dropped.
_CLEARS_PART = (e.StepStarted, e.StepFinished, e.StepStopped, e.StepDiscarded)

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _active(state: State) -> bool:
    run = run_of(state)
    return run is not None and run["status"] in RUN.open


def parsed(loaded: Loaded) -> SessionView:
    """A session with its state parsed."""
    state = {key: json.loads(value) for key, value in loaded.fields.items()}
    return SessionView(loaded.position, state, loaded.part, loaded.fence, loaded)


def _decided(decide: Decide, view: SessionView) -> list[e.Event]:
    """What is decided on a session that may have moved; nothing if it is refused there."""
    try:
        return decide(view)
    except Exception:
        return []


def _patch(before: State, after: State) -> dict[str, str | None]:
    """What must be written to get from one state to the other. Values that did not change are the same objects."""
    patch: dict[str, str | None] = dict.fromkeys(key for key in before if key not in after)
    for key, value in after.items():
        if key not in before or before[key] is not value:
            patch[key] = _encode(value)
    return patch


def _continues(base: Base, tail: Tail) -> bool:
    """Whether what Redis has goes on exactly where SQL ends."""
    seq, tag = base.seq, base.tag
    for left in tail.events:
        if (left.event.seq, left.event.prev) != (seq + 1, tag):
            return False
        seq, tag = left.event.seq, left.event.tag
    return (seq, tag) == (tail.position.seq, tail.position.tag)


async def _pause(attempt: int) -> None:
    """Before another try: nothing at first, then up to 50 ms, so that those who collide do not stay in step."""
    if attempt > 1:
        await asyncio.sleep(COLLISION_S.delay(attempt - 2))
