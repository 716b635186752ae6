from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    """Remembers and delivers: conversations, sessions and runs. What comes in and goes out by, is registered with
    `chat/extensions.py`."""

    name = "chat"
    verbose_name = _("Conversations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make e-mail known as a destination (`chat/automation/destinations.py`)."""
        from chat.automation import destinations
        from chat.automation.mail import Mail

        destinations.register(Mail(), self.name)
