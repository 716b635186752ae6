from django.apps import AppConfig

from chat import extensions


class PagerConfig(AppConfig):
    """Pagers: a messenger that only tests have."""

    name = "tests.support.pager"

    def ready(self) -> None:
        """Register the entrance. Tests run its service themselves."""
        extensions.register(extensions.Entrance(name="pager", label="a pager"), self.name)
