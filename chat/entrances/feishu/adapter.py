"""Feishu as a messenger (chat/messenger/adapter.py): what it bears, how its rows are read and its texts written."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils import translation

from chat.entrances.feishu import card_json, documents, markdown
from chat.entrances.feishu.client import FeishuClient
from chat.entrances.feishu.content import read
from chat.entrances.feishu.models import TABLES, FeishuApp, FeishuUser
from chat.messenger.adapter import MessengerLimits, Person, Pressed, Said
from chat.messenger.models import InboundMessage


class FeishuMarkup:
    """Feishu's markdown, and messages that are cards of one text."""

    def escape(self, text: str) -> str:
        """Signs that mean something in Feishu's markdown as HTML entities, as its manual wants them."""
        return "".join(f"&#{ord(sign)};" if sign in "*_~`[]<>" else sign for sign in text)

    def markdown(self, text: str) -> str:
        return markdown.element(text)

    def messages(self, text: str) -> list[str]:
        return [card_json.message(piece) for piece in markdown.pieces(text)]

    def plain(self, content: str) -> tuple[str, str] | None:
        text = self.words(content)
        return self.sentence(text) if text else None

    def words(self, content: str) -> str:
        return markdown.plain("\n\n".join(card_json.texts(content)))

    def sentence(self, text: str) -> tuple[str, str]:
        return "text", card_json.text(text)


class Feishu:
    """The adapter."""

    name = "feishu"
    label = "Feishu"
    tables = TABLES
    markup = FeishuMarkup()
    limits = MessengerLimits(
        remembers_uuid_ms=50 * 60_000,  # an hour, less what a request may take
        card_lasts_ms=480_000,  # Feishu closes a streaming card after 600 s
        card_changes_per_s=6.0,  # below 1000 a minute; a change is up to two requests
        card_every_ms=700,
    )

    def language(self, app: Any) -> str:
        return str(settings.LANGUAGE_CODE)

    def person(self, app: Any, sender: str) -> Person:
        people = FeishuUser.objects.select_related("user")
        return people.get_or_create(app=app, open_id=sender)[0]

    def people(self, app: Any, senders: Sequence[str]) -> dict[str, Person]:
        """What `person` says of each (`PeopleReader`)."""
        rows = FeishuUser.objects.select_related("user").filter(app=app, open_id__in=senders)
        known = set(rows.values_list("open_id", flat=True))
        new = [FeishuUser(app=app, open_id=one) for one in dict.fromkeys(senders) if one not in known]
        FeishuUser.objects.bulk_create(new, ignore_conflicts=True)
        return {person.open_id: person for person in rows.all()}

    def linked(self, app: FeishuApp, person: Person, text: str) -> tuple[tuple[str, str, str], ...]:
        """The documents that are read for this person (`LinkReader`)."""
        user = person.user
        if app.documents == "nobody" or (user is not None and not user.is_active):
            return ()
        return documents.linked(text) if app.documents == "everyone" or user is not None else ()

    def is_private(self, row: InboundMessage) -> bool:
        return _dict(row.event, "message").get("chat_type") == "p2p"

    def read(self, row: InboundMessage, bot: str) -> Said | Pressed:
        if row.is_press:
            return Pressed(_dict(_dict(row.event, "action"), "value"))
        with translation.override(self.language(None)):
            return read(_dict(row.event, "message"), bot)

    def client(self, app: Any) -> FeishuClient:
        return FeishuClient(app)

    def client_key(self, app: Any) -> str:
        return f"{app.pk} {app.app_id} {app.base_url} {app.secret}"


FEISHU = Feishu()


def _dict(of: Any, name: str) -> dict[str, Any]:
    found = of.get(name) if isinstance(of, dict) else None
    return found if isinstance(found, dict) else {}
