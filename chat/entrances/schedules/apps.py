from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from chat import extensions


class SchedulesConfig(AppConfig):
    """Agents that are told something at certain times."""

    name = "chat.entrances.schedules"
    label = "schedules"
    verbose_name = _("Schedules")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what this entrance brings."""
        from chat.entrances.schedules.entrance import ENTRANCE

        extensions.register(ENTRANCE, self.name)
