"""Triggers as the core knows them."""

from django.utils.translation import gettext_lazy as _

from chat.entrances.triggers.service import TriggerService
from chat.entrances.triggers.tools import triggers
from chat.entrances.triggers.watching import passed_over
from chat.extensions import Entrance, Service, ServiceContext


async def _serve(given: ServiceContext) -> None:
    await TriggerService(given.sessions, given.enqueue).run()


ENTRANCE = Entrance(
    name="trigger",
    label=_("a trigger"),
    attended=False,
    quotes=True,
    urls="chat.entrances.triggers.urls",
    services=(Service("triggers", _serve),),
    tools=(triggers,),
    imported=passed_over,
)
