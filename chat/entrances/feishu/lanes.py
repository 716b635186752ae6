"""Which worker sees to which lane, and what there is to do: short questions to SQL and conditional writes.

All of these are plain functions; `ask` runs one in a database thread.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar
from uuid import NAMESPACE_URL, uuid5

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Exists, OuterRef

from chat.entrances.feishu.models import (
    FeishuApp,
    FeishuDelivery,
    FeishuLane,
    FeishuMessage,
    FeishuUser,
    newest_lane,
)
from chat.models import Conversation
from chat.support.claims import Claim
from chat.support.clock import now_ms as now_ms

#: A lane stays with its worker for this long unless it is renewed (milliseconds).
LEASE_MS = 10_000
RENEW_S = 3.0
CLAIM = Claim(holder="claimed_by")
#: Chats looked at in one round.
MOST = 500

P = ParamSpec("P")
T = TypeVar("T")


#: Threads that keep their connections: the many short questions must neither stand in one line nor open one each.
_POOL = ThreadPoolExecutor(8, thread_name_prefix="feishu")


async def ask(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a database thread. A connection that has died is given up with the error that tells so."""

    def run() -> T:
        try:
            return work(*args, **kwargs)
        except (OperationalError, InterfaceError):
            connection.close()
            raise

    return await asyncio.get_running_loop().run_in_executor(_POOL, run)


def in_thread(work: Callable[[], None]) -> None:
    """Have `work`, which raises nothing, done in a database thread, whatever becomes of who asks for it."""
    _POOL.submit(work)


def name(*parts: object) -> str:
    """A UUID made of these: the same on every worker, whenever it is asked for."""
    return str(uuid5(NAMESPACE_URL, "\0".join(["holdfast.feishu", *map(str, parts)])))


@dataclass
class Todo:
    """What there is to do, by lane."""

    mail: set[int] = field(default_factory=set)
    out: set[int] = field(default_factory=set)
    news: set[int] = field(default_factory=set)
    #: Lanes that some worker has now: how many cards may be moving.
    busy: int = 0

    @property
    def lanes(self) -> set[int]:
        return self.mail | self.out | self.news


def look(me: str, now: int) -> Todo:
    """Everything that is to be done on lanes which nobody else has."""
    todo = Todo()
    waiting = FeishuMessage.objects.filter(state="received", app__enabled=True)
    chats = waiting.order_by().values_list("app_id", "chat_id", "thread_id").distinct()[:MOST]
    for app_id, chat_id, thread_id in chats:
        lane = newest_lane(app_id, chat_id, thread_id) or first_lane(app_id, chat_id, thread_id)
        todo.mail.add(lane.pk)
    due = FeishuDelivery.objects.filter(state="pending", next_at__lte=now, lane__app__enabled=True)
    todo.out = set(due.order_by().values_list("lane_id", flat=True).distinct()[:MOST])
    ahead = Conversation.objects.filter(
        id=OuterRef("conversation"), head_seq__gt=OuterRef("head_seq"), deleted_at=None
    )
    behind = FeishuLane.objects.filter(Exists(ahead), app__enabled=True)
    todo.news = set(behind.values_list("pk", flat=True)[:MOST])
    held = FeishuLane.objects.filter(claimed_until__gt=now)
    todo.busy = held.count()
    others = set(held.exclude(claimed_by=me).values_list("pk", flat=True))
    for found in (todo.mail, todo.out, todo.news):
        found -= others
    return todo


def first_lane(app_id: int, chat_id: str, thread_id: str) -> FeishuLane:
    """The first generation of a chat's lane. A private chat with a linked person is theirs."""
    return make_lane(app_id, chat_id, thread_id, 1)


def make_lane(app_id: int, chat_id: str, thread_id: str, generation: int) -> FeishuLane:
    """A generation of a chat's lane; any number of workers may make it at once."""
    app = FeishuApp.objects.get(pk=app_id)
    rows = FeishuMessage.objects.filter(app=app, chat_id=chat_id, thread_id=thread_id)
    newest = rows.exclude(message_id__startswith="action:").order_by("-id").first()
    owner = app.owner_id
    if newest is not None and newest.event.get("message", {}).get("chat_type") == "p2p":
        person = FeishuUser.objects.filter(app=app, open_id=newest.sender).first()
        if person is not None and person.user_id is not None:
            owner = person.user_id
    lane, _ = FeishuLane.objects.get_or_create(
        app=app,
        chat_id=chat_id,
        thread_id=thread_id,
        generation=generation,
        defaults={
            "conversation": name("conversation", app.pk, chat_id, thread_id, generation),
            "owner_id": owner,
            "anchor": newest.message_id if newest is not None else "",
        },
    )
    return lane


def claim(lane: int, me: str, now: int) -> bool:
    """Have a lane to oneself, if nobody else has it."""
    return CLAIM.take(FeishuLane.objects.filter(pk=lane), now, now + LEASE_MS, who=me)


def renew(lane: int, me: str, now: int) -> bool:
    """Keep it. False: somebody else has it; do nothing more to it."""
    return CLAIM.renew(FeishuLane.objects.filter(pk=lane), now + LEASE_MS, me)


def release(lane: int, me: str) -> None:
    """Give it back."""
    CLAIM.release(FeishuLane.objects.filter(pk=lane), me)
