from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from chat import extensions


class ApiConfig(AppConfig):
    """Conversations for people's own programs."""

    name = "chat.entrances.api"
    label = "api"
    verbose_name = _("HTTP API")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what this entrance brings."""
        from chat.entrances.api.entrance import ENTRANCE

        extensions.register(ENTRANCE, self.name)
