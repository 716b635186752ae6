"""The OpenAI-compatible endpoint as the core knows it. It is attended: a call that asks waits for its owner, who has
the conversation in their list, and the client waits with it."""

from collections.abc import Sequence
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chat.entrances.openai_api.models import Exchange
from chat.extensions import Entrance
from chat.retention.policy import Traces
from chat.retention.purge import purge_some


def _of_conversations(ids: Sequence[UUID], most: int) -> int:
    return purge_some(Exchange.objects.filter(conversation__in=ids), most)


ENTRANCE = Entrance(
    name="openai",
    label=_("the OpenAI-compatible endpoint"),
    door="api",
    urls="chat.entrances.openai_api.urls",
    stays={"openai_api.Exchange": "digests and ids; goes with its conversation"},
    traces=Traces(_of_conversations, lambda user, most: 0),
)
