"""What of a messenger waits for an operator: for the admin's first page (`chat.extensions.Attention`)."""

from collections.abc import Callable, Collection
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from chat.extensions import Attention
from chat.messenger.models import SET_ASIDE, Delivery, InboundMessage, Lane
from chat.support.clock import now_ms

#: What was to be taken in, or sent, for so long waits for something that does not pass by itself (milliseconds).
STUCK_MS = 10 * 60_000
#: Rows that are counted, and chats in which nothing moves.
MAX_COUNTED = 10_000
MAX_STUCK = 500
#: Chats that one question names.
CHUNK = 50


def attention(
    message: type[InboundMessage], lane: type[Lane], delivery: type[Delivery]
) -> tuple[Attention, ...]:
    """Rows that were set aside, dead letters, and chats in which nothing moves."""

    def aside() -> "QuerySet[Any]":
        return message._default_manager.filter(state="refused", reason__startswith=SET_ASIDE)

    def dead() -> "QuerySet[Any]":
        return delivery._default_manager.filter(state="dead")

    lanes: Any = lane._default_manager
    messages: Any = message._default_manager
    deliveries: Any = delivery._default_manager

    def stuck() -> "QuerySet[Any]":
        # From the few that wait to their chats, and not over all chats: each step has an index.
        since = now_ms() - STUCK_MS
        unsent = deliveries.filter(state="pending", created_at__lt=since)
        found = set(unsent.values_list("lane", flat=True).distinct()[:MAX_STUCK])
        waiting = messages.filter(state="received", received_at__lt=since)
        chats = waiting.values_list("app", "chat_id", "thread_id").distinct()[:MAX_STUCK]
        where = [Q(app=app, chat_id=chat, thread_id=thread) for app, chat, thread in chats]
        for start in range(0, len(where), CHUNK):
            some = lanes.filter(reduce(or_, where[start : start + CHUNK]), generation__gte=1)
            found.update(some.values_list("pk", flat=True))
        stuck: QuerySet[Any] = lanes.filter(pk__in=found, app__enabled=True)
        return stuck

    def one(rows: Callable[[], "QuerySet[Any]"], text: Any, kind: type[Any], **query: str) -> Attention:
        name = f"{kind._meta.app_label}_{kind._meta.model_name}_changelist"
        permission = f"{kind._meta.app_label}.view_{kind._meta.model_name}"
        return Attention(lambda: rows()[:MAX_COUNTED].count(), text, name, permission, query)

    return (
        one(
            aside,
            _("{label}: what came in and was set aside, because it raises: {count}"),
            message,
            aside="1",
        ),
        one(
            dead,
            _("{label}: messages that could not be sent and were given up: {count}"),
            delivery,
            state__exact="dead",
        ),
        one(stuck, _("{label}: chats in which nothing has moved for ten minutes: {count}"), lane),
    )


def due(message: type[InboundMessage], delivery: type[Delivery]) -> dict[str, Callable[[], int]]:
    """What came in and what is to go out that no worker has seen to yet."""
    received: Any = message._default_manager
    unsent: Any = delivery._default_manager
    return {
        "messages": lambda: received.filter(state="received")[:MAX_COUNTED].count(),
        "deliveries": lambda: unsent.filter(state="pending")[:MAX_COUNTED].count(),
    }


def undelivered(delivery: type[Delivery]) -> Callable[[Collection[str]], dict[str, str]]:
    """Which of these runs have answers that were given up, and why."""

    def found(runs: Collection[str]) -> dict[str, str]:
        rows = delivery._default_manager.filter(run__in=list(runs), state="dead").order_by("-id")
        return dict(rows.values_list("run", "error"))

    return found
