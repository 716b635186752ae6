"""The web chat as the core knows it."""

from django.utils.translation import gettext_lazy as _

from chat.extensions import Entrance

ENTRANCE = Entrance(
    name="web",
    label=_("the web chat"),
    urls="chat.entrances.web.urls",
    fallback=True,
    sockets="chat.entrances.web.routing.routes",
)
