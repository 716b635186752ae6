"""What can be added to the chat without a fork: entrances.

    AppConfig.ready() ─► register(Entrance(…)) ─► urls, sockets, services, destinations, tools of whoever is enabled

An entrance is a Django app. Those in `chat/entrances/` are found there, and an installed package names the AppConfig of
its own by the entry point group `holdfast.entrances` (config/entrances.py). The order in which apps are loaded does not
matter: nothing is read before all of them are. Names that are taken, unknown or come too late stop the process with a
line that says whose they are.

HOLDFAST_DISABLED_ENTRANCES switches entrances off: they take nothing in and bring nothing, but their tables, their
pages in the admin and their names for people stay.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string

from chat.authorization import ChatPlace, Door

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from agents.tools import Tool
    from chat.automation.destinations import Destination
    from chat.retention.policy import Policy, StoredFiles, Traces
    from chat.session.sessions import Sessions


class EntranceError(Exception):
    """An entrance cannot be used. The message says whose it is and what to do."""


class UnknownEntrance(EntranceError):
    """Nobody has registered an entrance of this name, or it is switched off."""


@dataclass(frozen=True)
class ServiceContext:
    """What a worker gives the services that it runs. `enqueue(conversation, run)` puts a run into the workers' queue;
    `worker` is the worker's name."""

    sessions: "Sessions"
    enqueue: Callable[[str, str], Awaitable[bool]]
    worker: str


@dataclass(frozen=True)
class Service:
    """Something that every worker runs beside its runs. `run` goes on until it is cancelled and survives outages; a
    worker whose service ends by itself ends, too. Any number of workers run it at the same time."""

    name: str
    run: Callable[[ServiceContext], Awaitable[None]]


@dataclass(frozen=True)
class Attention:
    """Something that waits for an operator, told on the admin's first page while `count` is above 0.

    `count` asks the database, no further than a list counts. `text` says it, with {count} and, where that helps,
    {label} (the entrance's) in it. `page` is the URL name of the admin page with the rows, `query` its filters, and
    `permission` what who is told must have."""

    count: Callable[[], int]
    text: "StrOrPromise"
    page: str
    permission: str
    query: Mapping[str, str] = field(default_factory=dict)


class Sources(Protocol):
    """What people keep in an entrance that begins runs by itself, for entrances that ask which of them did. Plain
    functions for a database thread."""

    def owns(self, owner_id: int, id: UUID) -> bool:
        """Whether this user has one of this id."""
        ...

    def began(self, id: UUID, conversation: UUID, message: str) -> bool:
        """Whether it has said, or is about to say, this message in this conversation."""
        ...


class Chats(Protocol):
    """The conversations of an entrance in which several people may speak, and not their owner alone. Plain functions
    for a database thread."""

    def place(self, conversation: UUID) -> ChatPlace | None:
        """What this conversation is there, as it is configured now; None if it is none of its chats."""
        ...


@dataclass(frozen=True, kw_only=True)
class Entrance:
    """A door for messages. `name` stands in the journal and never changes: short, lower case, unique."""

    name: str
    #: What people are told a message came from, in the middle of a sentence: "the web chat", "a schedule".
    label: "StrOrPromise"
    #: Whether somebody watches what becomes of a run that is asked for here, and can be put a question.
    attended: bool = True
    #: Whether its messages may repeat what agents or strangers have said. An address that stands only in such a message
    #: is not read without a person's word (agents/tools/visits.py).
    quotes: bool = False
    #: Through which door of chat/authorization.py its conversations' owners come here.
    door: Door = "web"
    #: The module with its `urlpatterns`; empty: it has no addresses.
    urls: str = ""
    #: Its addresses come after those of all others: for whoever owns the root.
    fallback: bool = False
    #: Dotted name of its list of WebSocket routes; empty: none.
    sockets: str = ""
    services: tuple[Service, ...] = ()
    destinations: tuple["Destination", ...] = ()
    tools: tuple["Tool", ...] = ()
    sources: Sources | None = None
    attention: tuple[Attention, ...] = ()
    #: By kind, how many of its rows are due and were seen to by no worker yet. Asks the database by an index, and
    #: counts no further than a list does.
    due: Mapping[str, Callable[[], int]] = field(default_factory=dict)
    #: Of these runs, those whose answers it was to deliver and could not, and why. For a database thread.
    undelivered: Callable[[Collection[str]], dict[str, str]] | None = None
    #: None: whoever speaks here is the owner of the conversation.
    chats: Chats | None = None
    #: Which rows of its tables are removed after how long, which stay (`app.Model`, and why), and what it keeps of
    #: conversations and people that no foreign key leads to (chat/retention/).
    retention: tuple["Policy", ...] = ()
    stays: Mapping[str, str] = field(default_factory=dict)
    traces: "Traces | None" = None
    #: Folders of the storage with its files.
    stored: tuple["StoredFiles", ...] = ()
    #: Told, in its transaction, of a conversation that is brought in from a file and of the seq it ends at: nothing up
    #: to there happens here, and nothing may follow from it. In a database thread.
    imported: Callable[[UUID, int], None] | None = None


class EntranceRegistry:
    """Entrances by name. Filled while the apps are loaded, and closed by whoever reads it first.

    `loaded` says whether all apps are; `disabled` names those that are switched off.
    """

    def __init__(self, loaded: Callable[[], bool], disabled: Callable[[], Iterable[str]]) -> None:
        self._loaded = loaded
        self._disabled = disabled
        self._known: dict[str, tuple[Entrance, str]] = {}
        self._off: frozenset[str] | None = None

    def register(self, entrance: Entrance, source: str) -> bool:
        """Add an entrance; whether it is enabled, and so what it brings is to be used. `source`: the module that brings
        it. Raises EntranceError."""
        if self._loaded() or self._off is not None:
            raise EntranceError(
                f"The entrance {entrance.name!r} of {source} comes too late: others have been told who there is. "
                "Register it in ready() of its AppConfig."
            )
        if not (entrance.name.isascii() and entrance.name.isidentifier() and entrance.name.islower()):
            raise EntranceError(
                f"{source} names its entrance {entrance.name!r}. Use lower-case letters, digits and _, and begin with "
                "a letter: the name stands in the journal."
            )
        if len(entrance.name) > 20:
            raise EntranceError(f"{source} names its entrance {entrance.name!r}. Use at most 20 characters.")
        if (known := self._known.get(entrance.name)) is not None:
            raise EntranceError(
                f"Two entrances are named {entrance.name!r}: one of {known[1]}, one of {source}. Rename one, or remove "
                "the package that brings it."
            )
        self._known[entrance.name] = (entrance, source)
        return entrance.name not in set(self._disabled())

    def known(self) -> tuple[Entrance, ...]:
        """All of them by name, also those that are switched off. Raises EntranceError before all apps are loaded."""
        self._close()
        return tuple(entrance for _, (entrance, _) in sorted(self._known.items()))

    def enabled(self) -> tuple[Entrance, ...]:
        """Those that take part."""
        return tuple(one for one in self.known() if one.name not in (self._off or ()))

    def find(self, name: str) -> Entrance | None:
        """The entrance of a name, switched off or not; None for one that is not installed (any more)."""
        return next((one for one in self.known() if one.name == name), None)

    def get(self, name: str) -> Entrance:
        """The enabled entrance of a name. Raises UnknownEntrance."""
        for one in self.enabled():
            if one.name == name:
                return one
        if self.find(name) is not None:
            raise UnknownEntrance(
                f"The entrance {name!r} is switched off. Take it off HOLDFAST_DISABLED_ENTRANCES to use it."
            )
        names = ", ".join(one.name for one in self.enabled())
        raise UnknownEntrance(
            f"There is no entrance {name!r}; there are: {names}. Register it in ready() of its AppConfig "
            "(chat/extensions.py), and see to it that its app is installed."
        )

    def _close(self) -> None:
        if self._off is not None:
            return
        if not self._loaded():
            raise EntranceError(
                "Entrances are asked for before all apps are loaded. Ask later: in a function that is called when "
                "Django is set up, and not while a module is imported."
            )
        off = frozenset(self._disabled())
        if strange := sorted(off - set(self._known)):
            names = ", ".join(sorted(self._known))
            raise EntranceError(
                f"HOLDFAST_DISABLED_ENTRANCES names {', '.join(strange)}, which is no entrance here. "
                f"There are: {names}."
            )
        self._off = off


def _disabled() -> Iterable[str]:
    # One that is switched off and could not even be loaded is left out: config/entrances.py has seen to it.
    return [name for name in settings.HOLDFAST_DISABLED_ENTRANCES if name not in settings.HOLDFAST_LEFT_OUT]


_registry = EntranceRegistry(lambda: apps.ready, _disabled)


def register(entrance: Entrance, source: str) -> None:
    """Make an entrance known, with its destinations and tools. To be called in ready() of its AppConfig, with the
    AppConfig's name as `source`. Raises EntranceError, and what the registries of destinations and tools raise."""
    from agents import extensions as agents
    from chat.automation import destinations

    if _registry.register(entrance, source):
        for destination in entrance.destinations:
            destinations.register(destination, source)
        for tool in entrance.tools:
            agents.register_tools(tool, source)


def entrances() -> tuple[Entrance, ...]:
    """All entrances by name, also those that are switched off."""
    return _registry.known()


def get(name: str) -> Entrance:
    """The enabled entrance of a name. Raises UnknownEntrance."""
    return _registry.get(name)


def find(name: str) -> Entrance | None:
    """The entrance of a name, also one that is switched off; None if none is installed."""
    return _registry.find(name)


def label(name: str) -> str:
    """What people are told that something came from; of an entrance that is not installed, its name."""
    found = find(name)
    return name if found is None else str(found.label)


def door(name: str) -> Door:
    """The door by which owners come in at an entrance; of one that is not installed, the web's."""
    found = find(name)
    return "web" if found is None else found.door


def unattended() -> frozenset[str]:
    """The entrances through which nobody watches what becomes of a run. One that nobody knows is not among them: where
    it cannot be told, a run waits for people."""
    return frozenset(one.name for one in entrances() if not one.attended)


def quoting() -> frozenset[str]:
    """The entrances whose messages may repeat what agents or strangers have said."""
    return frozenset(one.name for one in entrances() if one.quotes)


def sources(name: str) -> Sources | None:
    """What people keep in an entrance that begins runs by itself; None if there is no such entrance here."""
    found = find(name)
    return None if found is None else found.sources


def attention() -> list[tuple[Entrance, Attention]]:
    """What waits for an operator in any entrance, also in one that is switched off."""
    return [(entrance, one) for entrance in _registry.known() for one in entrance.attention]


def undelivered(runs: Collection[str]) -> dict[str, str]:
    """Of these runs, those whose answers an entrance was to deliver and could not, and why."""
    wanted = {run for run in runs if run}
    found: dict[str, str] = {}
    for entrance in _registry.known() if wanted else ():
        if entrance.undelivered is not None:
            told = entrance.undelivered(wanted)
            found |= {run: f"{entrance.label}: {why}" for run, why in told.items()}
    return found


def imported(conversation: UUID, seq: int) -> None:
    """Tell every entrance that a conversation was brought in from a file. In its transaction."""
    for entrance in _registry.known():
        if entrance.imported is not None:
            entrance.imported(conversation, seq)


def place_of(entrance: str, conversation: UUID) -> ChatPlace | None:
    """The chat that a conversation is which began at this entrance; None: it is its owner's alone. In a database
    thread."""
    found = find(entrance)
    return None if found is None or found.chats is None else found.chats.place(conversation)


def services() -> list[Service]:
    """What every worker runs beside its runs."""
    return [service for one in _registry.enabled() for service in one.services]


def urls() -> list[str]:
    """The modules with the addresses of the entrances, in the order in which they are to be looked at."""
    found = sorted(_registry.enabled(), key=lambda one: one.fallback)
    return [one.urls for one in found if one.urls]


def sockets() -> list[Any]:
    """The WebSocket routes of all entrances."""
    return [route for one in _registry.enabled() if one.sockets for route in import_string(one.sockets)]
