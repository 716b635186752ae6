from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The project itself: it has no tables, only system checks."""

    name = "config"

    def ready(self) -> None:
        """Register the checks."""
        from config import checks  # noqa: F401
