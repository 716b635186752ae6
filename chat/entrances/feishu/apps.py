from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from chat import extensions


class FeishuConfig(AppConfig):
    """Chats in Feishu and Lark."""

    name = "chat.entrances.feishu"
    label = "feishu"
    verbose_name = _("Feishu")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what this entrance brings."""
        from chat.entrances.feishu.entrance import ENTRANCE

        extensions.register(ENTRANCE, self.name)
