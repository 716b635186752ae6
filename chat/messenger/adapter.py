"""What a messenger has to bring to be one: its tables, how it reads and shows things, and a client of its API.

The adapter decides nothing. It reads a stored row (`Said` or `Pressed`), turns a `Card` or a text into what its API
takes, sends it, and sorts what the API answers into chat/messenger/errors.py: later, final, or unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import NAMESPACE_URL, uuid5

from chat.messenger.models import InboundMessage, Tables
from chat.messenger.pacing import Pace


@dataclass(frozen=True)
class Said:
    """A message as the conversation gets it. `for_us`: it names the bot."""

    text: str
    for_us: bool
    #: Images and files in it: (kind, key, name); the first two are the adapter's own words.
    files: tuple[tuple[str, str, str], ...] = ()
    #: The id of the message that it answers, if people see that one with it.
    quotes: str = ""
    #: The id under which the client tells what was forwarded with it (`MessageReader`).
    forwards: str = ""


@dataclass(frozen=True)
class Found:
    """A message that the client was asked for. `sender`: empty for the bot itself. `upper`: what it was forwarded
    within."""

    id: str
    sender: str
    said: Said
    upper: str = ""


@dataclass(frozen=True)
class Pressed:
    """A pressed button, and the value that it was made with. Nothing in it can be trusted but its being there."""

    value: Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """Where a message goes: to a chat, as a reply to `reply_to` if that is not empty; `thread`: within its topic."""

    chat: str
    reply_to: str = ""
    thread: bool = False


@dataclass(frozen=True)
class CardText:
    """A piece of a card. Texts with the ids `status` and `text` are streamed into."""

    id: str
    markdown: str


@dataclass(frozen=True)
class Button:
    """A button, and what is sent to us when it is pressed."""

    label: str
    value: Mapping[str, Any]
    look: Literal["default", "primary", "danger"] = "default"


@dataclass(frozen=True)
class Card:
    """One look of a card. `summary` is plain text for lists and notifications."""

    parts: tuple[CardText | Button, ...]
    summary: str
    streaming: bool


@dataclass(frozen=True)
class MessengerLimits:
    """What the messenger bears. Milliseconds unless the name says otherwise."""

    #: It shows a message with the same uuid once for at least this long.
    remembers_uuid_ms: int
    #: A streaming card is followed by another one after this long.
    card_lasts_ms: int
    #: Changes to all cards of an app in a second, and the least time between two changes to one card.
    card_changes_per_s: float
    card_every_ms: int
    #: Characters of streamed text on a card, and of arguments that can be allowed on one (rule W8).
    card_text: int = 5_000
    card_arguments: int = 2_000
    #: Bytes of what one card asks about, as JSON; besides there are its state and tools, some kilobytes at most.
    card_bytes: int = 16_000


class Person(Protocol):
    """Somebody who writes. `user` is the Django user whom they are linked to."""

    name: str

    @property
    def user(self) -> Any: ...


class App(Protocol):
    """One bot as it is configured: a row of the messenger's own model."""

    pk: Any
    owner_id: int
    mention_only: bool
    #: `everyone`, `linked` or `nobody` (chat/messenger/models.py).
    private_policy: str
    group_policy: str
    #: May be lacking, which means no: whether people who are no users here may have the agent change things.
    trusts_strangers: bool

    @property
    def agent(self) -> Any: ...


class Markup(Protocol):
    """How this messenger writes text. Pure."""

    def escape(self, text: str) -> str:
        """`text` shown as it is, whatever signs it has."""
        ...

    def markdown(self, text: str) -> str:
        """A model's markdown, harmless: nothing in it is obeyed as the messenger's own tags."""
        ...

    def messages(self, text: str) -> list[str]:
        """The contents of the messages that it takes to show this markdown, in order."""
        ...


@runtime_checkable
class PlainMarkup(Protocol):
    """What a markup may have besides: a way to say the same when a message's content is refused. Pure."""

    def plain(self, content: str) -> tuple[str, str] | None:
        """What a refused message says as plain text, (kind, content); None if that is nothing."""
        ...

    def words(self, content: str) -> str:
        """The text of a message of ours, without markup."""
        ...

    def sentence(self, text: str) -> tuple[str, str]:
        """A sentence of ours as the plainest message there is, (kind, content)."""
        ...


class Client(Protocol):
    """The API for one app. Every method but `aclose` may raise MessengerError. Belongs to one event loop."""

    pace: Pace

    async def bot_id(self) -> str:
        """The bot's own id in this app."""
        ...

    async def send(self, to: Target, kind: str, content: str, uuid: str) -> str:
        """Send a message; its id. The same uuid is the same message."""
        ...

    async def file(self, message: str, key: str, kind: str, max_bytes: int) -> bytes:
        """The bytes of a file in a message; ValueError if there are more."""
        ...

    async def make_card(self, card: Card) -> str:
        """Make a card; its id. It is seen once it is sent."""
        ...

    async def send_card(self, to: Target, card: str, uuid: str) -> str:
        """Send a card that was made; the message's id."""
        ...

    async def stream(self, card: str, text: str, shown: str, sequence: int) -> None:
        """Show `shown` as the `CardText` with this id of a streaming card."""
        ...

    async def settle(self, card: str, shown: Card, sequence: int) -> None:
        """End a card's streaming and show this instead. Takes `sequence` and the one after it."""
        ...

    async def aclose(self) -> None:
        """Let go of the connections."""
        ...


@runtime_checkable
class MessageReader(Protocol):
    """What a client may do besides: read messages that did not come to us."""

    async def message(self, message: str) -> list[Found]:
        """The message with this id, and those that were forwarded within it; empty if it was withdrawn. May raise
        MessengerError."""
        ...


@runtime_checkable
class PeopleReader(Protocol):
    """A messenger that can ask for many people at once."""

    def people(self, app: Any, senders: Sequence[str]) -> Mapping[str, Person]:
        """What `person` says of each. In a database thread."""
        ...


@runtime_checkable
class LinkReader(Protocol):
    """What a messenger may do besides: read what a message links to, for those for whom its app may."""

    def linked(self, app: Any, person: Person, text: str) -> tuple[tuple[str, str, str], ...]:
        """What a text links to and is read for this person, as files of a message (`Said.files`)."""
        ...


class Messenger(Protocol):
    """A messenger. One object per process; its properties are constants."""

    @property
    def name(self) -> str:
        """The entrance's name, and the beginning of all ids that are made."""
        ...

    @property
    def label(self) -> str:
        """What people call it."""
        ...

    @property
    def tables(self) -> Tables: ...

    @property
    def limits(self) -> MessengerLimits: ...

    @property
    def markup(self) -> Markup: ...

    def language(self, app: Any) -> str:
        """The language in which an app speaks (a code of the setting LANGUAGES)."""
        ...

    def person(self, app: Any, sender: str) -> Person:
        """Who this is; made if they are new. In a database thread."""
        ...

    def is_private(self, row: InboundMessage) -> bool:
        """Whether a message (no button) was written where nobody else reads."""
        ...

    def read(self, row: InboundMessage, bot: str) -> Said | Pressed:
        """What a stored row says; `bot` is the bot's own id, or empty. What it raises sets the row aside in the end."""
        ...

    def client(self, app: Any) -> Client:
        """A client for an app as it is configured now."""
        ...

    def client_key(self, app: Any) -> str:
        """What makes two configurations of an app need two clients."""
        ...


def made_id(messenger: Messenger, *parts: object) -> str:
    """A UUID made of these: the same on every worker, whenever it is asked for."""
    return str(uuid5(NAMESPACE_URL, "\0".join([f"holdfast.{messenger.name}", *map(str, parts)])))
