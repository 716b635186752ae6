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
        from chat.messenger.traces import policies, traces
        from tests.support.pager.adapter import Pager
        from tests.support.pager.models import TABLES, PagerPerson
        from tests.support.pager.tower import Tower

        pager = extensions.Entrance(
            name="pager",
            label="the pager",
            chats=Chats(Pager(Tower())),
            retention=policies(TABLES, "pager", "the pager"),
            stays={
                "pager.PagerApp": "configuration",
                "pager.PagerPerson": "goes with the user",
                "pager.PagerLane": "goes with its conversation",
                "pager.PagerTurn": "goes with its chat",
            },
            traces=traces(TABLES, PagerPerson, "number"),
        )
        extensions.register(pager, self.name)
