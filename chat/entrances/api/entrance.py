"""The HTTP API as the core knows it."""

from django.utils.translation import gettext_lazy as _

from chat.extensions import Entrance

ENTRANCE = Entrance(name="api", label=_("the API"), door="api", urls="chat.entrances.api.urls")
