"""What a messenger keeps of conversations and people, and for how long: the same for every messenger, over its tables.

A message that came in stays as a row without its text for as long as its policy says: the row is what tells a repeated
delivery from a new one.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from chat.messenger.models import Tables
from chat.models import Run
from chat.retention.ages import aged
from chat.retention.policy import Policy, Traces
from chat.retention.purge import purge_some

#: What an event is that was emptied.
EMPTY: dict[str, Any] = {}


def policies(tables: Tables, name: str, label: Any) -> tuple[Policy, Policy]:
    """What came in, and what went out. `name` begins the policies' names; `label` is the messenger's for people."""
    return (
        Policy(
            name=f"{name}_messages",
            label=format_lazy(_("messages that came in by {name}"), name=label),
            days=90,
            covers=(tables.message._meta.label,),
            rows=lambda before: aged(tables.messages.exclude(state="received"), "received_at", before),
        ),
        Policy(
            name=f"{name}_deliveries",
            label=format_lazy(_("messages that went out by {name}, or were given up"), name=label),
            days=90,
            covers=(tables.delivery._meta.label,),
            rows=lambda before: aged(tables.deliveries.exclude(state="pending"), "created_at", before),
        ),
    )


def traces(tables: Tables, people: type[Any], sender: str) -> Traces:
    """What no foreign key leads to. `people`: the table of who writes there, with an `app`, a `user`, and in the field
    `sender` the id that messages have as theirs."""

    def conversations(ids: Sequence[UUID], most: int) -> int:
        lanes = tables.lanes.filter(conversation__in=ids)
        runs = Run.objects.filter(conversation__in=ids).values("run")
        answered = tables.messages.filter(run__in=runs)
        if emptied := _empty(answered, most):
            return emptied
        for lane in lanes:
            # What was refused, passed over or carried out in this chat has no run.
            rest = tables.messages.filter(app_id=lane.app_id, chat_id=lane.chat_id, thread_id=lane.thread_id)
            if emptied := _empty(rest.filter(run="").exclude(state="received"), most):
                return emptied
        return purge_some(lanes, most)

    def person(user: int, most: int) -> int:
        for app, id in people._default_manager.filter(user_id=user).values_list("app_id", sender):
            mine = tables.messages.filter(app_id=app, sender=id)
            if gone := purge_some(mine, most):
                return gone
        return purge_some(people._default_manager.filter(user_id=user), most)

    return Traces(conversations, person)


def _empty(rows: "QuerySet[Any]", most: int) -> int:
    pks = list(rows.exclude(event=EMPTY).order_by().values_list("pk", flat=True)[:most])
    return int(rows.model._base_manager.filter(pk__in=pks).update(event=EMPTY, reason=""))
