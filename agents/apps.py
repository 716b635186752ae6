from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class AgentsConfig(AppConfig):
    """Decides the next step: agents, models' dialects and tools."""

    name = "agents"
    verbose_name = _("Agents")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Find what can be used (`agents/extensions.py`), and stop the start if something of it is broken."""
        from agents import extensions

        extensions.load()
        for module in settings.HOLDFAST_TOOL_MODULES:
            extensions.register_tool_module(module)
