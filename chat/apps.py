from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Remembers and delivers: conversations, sessions, runs and entrances."""

    name = "chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make the destinations known (`chat/automation/destinations.py`)."""
        from chat.automation import destinations
        from chat.automation.mail import Mail
        from chat.entrances.feishu.destination import FeishuChats

        destinations.register(Mail())
        destinations.register(FeishuChats())
