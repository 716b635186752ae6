from django.apps import AppConfig

from chat import extensions


class PagerConfig(AppConfig):
    """The second messenger of the tests, as an entrance."""

    name = "tests.support.pager"
    label = "pager"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Without a service: tests start their own (tests/chat/messenger/house.py).
        from chat.messenger.people import Chats
        from tests.support.pager.adapter import Pager
        from tests.support.pager.tower import Tower

        pager = extensions.Entrance(name="pager", label="the pager", chats=Chats(Pager(Tower())))
        extensions.register(pager, self.name)
