from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from chat import extensions


class OpenAIConfig(AppConfig):
    """Agents as models, for whatever speaks OpenAI's API."""

    name = "chat.entrances.openai_api"
    label = "openai_api"
    verbose_name = _("OpenAI-compatible endpoint")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what this entrance brings."""
        from chat.entrances.openai_api.entrance import ENTRANCE

        extensions.register(ENTRANCE, self.name)
