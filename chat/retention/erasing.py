"""A conversation, and a person, deleted for good: out of Redis, the storage and SQL.

    marked as deleted ─► Redis emptied ─► what entrances keep ─► files, rows, leaves first ─► the conversation's own row
        │ its run is ended first: its worker stops, and can write nothing more

Each step is a short transaction, and all that is known is in SQL: whoever comes after a worker that died finds the
conversation marked, does the same steps again, and they find less to do. With Redis away it stops before anything is
removed that would be needed to go on.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import connections, models

from agents import events as e
from agents.events import ACTIVE_RUN
from agents.tools.notes.models import Note
from chat import decide
from chat.models import Attachment, Conversation
from chat.retention.purge import Pace, purge_some, relations
from chat.retention.table import traces
from chat.search.squeezing import squeeze
from chat.session.errors import NoConversation
from chat.session.sessions import Sessions, SessionView
from chat.support import kill_points
from chat.support.clock import now_ms
from chat.support.database import Database
from chat.telemetry import tallies

#: Conversations that are seen to at a time.
CONVERSATIONS = 20
#: Pages in SQLite's log at which what was written is to be brought into its file: before there are 1,000, when whoever
#: commits next does it while somebody waits for their answer; and not much earlier, because whoever writes first after
#: it has the log synced to the disk while all others wait for the lock (ten times what a step takes, measured).
LOG_PAGES = 700
#: Steps between two times, at first and at most; it is found out how many pages they write.
STEPS, MOST_STEPS = 10, 500
#: How often SQLite's log is tried to be emptied, how long after another (seconds), and for how long each try waits for
#: those who read (ms).
WIPES, WIPE_PAUSE_S, BRIEFLY_MS = 20, 0.2, 10
#: Logins that are looked at in one question.
LOGINS = 500

Renew = Callable[[int], Awaitable[None]]


class Protected(Exception):
    """Something that others need is theirs; the text says what."""


async def nothing(_done: int) -> None:
    """For those who have nothing to renew."""


class Eraser:
    """Deletes for good, over the sessions and the database of the running loop. `renew(gone)` is called after each
    conversation, to keep a claim; what it raises ends the work, which somebody else goes on with."""

    def __init__(self, sessions: Sessions, database: Database) -> None:
        self._sessions = sessions
        self._database = database
        self._pace = Pace()
        self._steps, self._since = STEPS, 0

    async def conversations(self, ids: Sequence[UUID], *, by: str = "", renew: Renew = nothing) -> int:
        """Delete these, whatever state they are in; how many. `by`: who ends a run that goes on. Raises Unavailable."""
        for start in range(0, len(ids), CONVERSATIONS):
            some = list(ids[start : start + CONVERSATIONS])
            await self._hide(some, by)
            kill_points.point("erasing.hidden")
            await self._ask(tallies.let_go, some)
            # They find out by the runs of the conversations what is theirs, so they come before these go.
            for trace in await self._ask(traces):
                await self._all(partial(trace.conversations, some))
            await self._all(partial(self._step, some))
            await renew(min(start + CONVERSATIONS, len(ids)))
        return len(ids)

    async def person(self, pk: int, *, by: str = "", renew: Renew = nothing) -> None:
        """Delete a user with all that is theirs. They cannot log in from the first step on. Raises Protected before
        anything is done, Unavailable."""
        user = await self._ask(get_user_model().objects.filter(pk=pk).first)
        if user is None:
            return
        if kept := await self._ask(protection, user):
            raise Protected(f"Give these to somebody else first: {', '.join(kept)}.")
        await self._ask(get_user_model().objects.filter(pk=pk).update, is_active=False)
        await self._end_logins(pk)
        gone = 0
        # One that is made meanwhile, through a socket that was open, is found by a later look, or with the user's row.
        theirs = Conversation.objects.filter(owner_id=pk)
        while ids := await self._ask(lambda: list(theirs.values_list("pk", flat=True)[:CONVERSATIONS])):
            gone += await self.conversations(ids, by=by)
            await renew(gone)
        for trace in await self._ask(traces):
            await self._all(partial(trace.person, pk))
        # What is theirs in chats of a messenger's account.
        notes = Note.objects.filter(person=f"user:{pk}")
        await self._all(partial(purge_some, notes))
        kill_points.point("erasing.person")
        await self._all(partial(purge_some, get_user_model().objects.filter(pk=pk)))

    async def wipe(self) -> None:
        """Have words that are gone taken out of SQLite's index, and its log of changes written back and emptied, so
        that nothing of what was deleted lies in them. PostgreSQL sees to it by itself (autovacuum)."""
        if connections[self._database.using].vendor != "sqlite":
            return
        more, first = True, True
        while more:
            began = time.monotonic()
            more = await self._ask(squeeze, self._database.using, first=first)
            first = False
            await asyncio.sleep(self._pace.took(time.monotonic() - began))
        for _ in range(WIPES):
            await self._ask(_write_back, self._database.using)
            if await self._ask(_empty_log, self._database.using):
                return
            await asyncio.sleep(WIPE_PAUSE_S)

    async def _hide(self, ids: Sequence[UUID], by: str) -> None:
        """Nobody finds them any more, and what works on them stops."""
        rows = Conversation.objects.filter(pk__in=ids, deleted_at__isnull=True)
        shown = await self._ask(lambda: dict(rows.values_list("pk", "run_status")))
        for id in ids:
            if shown.get(id) in ACTIVE_RUN:
                await self._end(str(id), by)
            if id in shown:
                await self._sessions.delete(str(id))
            else:
                await self._sessions.store.delete(str(id))

    async def _end(self, conversation: str, by: str) -> None:
        def ended(view: SessionView) -> list[e.Event]:
            return decide.close_run(view.state, by=by, now=now_ms())

        try:
            await self._sessions.append(conversation, ended)
        except NoConversation:
            pass  # somebody else has deleted it in this moment

    def _step(self, ids: Sequence[UUID], most: int) -> int:
        # Files of a conversation that was marked are nobody's.
        free = Attachment.objects.filter(conversation=None, created_at=Attachment.LET_GO)
        owners = list(Conversation.objects.filter(pk__in=ids).values_list("owner_id", flat=True))
        return purge_some(free.filter(owner_id__in=owners), most) or purge_some(
            Conversation.objects.filter(pk__in=ids), most
        )

    async def _end_logins(self, pk: int) -> None:
        """Remove their logins. A row does not say whose it is before it is opened."""
        after: str | None = ""
        while after is not None:
            after = await self._ask(_end_some_logins, pk, after)

    async def _all(self, step: Callable[[int], int]) -> None:
        """Do a step until nothing is left, at a pace that leaves room for others."""
        while True:
            began = time.monotonic()
            if not await self._ask(step, self._pace.rows):
                return
            kill_points.point("erasing.step")
            await self._write_back()
            await asyncio.sleep(self._pace.took(time.monotonic() - began))

    async def _write_back(self) -> None:
        """Now and then have what was written come into SQLite's file."""
        self._since += 1
        if self._since < self._steps:
            return
        pages = await self._ask(_write_back, self._database.using)
        self._steps, self._since = steps_for(self._steps, pages), 0

    async def _ask(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self._database.run(work, *args, **kwargs)


def protection(user: Any) -> list[str]:
    """What keeps a person from being deleted, in words."""
    return [
        f"{relation.related_model._meta.verbose_name} “{row}”"
        for relation in relations(type(user), models.PROTECT)
        for row in relation.related_model._base_manager.filter(**{relation.field.name: user})[:20]
    ]


def _end_some_logins(pk: int, after: str) -> str | None:
    rows = list(Session.objects.filter(session_key__gt=after).order_by("session_key")[:LOGINS])
    theirs = [row.session_key for row in rows if row.get_decoded().get("_auth_user_id") == str(pk)]
    Session.objects.filter(session_key__in=theirs).delete()
    return rows[-1].session_key if len(rows) == LOGINS else None


def steps_for(steps: int, pages: int) -> int:
    """After how many steps to do it again, when `steps` have left so many pages in the log.

    >>> steps_for(10, 200), steps_for(10, 400), steps_for(10, 900), steps_for(1, 9000)
    (20, 10, 5, 1)
    """
    if pages > LOG_PAGES:
        return max(1, steps // 2)
    return min(MOST_STEPS, steps * 2) if pages * 2 < LOG_PAGES else steps


def _write_back(using: str) -> int:
    """Have what was written come into SQLite's file, without anybody waiting; how many pages its log had."""
    if connections[using].vendor != "sqlite":
        return 0
    with connections[using].cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        return max(0, int(cursor.fetchone()[1]))


def _empty_log(using: str) -> bool:
    """Cut SQLite's log to nothing; whether nobody was in the way. Others cannot write meanwhile, so it waits for those
    who read for a moment only."""
    with connections[using].cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        patience = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {BRIEFLY_MS}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return not cursor.fetchone()[0]
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience}")
