from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Remembers and delivers: conversations, sessions, runs and entrances."""

    name = "chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make the destinations known (`chat/destinations.py`)."""
        from chat import destinations
        from chat.entrances.feishu.destination import FeishuChats
        from chat.mail import Mail

        destinations.register(Mail())
        destinations.register(FeishuChats())
