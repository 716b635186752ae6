"""Questions to SQL that the inbox, the workers and the sweeper ask: all short, all through the journal's threads.

They raise JournalUnavailable when the database does not answer. Nothing is written here.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from agents import events as e
from agents.lifecycle import RUN
from agents.models import Agent, ensure_default_agent
from chat.journal.journal import OWNER, Journal
from chat.journal.statements import key_of
from chat.models import Call, Conversation, Event, Message, Run, Step
from chat.runs.isolated.policy import ISOLATED, Losses, judged, relapsed
from chat.session.errors import NoConversation
from chat.session.views import UNSENT
from chat.support.prepared import Prepared

ENDED = tuple(sorted(RUN.final))
#: Types of the events that end a run.
ENDS = tuple(type for type, row in RUN.types.items() if set(row.targets()) & RUN.final)
#: The condition of the index of active runs, word for word: SQLite uses a partial index for no other.
_ACTIVE = "chat_run.status IN ({})".format(", ".join(f"'{status}'" for status in sorted(RUN.open)))
#: Earlier runs of a conversation that are looked at.
MAX_EARLIER_RUNS = 10


@dataclass(frozen=True)
class Active:
    """One run that is not over."""

    conversation: str
    run: str
    status: str
    attempt: int
    stopping: bool
    updated_at: int
    worker: str = ""
    #: Where it stands among all of them, for the next page.
    place: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class KnownCall:
    """One call, as the journal has it."""

    call: str
    status: str

    @property
    def open(self) -> bool:
        return self.status in e.OPEN_CALL


async def is_left_out(journal: Journal, conversation: str, item: str) -> bool | None:
    """Whether a message, a note or a step is marked as left out of later requests; None: there is none of this id."""

    def work() -> bool | None:
        row = UUID(conversation)
        said = Message.objects.using(journal.using).filter(conversation_id=row, message=item)
        steps = Step.objects.using(journal.using).filter(conversation_id=row, step=item)
        bodies: list[Any] = [
            *said.exclude(kind__in=UNSENT).values_list("body", flat=True),
            *steps.values_list("body", flat=True),
        ]
        return any(body.get("left_out") is not None for body in bodies) if bodies else None

    return await journal.ask(work)


async def is_message(journal: Journal, conversation: str, item: str) -> bool:
    """Whether this is the id of something that a person said."""

    def work() -> bool:
        said = Message.objects.using(journal.using).filter(conversation_id=UUID(conversation), message=item)
        return said.filter(kind="message").exists()

    return await journal.ask(work)


async def owner_of(journal: Journal, conversation: str) -> tuple[int, bool] | None:
    """(owner, whether it was deleted) of a conversation, or None if there is none."""

    def work() -> tuple[int, bool] | None:
        row = OWNER.first(journal.using, key_of(connections[journal.using], UUID(conversation)))
        return None if row is None else (row[0], row[1] is not None)

    return await journal.ask(work)


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose a conversation is, and whether the user who asks may act at all."""

    user: int
    deleted: bool
    asker_active: bool


_WHOSE = Prepared(
    lambda id: Conversation.objects.filter(id=id).values_list("owner_id", "deleted_at", "owner__is_active")
)


async def whose(journal: Journal, conversation: str, asker: int) -> Whose | None:
    """Whose conversation it is, for user `asker`; None if there is none."""

    def work() -> Whose | None:
        row = _WHOSE.first(journal.using, key_of(connections[journal.using], UUID(conversation)))
        if row is None:
            return None
        owner, deleted_at, active = row
        return Whose(
            owner, deleted_at is not None, bool(active) if asker == owner else _active(journal, asker)
        )

    return await journal.ask(work)


_IS_ACTIVE = Prepared(
    lambda user: (
        get_user_model()
        ._default_manager.filter(pk=user, is_active=True)
        .order_by()
        .values_list("is_active")[:1]
    )
)


def _active(journal: Journal, user: int) -> bool:
    return _IS_ACTIVE.first(journal.using, user) is not None


_OWNER_AND_AGENT = Prepared(
    lambda id: Conversation.objects.filter(id=id, deleted_at=None).values_list("owner_id", "agent")
)


async def owner_and_agent(journal: Journal, conversation: str) -> tuple[int, str]:
    """Whose conversation it is, and the slug of its agent. Raises NoConversation."""

    def work() -> tuple[int, str]:
        row = _OWNER_AND_AGENT.first(journal.using, key_of(connections[journal.using], UUID(conversation)))
        if row is None:
            raise NoConversation
        owner, agent = row
        return owner, agent

    return await journal.ask(work)


_DEFAULT_AGENT = Prepared(lambda: Agent.objects.filter(is_default=True).order_by().values_list("slug")[:1])


async def agent_for(journal: Journal, slug: str) -> str | None:
    """The agent of a new conversation: the one asked for, or the default; None if it cannot be had."""
    return await journal.ask(lambda: _agent_for(journal, slug))


def _agent_for(journal: Journal, slug: str) -> str | None:
    if not slug:
        # Only where there is none yet it is made, in a transaction that writes.
        found = _DEFAULT_AGENT.first(journal.using)
        return str(found[0]) if found is not None else ensure_default_agent().slug
    return Agent.objects.filter(slug=slug, enabled=True).values_list("slug", flat=True).first()


@dataclass(frozen=True, slots=True)
class Beginning:
    """What there is when somebody begins a conversation. `made`: it is there already, perhaps deleted, perhaps by one
    who died before its first event; `agent` is the one that it got then. None: there is no such agent."""

    whose: Whose
    made: bool
    agent: str | None


async def beginning(journal: Journal, conversation: str, user: int, slug: str) -> Beginning:
    """What there is when this user begins this conversation with the agent `slug`."""

    def work() -> Beginning:
        whose = Whose(user, False, _active(journal, user))
        row = _MADE.first(journal.using, key_of(connections[journal.using], UUID(conversation)))
        return Beginning(whose, row is not None, row[0] if row else _agent_for(journal, slug))

    return await journal.ask(work)


_MADE = Prepared(lambda id: Conversation.objects.filter(id=id).values_list("agent"))


async def calls_named(
    journal: Journal, conversation: str, name: str
) -> tuple[list[KnownCall], list[KnownCall]]:
    """The calls of this conversation whose id is `name`, and those that their provider called so (rule T3)."""

    def work() -> tuple[list[KnownCall], list[KnownCall]]:
        mine = Call.objects.using(journal.using).filter(conversation_id=UUID(conversation))
        ours = mine.filter(call=name).values_list("call", "status")
        theirs = mine.filter(provider_id=name).values_list("call", "status")
        return [KnownCall(*row) for row in ours], [KnownCall(*row) for row in theirs]

    return await journal.ask(work) if name else ([], [])


def active_rows(using: str = "default") -> "QuerySet[Run]":
    """The rows of the runs that somebody ought to work on, without those of deleted conversations."""
    waits = Q(status="waiting", stopping=False)
    return open_runs(using).filter(~waits, conversation__deleted_at=None)


def open_runs(using: str = "default") -> "QuerySet[Run]":
    """The rows of all runs that are not over, by the index of these."""
    return Run.objects.using(using).filter(RawSQL(_ACTIVE, (), BooleanField()))


async def active_runs(journal: Journal, limit: int, after: tuple[int, int] | None = None) -> list[Active]:
    """A page of the runs that somebody ought to work on, in conversations that were not deleted, oldest first: those
    that are not over and do not wait for a person. `after` is the `place` of the last one of the page before."""

    def work() -> list[Active]:
        rows = active_rows(journal.using)
        if after is not None:
            queued_at, pk = after
            rows = rows.filter(Q(queued_at__gt=queued_at) | Q(queued_at=queued_at, pk__gt=pk))
        found = rows.order_by("queued_at", "pk").values_list(
            "conversation_id",
            "run",
            "status",
            "attempt",
            "stopping",
            "updated_at",
            "worker",
            "queued_at",
            "pk",
        )
        return [Active(str(row[0]), *row[1:7], place=(row[7], row[8])) for row in found[:limit]]

    return await journal.ask(work)


async def was_stored(journal: Journal, conversation: str, after: int, event: e.Event) -> bool:
    """Whether the journal has exactly this event beyond seq `after`. No two appends decide the same event in
    the same millisecond with the same ids, so the text tells."""

    def work() -> bool:
        rows = Event.objects.using(journal.using).filter(conversation_id=UUID(conversation), seq__gt=after)
        return rows.filter(text=e.to_json(event)).exists()

    return await journal.ask(work)


def _unread(journal: Journal, conversation: str, queued: int | None) -> e.UnknownEvent | None:
    """What this release cannot read of a run: the first such event since the run before it was over (what led to it is
    a part of it) that may not be ignored; None: it can read all. Looks at types and versions only (rule J4)."""
    connection = connections[journal.using]
    key = key_of(connection, UUID(conversation))
    with connection.cursor() as cursor:
        cursor.execute(_UNREAD, (key, key, queued or 0, *ENDS, *KNOWN_TYPES))
        told = cursor.fetchall()
    for (text,) in told:
        event = e.from_json(text)
        if isinstance(event, e.UnknownEvent) and not event.ignorable:
            return event
    return None


KNOWN_TYPES = tuple(sorted(e.VOCABULARY.types))
# A later version is always more than 1; one that we know, too, is found to be readable afterwards.
_UNREAD = f"""
SELECT "text" FROM "chat_event" WHERE "conversation_id" = %s AND "seq" > COALESCE(
  (SELECT "seq" FROM "chat_event" WHERE "conversation_id" = %s AND "seq" < %s
   AND "type" IN ({", ".join(["%s"] * len(ENDS))}) ORDER BY "seq" DESC LIMIT 1), 0)
AND NOT ("type" IN ({", ".join(["%s"] * len(KNOWN_TYPES))}) AND "version" = 1)
ORDER BY "seq"
"""


async def internal_errors(journal: Journal, conversation: str, run: str) -> int:
    """How many attempts of a run have failed from within (rule R10)."""

    def work() -> int:
        told = Event.objects.using(journal.using).filter(
            conversation_id=UUID(conversation), type="run.recovering", text__contains=f'"{run}"'
        )
        return told.filter(text__contains='"internal_error"').count()

    return await journal.ask(work)


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal knows of a run before somebody takes it."""

    #: The run's status and attempt when this was looked up: an owner that was lost since then is not in it.
    status: str
    attempt: int
    losses: Losses
    #: What this release cannot read of it; None: it can read all.
    unread: e.UnknownEvent | None
    #: How many runs its present owner performs, or did when it was lost; 0: it has none.
    crowd: int


async def known_of(journal: Journal, conversation: str, run: str) -> Known:
    """All that is to be known of a run before it is taken, in one visit to the database: each of these visits is a part
    of the time for which a run rests after its worker has left."""

    def work() -> Known:
        found = _runs(journal, conversation, run)
        if not found:
            return Known("", 0, Losses(), _unread(journal, conversation, None), 0)
        seq, attempt, status, worker, _ = found[0]
        crowd = _crowd(journal, worker) if status == "running" else 0
        before = relapsed((ended, code) for _, _, ended, _, code in found[1:] if ended in ENDED)
        # Whoever loses its owner is in `recovering`, and begins another attempt after that.
        lost = _lost(journal, conversation, run, seq) if attempt > 1 or status == "recovering" else []
        return Known(
            status, attempt, judged(lost, relapse=before), _unread(journal, conversation, seq), crowd
        )

    return await journal.ask(work)


_RUNS = """SELECT "seq", "attempt", "status", "worker", "code" FROM "chat_run" WHERE "conversation_id" = %s AND "seq" <=
(SELECT "seq" FROM "chat_run" WHERE "conversation_id" = %s AND "run" = %s) ORDER BY "seq" DESC LIMIT %s"""


def _runs(journal: Journal, conversation: str, run: str) -> list[tuple[int, int, str, str, str]]:
    """(seq, attempt, status, worker, code) of a run and of those before it, newest first; none if it is not known."""
    connection = connections[journal.using]
    key = key_of(connection, UUID(conversation))
    with connection.cursor() as cursor:
        cursor.execute(_RUNS, (key, key, run, 1 + MAX_EARLIER_RUNS))
        return list(cursor.fetchall())


async def crowd_of(journal: Journal, worker: str) -> int:
    """How many runs a worker performs, its isolated ones included; if it is dead, those that nobody has begun since."""
    return await journal.ask(lambda: _crowd(journal, worker))


def _crowd(journal: Journal, worker: str) -> int:
    name = worker.partition(ISOLATED)[0]
    mine = Q(worker=name) | Q(worker__startswith=name + ISOLATED)
    # Those that were marked as lost and that nobody has begun yet were on it, too.
    return open_runs(journal.using).filter(mine, status__in=("recovering", "running")).count()


def _lost(journal: Journal, conversation: str, run: str, queued: int) -> list[tuple[bool, int, bool]]:
    """The owners that a run has lost, in order: (seen to die, crowd, since the last finished step)."""
    events = Event.objects.using(journal.using).filter(conversation_id=UUID(conversation), seq__gt=queued)
    told = [
        (seq, event)
        for seq, text in events.filter(type="run.recovering").order_by("seq").values_list("seq", "text")
        if isinstance(event := e.from_json(text), e.RunRecovering)
        and event.run == run
        and event.reason in ("lease_lost", "crashed")
    ]
    if not told:
        return []
    steps = events.filter(type="step.finished").order_by("-seq")
    finished = steps.values_list("seq", flat=True).first() or 0
    return [(event.reason == "crashed", event.crowd, seq > finished) for seq, event in told]
