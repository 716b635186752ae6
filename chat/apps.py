from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Remembers and delivers: conversations, sessions, runs and entrances."""

    name = "chat"
    default_auto_field = "django.db.models.BigAutoField"
