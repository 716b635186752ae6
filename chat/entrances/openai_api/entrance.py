"""The OpenAI-compatible endpoint as the core knows it. It is attended: a call that asks waits for its owner, who has
the conversation in their list, and the client waits with it."""

from django.utils.translation import gettext_lazy as _

from chat.extensions import Entrance

ENTRANCE = Entrance(
    name="openai",
    label=_("the OpenAI-compatible endpoint"),
    door="api",
    urls="chat.entrances.openai_api.urls",
)
