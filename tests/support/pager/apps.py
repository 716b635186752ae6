from django.apps import AppConfig

from chat import extensions


class PagerConfig(AppConfig):
    """The second messenger of the tests, as an entrance."""

    name = "tests.support.pager"
    label = "pager"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Without a service: tests start their own (tests/chat/messenger/house.py).
        extensions.register(extensions.Entrance(name="pager", label="the pager"), self.name)
