"""Triggers as the core knows them."""

from django.utils.translation import gettext_lazy as _

from chat.entrances.triggers.models import TriggerFiring
from chat.entrances.triggers.retention import POLICIES, STAYS, STORED, TRACES
from chat.entrances.triggers.service import TriggerService
from chat.entrances.triggers.tools import triggers
from chat.entrances.triggers.watching import passed_over
from chat.extensions import Entrance, Service, ServiceContext
from chat.support.clock import now_ms

#: Rows that are counted.
MAX_COUNTED = 10_000


async def _serve(given: ServiceContext) -> None:
    await TriggerService(given.sessions, given.enqueue).run()


def _due() -> int:
    return TriggerFiring.objects.filter(state="pending", next_at__lte=now_ms())[:MAX_COUNTED].count()


ENTRANCE = Entrance(
    name="trigger",
    label=_("a trigger"),
    attended=False,
    quotes=True,
    urls="chat.entrances.triggers.urls",
    services=(Service("triggers", _serve),),
    tools=(triggers,),
    due={"firings": _due},
    retention=POLICIES,
    stays=STAYS,
    traces=TRACES,
    stored=STORED,
    imported=passed_over,
)
