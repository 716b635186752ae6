"""Which worker sees to which lane, and what there is to do: short questions to SQL and conditional writes.

All of these are plain functions, for a database thread (`database.ask`).
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID
from zlib import crc32

from django.db import connection, models
from django.db.models import Max, Q, QuerySet

from chat.journal.statements import Table, key_of
from chat.messenger import poison
from chat.messenger.adapter import Messenger, PeopleReader, Person, made_id
from chat.messenger.database import OUTAGES
from chat.messenger.models import PRESS, InboundMessage, Lane, Tables
from chat.models import Conversation
from chat.support.claims import Claim
from chat.support.prepared import Prepared

log = logging.getLogger(__name__)

#: A lane stays with its worker for this long unless it is renewed (milliseconds).
LEASE_MS = 10_000
RENEW_S = 3.0
CLAIM = Claim(holder="claimed_by")
#: Chats looked at in one round; the next one goes on behind them.
MAX_CHATS = 500
#: Conversations that were written to within this time are looked at in each round (milliseconds). All others have their
#: turn, MAX_TURN in a round, so that a round costs the same however many chats there are.
LATELY_MS = 300_000
MAX_TURN = 100


#: A chat, or a topic in it: (app, chat, thread).
Chat = tuple[int, str, str]


@dataclass(frozen=True)
class Place:
    """How far the rounds have come, by what there is to do. What stays (lanes of other workers, and those that fail)
    must not hide the others."""

    #: Of what came in.
    mail: Chat | None = None
    #: Lanes with something to send, and with news to tell.
    out: int = 0
    news: int = 0


START = Place()


@dataclass
class Todo:
    """What there is to do: by lane, and in chats that have none yet."""

    new: list[Chat] = field(default_factory=list)
    mail: set[int] = field(default_factory=set)
    out: set[int] = field(default_factory=set)
    news: set[int] = field(default_factory=set)
    #: Lanes that some worker has now: how many cards may be moving.
    busy: int = 0
    #: Where the next round begins.
    next: Place = START

    @property
    def lanes(self) -> set[int]:
        return self.mail | self.out | self.news


def look(messenger: Messenger, me: str, now: int, place: Place = START, page: int = MAX_CHATS) -> Todo:
    """What is to be done on lanes which nobody else has: a page of each kind, from `place` on."""
    todo = Todo()
    tables = messenger.tables
    waiting = tables.messages.filter(state="received", app__enabled=True)
    if place.mail is not None:
        app, written_in, thread = place.mail
        waiting = waiting.filter(
            Q(app_id__gt=app)
            | Q(app_id=app, chat_id__gt=written_in)
            | Q(app_id=app, chat_id=written_in, thread_id__gt=thread)
        )
    keys = ("app_id", "chat_id", "thread_id")
    chats = list(waiting.order_by(*keys).values_list(*keys).distinct()[:page])
    newest = _newest(tables, chats)
    todo.new = [chat for chat in chats if chat not in newest]
    todo.mail = set(newest.values())
    due = tables.deliveries.filter(state="pending", next_at__lte=now, lane__app__enabled=True)
    due = due.filter(lane_id__gt=place.out).order_by("lane_id")
    out = list(due.values_list("lane_id", flat=True).distinct()[:page])
    share = min(page, MAX_TURN)
    turn = list(_told(tables.lanes.filter(pk__gt=place.news).order_by("pk"))[:share])
    todo.out, todo.news = set(out), _with_news(turn) | _with_late_news(tables, now - LATELY_MS, page)
    todo.next = Place(
        mail=chats[-1] if len(chats) == page else None,
        out=out[-1] if len(out) == page else 0,
        news=turn[-1][0] if len(turn) == share else 0,
    )
    held = tables.lanes.filter(claimed_until__gt=now)
    todo.busy = held.count()
    others = set(held.exclude(claimed_by=me).values_list("pk", flat=True))
    for found in (todo.mail, todo.out, todo.news):
        found -= others
    return todo


@cache
def _newest_of(model: type[models.Model]) -> Prepared:
    return Prepared(lambda: model._default_manager.order_by("-pk").values_list("pk")[:1])


def newest_message(tables: Tables) -> int:
    """The key of the newest message of all chats; 0: there is none."""
    found = _newest_of(tables.message).first(connection.alias)
    return int(found[0]) if found is not None else 0


#: A lane, its conversation, how far its chat was told, and whether its app is on.
Told = tuple[int, UUID, int, bool]


def _told(lanes: "QuerySet[Any]") -> "QuerySet[Any, Told]":
    return lanes.values_list("pk", "conversation", "head_seq", "app__enabled")


def _with_news(lanes: Sequence[Told]) -> set[int]:
    """Those of these lanes whose conversation has more than their chat was told. Asked by key: of a join a database may
    think that it reads all conversations for."""
    named = [conversation for _, conversation, _, enabled in lanes if enabled]
    rows = Conversation.objects.filter(id__in=named, deleted_at=None)
    return _ahead(lanes, dict(rows.values_list("id", "head_seq")))


def _with_late_news(tables: Tables, since: int, limit: int) -> set[int]:
    """Lanes with news in conversations that were written to since then, the latest first."""
    late = Conversation.objects.filter(updated_at__gte=since, deleted_at=None).order_by("-updated_at", "id")
    heads = dict(late.values_list("id", "head_seq")[:limit])
    return _ahead(_told(tables.lanes.filter(conversation__in=list(heads))), heads)


def _ahead(lanes: Iterable[Told], heads: Mapping[UUID, int]) -> set[int]:
    return {pk for pk, conversation, told, on in lanes if on and heads.get(conversation, 0) > told}


def _newest(tables: Tables, chats: Sequence[Chat]) -> dict[Chat, int]:
    """The lanes that take what comes in to these chats, as far as there are any. A later generation is made later."""
    if not chats:
        return {}
    apps, named = {app for app, _, _ in chats}, {chat for _, chat, _ in chats}
    lanes = tables.lanes.filter(app_id__in=apps, chat_id__in=named, generation__gte=1)
    keys = ("app_id", "chat_id", "thread_id")
    rows = lanes.values_list(*keys).annotate(newest=Max("pk")).order_by(*keys)
    wanted = set(chats)
    return {(app, chat, topic): pk for app, chat, topic, pk in rows if (app, chat, topic) in wanted}


def in_turn(todo: Todo, me: str) -> tuple[list[Chat], list[int]]:
    """What to see to first: chats that have been told nothing yet, then lanes that somebody has written to, then what
    is to be told. Each worker begins at another place, so that they do not all reach for the same."""

    def place(one: Chat | int) -> int:
        return crc32(f"{me} {one}".encode())

    told = (todo.out | todo.news) - todo.mail
    return sorted(todo.new, key=place), [*sorted(todo.mail, key=place), *sorted(told, key=place)]


def take_new(messenger: Messenger, chats: Sequence[Chat], me: str, now: int) -> list[Lane]:
    """Make the lanes of chats that have none, and have them to oneself; with their app, agent and owner. Those that
    another worker has made are left out. What one of the chats raises leaves all of them: take each by itself then."""
    tables, until = messenger.tables, now + LEASE_MS
    named, apps = {chat for _, chat, _ in chats}, {app for app, _, _ in chats}
    found = {app.pk: app for app in tables.apps.filter(pk__in=apps)}
    newest = _newest_messages(tables, chats)
    claimed = {"claimed_by": me, "claimed_until": until}
    people = _people(messenger, found, newest.values())
    rows = []
    for chat in chats:
        first = _first(found[chat[0]], newest.get(chat), people)
        rows.append(_row(messenger, *chat, 1, {**first, **claimed}))
    _table(tables.lane).insert(connection, rows)
    made = _with_all(tables).filter(app_id__in=apps, chat_id__in=named, generation=1, **claimed)
    wanted = set(chats)
    return [lane for lane in made if (lane.app_id, lane.chat_id, lane.thread_id) in wanted]


def take(messenger: Messenger, one: Chat | int, me: str, now: int) -> Lane | None:
    """Have a lane to oneself, made if the chat has none; with its app, agent and owner. None: somebody else has it, or
    nothing can be made of what came."""
    if isinstance(one, int):
        pk = one
    else:
        lane, made = _first_lane(messenger, one, {"claimed_by": me, "claimed_until": now + LEASE_MS})
        if lane is None or made:
            return lane
        pk = lane.pk
    if not claim(messenger.tables, pk, me, now):
        return None
    taken: Lane = _with_all(messenger.tables).get(pk=pk)
    return taken


def _with_all(tables: Tables) -> "QuerySet[Any]":
    """Lanes with what is looked at of each."""
    return tables.lanes.select_related("app__agent", "owner")


def _first_lane(messenger: Messenger, chat: Chat, claimed: dict[str, Any]) -> tuple[Lane | None, bool]:
    """A chat's lane, and whether it was made, claimed by us, because no other worker was faster. What came to a chat
    whose lane cannot be made is set aside: it must not stop the others."""
    try:
        if (lane := messenger.tables.newest_lane(*chat)) is not None:
            return lane, False
        return _make_lane(messenger, *chat, 1, claimed)
    except OUTAGES:
        raise
    except Exception as problem:
        log.exception("Nothing can be made of what came to the chat %s.", chat[1])
        app, written_in, thread = chat
        rows = messenger.tables.messages.filter(app_id=app, chat_id=written_in, thread_id=thread)
        rows.filter(state="received").update(state="refused", reason=poison.aside(problem))
        return None, False


def make_lane(messenger: Messenger, app_id: int, chat_id: str, thread_id: str, generation: int) -> Lane:
    """A generation of a chat's lane; any number of workers may make it at once. A private chat with a linked person is
    theirs."""
    return _make_lane(messenger, app_id, chat_id, thread_id, generation, {})[0]


def _make_lane(
    messenger: Messenger, app_id: int, chat_id: str, thread_id: str, generation: int, claimed: dict[str, Any]
) -> tuple[Lane, bool]:
    tables = messenger.tables
    app: Any = tables.apps.get(pk=app_id)
    rows = tables.messages.filter(app=app, chat_id=chat_id, thread_id=thread_id)
    newest = rows.exclude(message_id__startswith=PRESS).order_by("-id").first()
    people = _people(messenger, {app_id: app}, [] if newest is None else [newest])
    values = {**_first(app, newest, people), **claimed}
    return get_lane(messenger, app_id, chat_id, thread_id, generation, values)


def _newest_messages(tables: Tables, chats: Sequence[Chat]) -> dict[Chat, InboundMessage]:
    """The newest message of each of these chats, as far as there are any."""
    apps, named = {app for app, _, _ in chats}, {chat for _, chat, _ in chats}
    rows = tables.messages.filter(app_id__in=apps, chat_id__in=named).exclude(message_id__startswith=PRESS)
    keys = ("app_id", "chat_id", "thread_id")
    wanted = set(chats)
    newest = rows.values_list(*keys).annotate(newest=Max("pk")).order_by(*keys)
    ids = [pk for app, chat, thread, pk in newest if (app, chat, thread) in wanted]
    found = tables.messages.filter(pk__in=ids)
    return {(row.app_id, row.chat_id, row.thread_id): row for row in found}


#: By app and the messenger's id.
People = Mapping[tuple[int, str], Person]


def _people(messenger: Messenger, apps: Mapping[int, Any], newest: Iterable[InboundMessage]) -> People:
    """Who has written these messages, as far as nobody else reads along."""
    senders: dict[int, list[str]] = {}
    for row in newest:
        if messenger.is_private(row):
            senders.setdefault(row.app_id, []).append(row.sender)
    found: dict[tuple[int, str], Person] = {}
    for app, some in senders.items():
        if isinstance(messenger, PeopleReader):
            found |= {(app, sender): one for sender, one in messenger.people(apps[app], some).items()}
        else:
            found |= {(app, sender): messenger.person(apps[app], sender) for sender in some}
    return found


def _first(app: Any, newest: InboundMessage | None, people: People) -> dict[str, Any]:
    """Whose a lane is whose chat has this newest message, and where it begins."""
    if newest is None:
        return {"owner": app.owner_id, "anchor": ""}
    person = people.get((app.pk, newest.sender))
    user = None if person is None else person.user
    return {"owner": app.owner_id if user is None else user.pk, "anchor": newest.message_id}


def _row(
    messenger: Messenger, app_id: int, chat_id: str, thread_id: str, generation: int, values: dict[str, Any]
) -> dict[str, Any]:
    conversation = UUID(made_id(messenger, "conversation", app_id, chat_id, thread_id, generation))
    key = {"app": app_id, "chat_id": chat_id, "thread_id": thread_id, "generation": generation}
    return {**key, "conversation": key_of(connection, conversation), **values}


def get_lane(
    messenger: Messenger, app_id: int, chat_id: str, thread_id: str, generation: int, values: dict[str, Any]
) -> tuple[Lane, bool]:
    """The lane with this key, made with `values` if there is none, and whether it was."""
    lanes = _with_all(messenger.tables)
    row = _row(messenger, app_id, chat_id, thread_id, generation, values)
    model: type[models.Model] = lanes.model
    made = _table(model).insert(connection, [row]) == 1
    lane: Lane = lanes.get(app_id=app_id, chat_id=chat_id, thread_id=thread_id, generation=generation)
    return lane, made


@cache
def _table(model: type[models.Model]) -> Table:
    return Table(model, ("app", "chat_id", "thread_id", "generation"), ())


def claim(tables: Tables, lane: int, me: str, now: int) -> bool:
    """Have a lane to oneself, if nobody else has it."""
    return CLAIM.take(tables.lanes.filter(pk=lane), now, now + LEASE_MS, who=me)


def renew(tables: Tables, lane: int, me: str, now: int) -> bool:
    """Keep it. False: somebody else has it; do nothing more to it."""
    return CLAIM.renew(tables.lanes.filter(pk=lane), now + LEASE_MS, me)


def release(tables: Tables, lane: int, me: str) -> None:
    """Give it back."""
    CLAIM.release(tables.lanes.filter(pk=lane), me)
