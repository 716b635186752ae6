from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from chat import extensions


class TriggersConfig(AppConfig):
    """Agents that are told something when something happens."""

    name = "chat.entrances.triggers"
    label = "triggers"
    verbose_name = _("Triggers")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what this entrance brings."""
        from chat.entrances.triggers.entrance import ENTRANCE

        extensions.register(ENTRANCE, self.name)
