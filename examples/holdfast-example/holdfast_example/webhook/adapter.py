"""The webhook as a messenger (`chat/messenger/adapter.py`): how its rows are read and its texts written."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from chat.messenger.adapter import MessengerLimits, Pressed, Said
from chat.messenger.models import InboundMessage
from holdfast_example.webhook.client import WebhookClient
from holdfast_example.webhook.models import TABLES


@dataclass
class Somebody:
    """Who writes, as the other side calls them; nobody here is linked to a user."""

    name: str
    user: Any = None


class Markdown:
    """The callback gets the markdown as it is: it knows how its people read."""

    def escape(self, text: str) -> str:
        return "".join(f"\\{sign}" if sign in r"\*_~`[]<>#" else sign for sign in text)

    def markdown(self, text: str) -> str:
        return text

    def messages(self, text: str) -> list[str]:
        return [text] if text else []


class Webhook:
    """The adapter."""

    name = "chat_webhook"
    label = "Chat webhook"
    tables = TABLES
    markup = Markdown()
    limits = MessengerLimits(
        remembers_uuid_ms=24 * 3600 * 1000,  # a day of tries, then a dead letter
        card_lasts_ms=24 * 3600 * 1000,
        card_changes_per_s=10.0,
        card_every_ms=1_000,
    )

    def language(self, app: Any) -> str:
        return str(settings.LANGUAGE_CODE)

    def person(self, app: Any, sender: str) -> Somebody:
        return Somebody(sender)

    def is_private(self, row: InboundMessage) -> bool:
        return True

    def read(self, row: InboundMessage, bot: str) -> Said | Pressed:
        if row.is_press:
            return Pressed(row.event["value"])
        return Said(row.event["text"].strip(), for_us=True)

    def client(self, app: Any) -> WebhookClient:
        return WebhookClient(app.callback, app.secret)

    def client_key(self, app: Any) -> str:
        return f"{app.pk} {app.callback} {app.secret}"


WEBHOOK = Webhook()
