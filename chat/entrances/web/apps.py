from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from chat import extensions


class WebConfig(AppConfig):
    """The chat in the browser."""

    name = "chat.entrances.web"
    label = "web"
    verbose_name = _("Web chat")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what this entrance brings."""
        from chat.entrances.web.entrance import ENTRANCE

        extensions.register(ENTRANCE, self.name)
