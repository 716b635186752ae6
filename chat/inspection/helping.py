"""What an operator may do about a conversation or a run besides looking: each with a permission, a page that says what
it does and asks, and a line in the log of who did it (rule W11).

An action says of a row whether it applies, so that a page that was sent twice, or late, says what has become of it and
does nothing. Nothing here writes to SQL or Redis by itself: it all goes through sessions, inbox and queue.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agents import events as e
from agents.events import ACTIVE_RUN
from chat import decide
from chat.authorization import Action as Wanted
from chat.models import Conversation, Run
from chat.retention.rounds import ask_for, is_asked_for
from chat.runtime import Runtime, opened
from chat.session.errors import NoConversation, Unavailable
from chat.session.sessions import SessionView
from chat.support.clock import now_ms
from chat.support.database import give_back

#: Seconds that a page waits for what it has asked for.
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Done:
    """What came of it. Not `well`: nothing was done; `retry`: the same may work later."""

    text: str
    well: bool = True
    retry: bool = False


@dataclass(frozen=True)
class Help:
    """One action. `why_not` says of a row why it does not apply; an empty text: it does."""

    name: str
    wanted: Wanted
    permission: str
    label: Any
    title: Any
    explained: Any
    button: Any
    why_not: Callable[[Any], str]
    perform: Callable[[Runtime, Any, str], Awaitable[Done]]


def carry_out(help: Help, row: Any, by: str) -> Done:
    """Do it, as `by`; the caller has checked that they may. Never raises for stores that are away."""

    async def work() -> Done:
        async with asyncio.timeout(TIMEOUT_S), opened() as runtime:
            return await help.perform(runtime, row, by)

    give_back()  # the runtime needs a connection of its own
    try:
        return async_to_sync(work)()
    except NoConversation:
        return Done(gettext("Nothing was done: the conversation was deleted."), well=False)
    except (Unavailable, TimeoutError):
        away = gettext("Nothing was done: the database or Redis does not answer. Try again in a moment.")
        return Done(away, well=False, retry=True)


def _over(row: Run) -> str:
    return (
        ""
        if row.status in ACTIVE_RUN
        else gettext("The run is over already: {status}.").format(status=row.status)
    )


def _at_rest(row: Run) -> str:
    if (over := _over(row)) or row.status in ("queued", "recovering"):
        return over
    return gettext("The run is {status}: no worker is to be looked for.").format(status=row.status)


async def _offer(runtime: Runtime, row: Run, by: str) -> Done:
    """A task that comes twice, or late, is harmless: whoever takes it looks at the run first."""
    if await runtime.queue.put(str(row.conversation_id), row.run):
        return Done(gettext("The run was offered to the workers."))
    return Done(gettext("Nothing was done: the queue does not answer."), well=False, retry=True)


async def _give_up(runtime: Runtime, row: Run, by: str) -> Done:
    conversation = str(row.conversation_id)
    if await runtime.sessions.store.lease(conversation) is not None:
        return Done(gettext("Nothing was done: a worker owns this run. Stop it instead."), well=False)

    def failing(view: SessionView) -> list[e.Event]:
        run = decide.active_run(view.state)
        if run is None or run["id"] != row.run:
            return []
        detail = f"{by} has marked the run as failed."
        return decide.fail_run(view.state, code="internal", detail=detail, now=now_ms())

    outcome = await runtime.sessions.append(conversation, failing)
    if not outcome.events:
        return Done(gettext("Nothing was done: the run is over already."), well=False)
    return Done(gettext("The run is marked as failed. The conversation goes on when somebody speaks again."))


async def _rebuild(runtime: Runtime, row: Conversation, by: str) -> Done:
    await runtime.sessions.rebuild(str(row.pk))
    return Done(gettext("The session was built anew from SQL. Open pages look again by themselves."))


async def _erase(runtime: Runtime, row: Conversation, by: str) -> Done:
    """Only SQL is asked: with Redis away it is done when Redis is back."""
    users = get_user_model().objects.filter(username=by)
    asked = await runtime.database.run(lambda: ask_for("conversation", str(row.pk), users.first()))
    if not asked[1]:
        return Done(gettext("It is being deleted for good already."), well=False)
    return Done(
        gettext("A worker deletes it for good within seconds. Retention shows what has become of it.")
    )


OFFER = Help(
    "offer",
    "offer",
    "chat.change_run",
    _("Offer it to the workers…"),
    _("Offer this run to the workers?"),
    _(
        "A run that is queued or recovers is put into the workers' queue once more. The sweeper does the same within "
        "half a minute; a run that somebody works on is left alone."
    ),
    _("Offer it"),
    _at_rest,
    _offer,
)
GIVE_UP = Help(
    "fail",
    "give_up",
    "chat.change_run",
    _("Mark as failed…"),
    _("Mark this run as failed?"),
    _(
        "For a run that nobody works on and nobody will: its open calls are closed, and the conversation shows that "
        "you gave it up. What a tool has done already is not undone. A run that a worker owns is stopped instead."
    ),
    _("Mark it as failed"),
    _over,
    _give_up,
)
REBUILD = Help(
    "rebuild",
    "rebuild",
    "chat.change_conversation",
    _("Rebuild the session…"),
    _("Rebuild this session from SQL?"),
    _(
        "What Redis alone has is archived first, so nothing that was acknowledged is lost. Then the session in Redis "
        "is made anew from the journal's rows, under a new epoch. A run goes on with its owner."
    ),
    _("Rebuild it"),
    lambda row: "" if row.deleted_at is None else gettext("Nothing was done: the conversation was deleted."),
    _rebuild,
)
ERASE = Help(
    "erase",
    "erase",
    "chat.delete_conversation",
    _("Delete for good…"),
    _("Delete this conversation for good?"),
    _(
        "Its journal, messages, calls, refused requests and files go from the database, the storage and Redis, and so "
        "does what schedules, triggers and messengers keep of it. A run that goes on is ended first; what its tools "
        "have done stays done. It cannot be taken back. Notes and schedules that its agent made for its owner stay "
        "theirs. Backups keep it until they are removed."
    ),
    _("Delete it for good"),
    lambda row: (
        gettext("It is being deleted for good already.") if is_asked_for("conversation", str(row.pk)) else ""
    ),
    _erase,
)
