from django.apps import AppConfig


class AgentsConfig(AppConfig):
    """Decides the next step: agents, models' dialects and tools."""

    name = "agents"
    default_auto_field = "django.db.models.BigAutoField"
