"""The queues of schedules, for the rule about what raises (chat/set_aside.py)."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chat.entrances.schedules import editing
from chat.entrances.schedules.models import Schedule, ScheduleDelivery, ScheduleFiring
from chat.entrances.schedules.validation import InvalidSchedule
from chat.set_aside import Queue, register
from chat.support.clock import now_ms

GONE = "It is gone, or somebody has seen to it already."


def _decide_again(key: str) -> None:
    row = Schedule.objects.filter(pk=UUID(key)).first()
    if row is None:
        raise ValueError(GONE)
    try:
        editing.resume(row)
    except InvalidSchedule as problem:
        raise ValueError(str(problem)) from None


def _begin_again(key: str) -> None:
    _back(ScheduleFiring.objects.filter(pk=UUID(key), state="failed", outcome="internal"), "received")


def _settle_again(key: str) -> None:
    _back(ScheduleFiring.objects.filter(pk=UUID(key), state="over", outcome="internal"), "fired")


def _back(rows: Any, state: str) -> None:
    """The way back from having been set aside, the only one there is (see MOVES)."""
    if not rows.update(state=state, outcome="", detail="", over_at=None, seen_seq=0, retry_at=0):
        raise ValueError(GONE)


def _send_again(key: str) -> None:
    rows = ScheduleDelivery.objects.filter(pk=int(key), state="dead")
    if not rows.update(state="pending", attempts=0, next_at=0, error="", created_at=now_ms()):
        raise ValueError(GONE)


#: Schedules whose due times are to be decided on, by their ids.
SCHEDULES = register(Queue("schedule.due", _("a schedule"), _decide_again))
#: Firings to be begun, and those of which it is to be told what became of them, by their ids.
FIRINGS = register(Queue("schedule.firing", _("a due time of a schedule"), _begin_again))
RESULTS = register(Queue("schedule.result", _("the result of a schedule"), _settle_again))
#: Deliveries, by their ids.
DELIVERIES = register(Queue("schedule.delivery", _("a result on its way"), _send_again))
