"""Schedules as the core knows them."""

from django.utils.translation import gettext_lazy as _

from chat.entrances.schedules.service import ScheduleService
from chat.entrances.schedules.store import ScheduleSources
from chat.entrances.schedules.tools import schedules
from chat.extensions import Entrance, Service, ServiceContext


async def _serve(given: ServiceContext) -> None:
    await ScheduleService(given.sessions, given.enqueue).run()


ENTRANCE = Entrance(
    name="schedule",
    label=_("a schedule"),
    attended=False,
    urls="chat.entrances.schedules.urls",
    services=(Service("schedules", _serve),),
    tools=(schedules,),
    sources=ScheduleSources(),
)
