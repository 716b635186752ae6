"""What people see with a message and the event does not hold: the message that it answers, and what was forwarded.

quoted ──► the outbox (our own) ──► what came in ──► the messenger, if its client can be asked
"""

from dataclasses import dataclass
from typing import Any

from chat.commands import MAX_TEXT
from chat.messenger import texts
from chat.messenger.adapter import Client, Found, MessageReader, Messenger, PlainMarkup, Pressed, Said
from chat.messenger.database import ask
from chat.messenger.errors import MessageRefused, Unclear
from chat.messenger.models import InboundMessage, Lane

#: Letters of a quotation, and of all that was forwarded.
MAX_QUOTED, MAX_FORWARDED = 4_000, 12_000
#: Letters for the marks of a quotation.
MARGIN = 500
#: Forwarded messages that are read.
MAX_MESSAGES = 100


@dataclass(frozen=True)
class File:
    """A file of a message: `message` is the one in which the messenger has it."""

    message: str
    kind: str
    key: str
    name: str


class Quotes:
    """Reads for one lane."""

    def __init__(self, messenger: Messenger, lane: Lane, client: Client) -> None:
        self._messenger = messenger
        self._tables = messenger.tables
        self._lane = lane
        self._client = client
        self._language = messenger.language(lane.app)

    async def with_context(self, row: InboundMessage, said: Said) -> tuple[str, list[File]]:
        """The text of a message with what it quotes and forwards, and the files of all of them, the quoted ones last.
        Raises MessengerError where it is worth waiting."""
        text, files = said.text, _files(row.message_id, said)
        if said.forwards:
            text = "\n\n".join(part for part in (text, await self._forwarded(said.forwards)) if part)
        if said.quotes:
            name, quoted = await self._quoted(said.quotes)
            lines = [
                f"> {line}".rstrip()
                for line in quoted.text[: max(0, min(MAX_QUOTED, MAX_TEXT - len(text) - MARGIN))].split("\n")
            ]
            text = "\n".join([f"> {texts.say(self._language, texts.QUOTED, name=name)}", *lines, "", text])
            files += _files(said.quotes, quoted)
        return text.strip("\n"), files

    async def _quoted(self, message: str) -> tuple[str, Said]:
        """Who wrote a message of this chat, and what it says."""
        if (known := await ask(self._known, message)) is not None:
            return known
        found = await self._found(message)
        if not found:
            return "?", Said(texts.say(self._language, texts.NOT_READABLE), for_us=False)
        return self._name(found[0]), found[0].said

    def _known(self, message: str) -> tuple[str, Said] | None:
        """What we have of it. In a database thread."""
        lane, markup = self._lane, self._messenger.markup
        sent = self._tables.deliveries.filter(
            lane__app=lane.app, lane__chat_id=lane.chat_id, message_id=message
        )
        ours = sent.first()
        if ours is not None and isinstance(markup, PlainMarkup):
            return texts.say(self._language, texts.YOU), Said(markup.words(ours.content), for_us=False)
        rows = self._tables.messages.filter(app=lane.app, chat_id=lane.chat_id, message_id=message)
        row: Any = rows.first()
        if row is None or not row.event:
            return None
        said = self._messenger.read(row, "")
        if isinstance(said, Pressed) or said.forwards:
            return None
        person = self._messenger.person(lane.app, row.sender)
        return person.name or self._label(row.sender), said

    async def _forwarded(self, message: str) -> str:
        found = await self._found(message)
        lines = [self._line(one) for one in found[:MAX_MESSAGES] if one.id != message]
        if not lines:
            return texts.say(self._language, texts.NOT_READABLE)
        return "\n".join([texts.say(self._language, texts.FORWARDED), *lines])[:MAX_FORWARDED]

    async def _found(self, message: str) -> list[Found]:
        if not isinstance(self._client, MessageReader):
            return []
        try:
            return await self._client.message(message)
        except (MessageRefused, Unclear):
            return []

    def _line(self, one: Found) -> str:
        said = one.said.text or ", ".join(f"[{name}]" for _, _, name in one.said.files)
        return f"{self._name(one)}: {said}"

    def _name(self, one: Found) -> str:
        return self._label(one.sender) if one.sender else texts.say(self._language, texts.YOU)

    def _label(self, sender: str) -> str:
        return f"{self._messenger.label} …{sender[-4:]}"


def _files(message: str, said: Said) -> list[File]:
    return [File(message, *one) for one in said.files]
