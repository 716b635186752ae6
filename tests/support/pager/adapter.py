"""The pager as a messenger."""

from __future__ import annotations

from typing import Any

from chat.messenger.adapter import MessengerLimits, Pressed, Said
from chat.messenger.models import InboundMessage
from tests.support.pager.models import TABLES, PagerPerson
from tests.support.pager.tower import PagerClient, Tower

#: Characters of one page.
PAGE = 1_000


class PlainText:
    """No markup at all."""

    def escape(self, text: str) -> str:
        return text

    def markdown(self, text: str) -> str:
        return text

    def messages(self, text: str) -> list[str]:
        return [text[start : start + PAGE] for start in range(0, len(text), PAGE)]


class Pager:
    """The adapter, over one tower."""

    name = "pager"
    label = "Pager"
    tables = TABLES
    markup = PlainText()
    limits = MessengerLimits(
        remembers_uuid_ms=9 * 60_000,
        card_lasts_ms=200_000,
        card_changes_per_s=100.0,
        card_every_ms=50,
    )

    def __init__(self, tower: Tower) -> None:
        self.tower = tower

    def language(self, app: Any) -> str:
        return str(app.language)

    def person(self, app: Any, sender: str) -> PagerPerson:
        people = PagerPerson.objects.select_related("user")
        return people.get_or_create(app=app, number=sender)[0]

    def is_private(self, row: InboundMessage) -> bool:
        return not row.event.get("group")

    def read(self, row: InboundMessage, bot: str) -> Said | Pressed:
        if row.is_press:
            return Pressed(row.event["value"])
        files = tuple(("file", name, name) for name in row.event.get("files", ()))
        return Said(row.event["text"], row.event.get("to_bot", False), files)

    def client(self, app: Any) -> PagerClient:
        return PagerClient(self.tower)

    def client_key(self, app: Any) -> str:
        return str(app.pk)
