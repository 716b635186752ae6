"""The journal: events to SQL, and sessions back from it (rules S5, S6, S8).

What is here is committed. `archive` moves a conversation's head by compare-and-set and writes, in the same
transaction, the events, the results of their commands, and the rows that everybody else reads (items, runs,
calls). A session is rebuilt from those rows by a bounded read, never by replaying its history.

The API is async; the work happens in the threads of its `Database`. Works on every alias of Django's DATABASES.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.db import DatabaseError, connections, transaction

from agents import events as e
from agents.branches import Path
from agents.branches import path as path_to
from agents.history import History, empty, fold
from chat import models as m
from chat.journal import branched, on_path
from chat.journal.committed import Committed
from chat.journal.kept import KeptHistories, KeptHistory
from chat.journal.projection import Rows, Whose, clean, move_head, show
from chat.journal.statements import Table, key_of
from chat.session.contract import Command
from chat.session.errors import (
    Behind,
    Diverged,
    IdReused,
    NoConversation,
    Unarchivable,
)
from chat.session.views import State
from chat.support import kill_points
from chat.support.database import Database
from chat.support.prepared import Prepared
from chat.telemetry import observer

#: Items of the transcript that an agent's history begins with; older ones no model would be sent anyway.
HISTORY_ITEMS = 400
#: A conversation's first message is one of its first events, if a person began it.
OPENING = 4

_CONVERSATIONS = Table(m.Conversation, ("id",), ())
#: (owner, when it was deleted) of a conversation.
OWNER = Prepared(lambda id: m.Conversation.objects.filter(id=id).values_list("owner_id", "deleted_at"))
_COMMAND = Prepared(
    lambda conversation, id: m.Command.objects.filter(conversation=conversation, command=id).values_list(
        "digest", "result"
    )
)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Base:
    """What SQL knows of a session: where its journal ends, the state there, and the fence."""

    seq: int
    tag: str
    fence: int
    state: dict[str, Any]


class Journal:
    """The journal over one database, by default one of its own. Make one per event loop, and `close` it in the end."""

    def __init__(self, database: Database | None = None) -> None:
        self.database = database or Database()
        self.using = self.database.using
        self.kept = KeptHistories()

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self.database.run(work, *args, **kwargs)
        except DatabaseError as problem:
            raise Unarchivable(f"The database refuses this for good: {problem}") from problem

    async def ask(self, work: Callable[[], T]) -> T:
        """What `work` returns, a read of the rows by somebody who is no journal (`chat/journal/queries.py`). It runs in
        a thread of the journal, and fails as the journal does."""
        return await self._run(work)

    def close(self) -> None:
        """Wait for what is going on and close the connections."""
        self.database.close()

    # ---- writing ----

    async def create(
        self, conversation: str, owner_id: Any, agent_slug: str, title: str, entrance: str, at: int
    ) -> bool:
        """Make the row of a conversation. False if its owner has it already; NoConversation if it is somebody
        else's or was deleted, because that is all a stranger may learn."""
        return await self._run(self._create, conversation, owner_id, agent_slug, title, entrance, at)

    def _create(
        self, conversation: str, owner_id: Any, agent: str, title: str, entrance: str, at: int
    ) -> bool:
        connection = connections[self.using]
        key = key_of(connection, UUID(conversation))
        row = {
            "id": key,
            "owner": owner_id,
            "agent": agent,
            "title": clean(title),
            "entrance": entrance,
            "created_at": at,
            "updated_at": at,
        }
        if _CONVERSATIONS.insert(connection, [row]):
            return True
        if OWNER.first(self.using, key) != (owner_id, None):
            raise NoConversation
        return False

    async def archive(
        self, conversation: str, base: tuple[int, str], committed: Sequence[Committed], after: State
    ) -> None:
        """Commit events that follow (seq, tag) `base`; `after` is the state after the last of them.

        Archiving the same events again is harmless. Raises Behind if SQL lacks events before them, Diverged if
        it has others in their place or a command of theirs elsewhere, NoConversation, JournalUnavailable.
        """
        if committed:
            await self._run(self._archive_and_tell, conversation, base, committed, after)

    def _archive_and_tell(
        self, conversation: str, base: tuple[int, str], committed: Sequence[Committed], after: State
    ) -> None:
        # Told in the thread that has committed: by then whoever waits for it may have given up.
        observer.committed(conversation, self.archive_here(conversation, base, committed, after))

    def archive_here(
        self, conversation: str, base: tuple[int, str], committed: Sequence[Committed], after: State
    ) -> Sequence[Committed]:
        """The same, in this thread, for a caller who has a connection and may have a transaction. Those that were not
        there yet."""
        connection = connections[self.using]
        id = _uuid(conversation)
        with transaction.atomic(using=self.using):
            # The lock of the row that is moved (on SQLite: the write lock of BEGIN IMMEDIATE) makes this a
            # compare-and-set. Most often it is where the writer expects it, and nothing has to be read.
            rest = committed
            if (whose := move_head(connection, id, base, committed, after)) is None:
                row = self._conversation(conversation, lock=True)
                rest = self._lacking(row, base, committed)
                if not rest:
                    return ()
                move_head(connection, id, (row.head_seq, row.head_tag), rest, after)
                whose = Whose(row.owner_id, row.entrance)
            Rows(connection, id, whose, after).write(rest)
            show(connection, id, rest, after)
            kill_points.point("journal.written")  # and not committed
        return rest

    def _lacking(
        self, row: m.Conversation, base: tuple[int, str], committed: Sequence[Committed]
    ) -> Sequence[Committed]:
        """Those of `committed` that are not in the journal yet."""
        seq, tag = base
        if (row.head_seq, row.head_tag) == (seq, tag):
            return committed
        if row.head_seq < seq:
            raise Behind
        have = min(row.head_seq - seq, len(committed))
        if have == 0 or self._tag_at(row, committed[have - 1].seq) != committed[have - 1].tag:
            raise Diverged
        return committed[have:]

    def _tag_at(self, row: m.Conversation, seq: int) -> str | None:
        if seq == row.head_seq:
            return row.head_tag
        return row.events.filter(seq=seq).values_list("tag", flat=True).first()

    async def remember(self, conversation: str, command: Command) -> Command:
        """Keep the result of a command that changed nothing; returns the one that stands (the first). Raises
        IdReused."""
        return await self._run(self._remember, conversation, command)

    def _remember(self, conversation: str, command: Command) -> Command:
        row, _ = m.Command.objects.using(self.using).get_or_create(
            conversation_id=UUID(conversation),
            command=command.id,
            defaults={"digest": command.digest, "result": command.result},
        )
        if row.digest != command.digest:
            raise IdReused
        return Command(row.command, row.digest, row.result)

    async def grow_fence(self, conversation: str) -> int:
        """A fence larger than all before (rule R2)."""
        return await self._run(self._grow_fence, conversation)

    def _grow_fence(self, conversation: str) -> int:
        connection = connections[self.using]
        with connection.cursor() as cursor:
            cursor.execute(
                'UPDATE "chat_conversation" SET "fence" = "fence" + 1'
                ' WHERE "id" = %s AND "deleted_at" IS NULL RETURNING "fence"',
                (key_of(connection, _uuid(conversation)),),
            )
            grown = cursor.fetchone()
        if grown is None:
            raise NoConversation
        return int(grown[0])

    async def delete(self, conversation: str, at: int) -> bool:
        """Mark a conversation as deleted. False if it was already, or never was."""

        def work() -> bool:
            found = m.Conversation.objects.using(self.using).filter(id=UUID(conversation), deleted_at=None)
            with transaction.atomic(using=self.using):
                # Its files are nobody's from now on: they go with those that were never sent, whoever dies now.
                files = m.Attachment.objects.using(self.using).filter(conversation_id=UUID(conversation))
                files.update(conversation=None, created_at=m.Attachment.LET_GO)
                return bool(found.update(deleted_at=at))

        return await self._run(work)

    # ---- reading ----

    async def base(self, conversation: str) -> Base:
        """All that a session is rebuilt from: one bounded read. Raises NoConversation."""
        return await self._run(self.base_here, conversation)

    def base_here(self, conversation: str) -> Base:
        """The same, in this thread, for a caller who has a connection."""
        while True:
            row = self._conversation(conversation)
            shown = {"seq__in": row.window}
            bodies = [
                *row.messages.filter(**shown).values_list("seq", "body"),
                *row.steps.filter(**shown).values_list("seq", "body"),
            ]
            # Three reads are not one: take them again if somebody archived in between. (A transaction would
            # not help: PostgreSQL reads committed, and on SQLite it would wait for the write lock.)
            again = self._conversation(conversation)
            if again.head_seq == row.head_seq and len(bodies) == len(row.window):
                break
        state: dict[str, Any] = {}
        if row.head_seq:
            state = {"info": row.info, "run": row.run}
            if row.branches is not None:
                state |= {"branches": row.branches, "seen": row.seen}
            state.update((f"i:{seq}", body) for seq, body in sorted(bodies))
        return Base(row.head_seq, row.head_tag, again.fence, state)

    async def fence(self, conversation: str) -> int:
        """The fence of whoever took the lease last."""
        return (await self._run(self._conversation, conversation)).fence

    async def command(self, conversation: str, id: str) -> Command | None:
        """The result of a command, however long ago."""

        def work() -> Command | None:
            row = _COMMAND.first(self.using, key_of(connections[self.using], UUID(conversation)), id)
            return None if row is None else Command(id, *row)

        return await self._run(work)

    async def history(self, conversation: str, items: int = HISTORY_ITEMS) -> History:
        """The conversation as its agent sees it: at least its newest `items` items, and all of the latest run."""
        return (await self._run(self._history, conversation, items)).history

    async def kept_history(self, conversation: str) -> KeptHistory:
        """The same, and where it ends; it may hold more than the newest items. Only what came since it was read last is
        read. Whoever appends to it says so (`kept.went_on`)."""
        found = await self._run(self._kept_history, conversation, self.kept.get(conversation))
        self.kept.put(conversation, found)
        return found

    def _kept_history(self, conversation: str, known: KeptHistory | None) -> KeptHistory:
        rows = self._since(conversation, known.seq) if known is not None else []
        if known is None or not rows or rows[0][:2] != (known.seq, known.tag):
            return self._history(conversation, HISTORY_ITEMS)
        history, chars = known.history, known.chars
        for seq, _, text in rows[1:]:
            history = fold(history, e.from_json(text), seq)
            chars += len(text)
        if history.branches and history.run is not None:
            # What is kept follows the branch of the run that was read for; this one may be on another.
            if history.path != path_to(history.branches, history.branches.of_run(history.run.id)):
                return self._history(conversation, HISTORY_ITEMS)
        return KeptHistory(history, *rows[-1][:2], chars)

    def _since(self, conversation: str, seq: int) -> list[tuple[int, str, str]]:
        """(seq, tag, text) of the events from `seq` on; none if the conversation is deleted."""
        connection = connections[self.using]
        with connection.cursor() as cursor:
            cursor.execute(
                'SELECT e."seq", e."tag", e."text" FROM "chat_event" e'
                ' JOIN "chat_conversation" c ON c."id" = e."conversation_id"'
                ' WHERE c."id" = %s AND c."deleted_at" IS NULL'
                ' AND e."seq" >= %s AND e."seq" <= c."head_seq" ORDER BY e."seq"',
                (key_of(connection, _uuid(conversation)), seq),
            )
            return list(cursor.fetchall())

    def _history(self, conversation: str, items: int) -> KeptHistory:
        row = self._conversation(conversation)
        path = on_path.path_of(row.branches, (row.run or {}).get("branch", "") if row.branches else None)
        first = self._first_seq(row, items, path)
        # What stays with every request, however old: the first message, and the newest summary.
        events = row.events.order_by("seq")
        history, chars = empty(conversation), 0
        said = on_path.on(row.messages.all(), path).order_by("seq")
        said = said.filter(seq__lt=min(first, OPENING + 1) if path is None else first, kind="message")
        for seq, body in said.values_list("seq", "body")[:1]:
            history = fold(history, _said(body), seq)
        if path is not None:
            history = replace(history, path=path, branches=branched.before(row.events, row.runs, first))
        for found in (
            events.filter(seq__lt=first, seq=branched.compacted(row, first, path)),
            events.filter(seq__gte=first, seq__lte=row.head_seq),
        ):
            for seq, text in found.values_list("seq", "text"):
                history = fold(history, e.from_json(text), seq)
                chars += len(text)
        return KeptHistory(history, row.head_seq, row.head_tag, chars)

    def _first_seq(self, row: m.Conversation, items: int, path: Path | None) -> int:
        """Where a history begins: with the oldest of the newest items, or the cause of the latest run if that
        is older, because the agent cannot go on with a run whose beginning it does not know."""
        said, steps = on_path.on(row.messages.all(), path), on_path.on(row.steps.all(), path)
        newest = [
            *said.order_by("-seq").values_list("seq", flat=True)[: items + 1],
            *steps.order_by("-seq").values_list("seq", flat=True)[: items + 1],
        ]
        newest.sort(reverse=True)
        if len(newest) <= items:
            return 1
        first = newest[items - 1]
        run = row.runs.order_by("-seq").first()
        if run is not None:
            first = min(first, run.seq)
            cause = row.messages.filter(message=run.cause, seq__lt=run.seq).order_by("-seq").first()
            first = min(first, cause.seq if cause is not None else first)
        return first

    def _conversation(self, conversation: str, lock: bool = False) -> m.Conversation:
        found = m.Conversation.objects.using(self.using)
        if lock:
            found = found.select_for_update()
        try:
            row = found.filter(id=UUID(conversation), deleted_at=None).first()
        except ValueError:  # not a UUID
            row = None
        if row is None:
            raise NoConversation
        return row


def _said(body: Any) -> e.Event:
    """The message of an item as it stands now, which may not be as it was sent."""
    told = {"at": body["at"], "message": body["id"], "text": body["text"], "origin": body["origin"]}
    files = body.get("attachments") or []
    return e.from_json(json.dumps({"type": "message.added", **told, "attachments": files}))


def _uuid(conversation: str) -> UUID:
    try:
        return UUID(conversation)
    except ValueError:
        raise NoConversation from None
