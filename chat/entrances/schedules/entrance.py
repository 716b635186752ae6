"""Schedules as the core knows them."""

from django.utils.translation import gettext_lazy as _

from chat.entrances.schedules.models import Schedule, ScheduleDelivery
from chat.entrances.schedules.retention import POLICIES, STAYS, TRACES
from chat.entrances.schedules.service import ScheduleService
from chat.entrances.schedules.store import ScheduleSources
from chat.entrances.schedules.tools import schedules
from chat.extensions import Attention, Entrance, Service, ServiceContext
from chat.support.clock import now_ms, wall_ms

#: Rows that are counted.
MAX_COUNTED = 10_000


async def _serve(given: ServiceContext) -> None:
    await ScheduleService(given.sessions, given.enqueue).run()


def _dead_letters() -> int:
    return ScheduleDelivery.objects.filter(state="dead")[:MAX_COUNTED].count()


def _due() -> int:
    return Schedule.objects.filter(state="active", next_at__lte=wall_ms())[:MAX_COUNTED].count()


def _deliveries() -> int:
    return ScheduleDelivery.objects.filter(state="pending", next_at__lte=now_ms())[:MAX_COUNTED].count()


ENTRANCE = Entrance(
    name="schedule",
    label=_("a schedule"),
    attended=False,
    urls="chat.entrances.schedules.urls",
    services=(Service("schedules", _serve),),
    tools=(schedules,),
    retention=POLICIES,
    stays=STAYS,
    traces=TRACES,
    sources=ScheduleSources(),
    due={"schedules": _due, "deliveries": _deliveries},
    attention=(
        Attention(
            _dead_letters,
            _("Results of schedules that could not be delivered and were given up: {count}"),
            "schedules_scheduledelivery_changelist",
            "schedules.view_scheduledelivery",
            {"state__exact": "dead"},
        ),
    ),
)
