"""For how long rows of schedules are kept, and what they keep of conversations (chat/retention/)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from chat.entrances.schedules.models import OPEN, ScheduleDelivery, ScheduleFiring
from chat.retention.ages import aged
from chat.retention.policy import Policy, Traces
from chat.retention.purge import purge_some


def _over(before: int) -> "QuerySet[Any]":
    rows = ScheduleFiring.objects.filter(due__lt=before).exclude(state__in=OPEN)
    return rows.exclude(delivery__state="pending")


def _sent(before: int) -> "QuerySet[Any]":
    return aged(ScheduleDelivery.objects.exclude(state="pending"), "created_at", before)


def _of_conversations(ids: Sequence[UUID], most: int) -> int:
    rows = ScheduleFiring.objects.filter(conversation__in=ids)
    if gone := purge_some(ScheduleDelivery.objects.filter(firing__in=rows), most):
        return gone
    # The row says when it was due, and stays; the beginning of the answer does not.
    some = list(rows.exclude(detail="").values_list("pk", flat=True)[:most])
    return ScheduleFiring.objects.filter(pk__in=some).update(detail="")


POLICIES = (
    Policy(
        name="schedule_firings",
        label=_("runs of schedules, with the beginnings of their answers"),
        days=365,
        covers=("schedules.ScheduleFiring",),
        rows=_over,
        least=2,
    ),
    Policy(
        name="schedule_deliveries",
        label=_("results of schedules that were delivered, or given up"),
        days=90,
        covers=("schedules.ScheduleDelivery",),
        rows=_sent,
    ),
)
STAYS: dict[str, Any] = {"schedules.Schedule": "what a person has set up"}
TRACES = Traces(_of_conversations, lambda user, most: 0)
