"""Feishu as the core knows it."""

from django.utils.translation import gettext_lazy as _

from chat.entrances.feishu.adapter import FEISHU
from chat.entrances.feishu.destination import FeishuChats
from chat.entrances.feishu.models import TABLES, FeishuDelivery, FeishuLane, FeishuMessage, FeishuUser
from chat.entrances.feishu.service import FeishuService
from chat.extensions import Entrance, Service, ServiceContext
from chat.messenger.attention import attention, due, undelivered
from chat.messenger.people import Chats
from chat.messenger.traces import policies, traces


async def _serve(given: ServiceContext) -> None:
    await FeishuService(given.sessions, given.enqueue, worker=given.worker).run()


ENTRANCE = Entrance(
    name="feishu",
    label=_("Feishu"),
    urls="chat.entrances.feishu.urls",
    services=(Service("feishu", _serve),),
    destinations=(FeishuChats(),),
    attention=attention(FeishuMessage, FeishuLane, FeishuDelivery),
    undelivered=undelivered(FeishuDelivery),
    due=due(FeishuMessage, FeishuDelivery),
    chats=Chats(FEISHU),
    retention=policies(TABLES, "feishu", _("Feishu")),
    stays={
        "feishu.FeishuApp": "configuration",
        "feishu.FeishuUser": "who has written; goes with the user who it is",
        "feishu.FeishuLane": "a chat; goes with its conversation, or with its owner",
        "feishu.FeishuTurn": "goes with its chat",
    },
    traces=traces(TABLES, FeishuUser, "open_id"),
)
