"""What a tool is: a plain function with type hints and a docstring, and what may be done with it."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, overload

from agents.acting import Reach
from agents.events import CallCode, Effect
from agents.tools.signature import Signature, read
from agents.tools.visits import NOWHERE, Visits

#: Characters of a result that a card in the chat shows.
PREVIEW_CHARS = 2_000
_STATIC_MODULE = re.compile(r"^(?!\.)[\w-][\w.-]*(/(?!\.)[\w.-]+)*\.m?js$", re.ASCII)
_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")


class ToolError(Exception):
    """The tool could not do it, for a reason that it knows. The message goes to the model and to the card:
    say what was wrong and what would work, and put no secrets in it."""


@dataclass(frozen=True)
class StoredNote:
    """One note of an owner; `number` is how people and models name it."""

    number: int
    text: str


class Storage(Protocol):
    """What tools may keep for an owner. `key` is the idempotency key of the call: the same key again
    changes nothing and returns what the first one did."""

    async def add_note(self, owner: str, key: str, text: str, conversation: str = "") -> StoredNote:
        """`conversation`: in which one it is written down, so that its owner can be told."""
        ...

    async def note_by_key(self, owner: str, key: str) -> StoredNote | None: ...

    async def list_notes(self, owner: str) -> list[StoredNote]: ...

    async def delete_note(self, owner: str, number: int) -> bool: ...


class Progress(Protocol):
    """Tells the chat how far a call is: a fraction from 0 to 1 (None: unknown), and a short note."""

    async def __call__(self, fraction: float | None, note: str = "") -> None: ...


async def _silence(fraction: float | None, note: str = "") -> None:
    """Progress that nobody listens to."""


@dataclass(frozen=True)
class ToolContext:
    """What a tool may know about its call, beside its arguments."""

    #: The call's id, and its idempotency key (rule T3): the same for every attempt of the same call.
    call: str
    key: str
    conversation: str
    #: For whom the call is made: who has spoken, not whose conversation it is. Tools that keep anything keep it by this
    #: text; `kept_by` takes it apart. Empty: it cannot be told for whom, and nothing may be kept or shown.
    owner: str
    progress: Progress = _silence
    storage: Storage | None = None
    #: Characters of the result that the model gets to read (rule R8).
    result_chars: int = 32_000
    #: What may be set up that wakes the agent later (agents/acting.py).
    reach: Reach = "anywhere"
    #: Of a tool with `addresses`: where this call may go (agents/tools/visits.py).
    visits: Visits = NOWHERE


def kept_by(owner: str) -> tuple[int, str]:
    """The parts of `ToolContext.owner`: the primary key of the user in whose account something is kept, and, for
    somebody who is no user here, who it is (else ""). Raises ToolError where nobody is known.

    >>> kept_by("17"), kept_by("17/guest:6f1d")
    ((17, ''), (17, 'guest:6f1d'))
    """
    account, _, person = owner.partition("/")
    if not account.isascii() or not account.isdigit():
        raise ToolError(
            "It cannot be told for whom this is: several people have spoken, or nobody who is known. Nothing was kept "
            "or shown. Tell them to ask for it one at a time."
        )
    return int(account), person


@dataclass(frozen=True)
class ToolResult:
    """What a call came to. `size` counts the characters before anything was cut."""

    text: str
    preview: str
    size: int
    ok: bool
    code: CallCode | None = None


@dataclass(frozen=True)
class Probed:
    """What a tool found out about an effect that may or may not have happened (rule R4)."""

    state: Literal["happened", "not_happened", "unknown"]
    #: When it happened: the result, as the call itself would have given it.
    text: str = ""


#: Called as `probe(context, **arguments)` with the arguments of the call in doubt.
Probe = Callable[..., Awaitable[Probed]]
#: Called as `addresses(**arguments)`: the addresses of the internet that a call would ask for, or have asked for later.
Addresses = Callable[..., Iterable[str]]


@dataclass(frozen=True)
class Tool:
    """A declared tool. Call it like the function that it was made from."""

    name: str
    effect: Effect
    #: Seconds before a running call is ended with the code `timeout`.
    timeout: float
    function: Callable[..., Any]
    signature: Signature
    probe: Probe | None = None
    #: A new agent has it without anybody's choosing. Only tools that change nothing may ask for that.
    default: bool = False
    #: Static path of the JavaScript module that draws its results in the web chat (docs/renderers.md); "": as text.
    renderer: str = ""
    addresses: Addresses | None = None

    @property
    def visits(self) -> bool:
        """Whether it reads pages: addresses that stand in its results count as given by others than the model."""
        return self.addresses is not None and self.effect == "read_only"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def schema(self) -> dict[str, Any]:
        """The tool as the model is told about it, in the Chat Completions form."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.signature.description,
                "parameters": self.signature.schema,
            },
        }


@dataclass(frozen=True)
class Toolset:
    """Tools that come and go together. `title` is what people read where tools are chosen."""

    name: str
    title: str
    tools: tuple[Tool, ...]


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    *,
    effect: Effect = ...,
    timeout: float = ...,
    name: str | None = ...,
    probe: Probe | None = ...,
    default: bool = ...,
    renderer: str = ...,
    addresses: Addresses | None = ...,
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    effect: Effect = "effectful",
    timeout: float = 30.0,
    name: str | None = None,
    probe: Probe | None = None,
    default: bool = False,
    renderer: str = "",
    addresses: Addresses | None = None,
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a tool of a function: its name, type hints and docstring are what the model is told.

    effect: `read_only` (may be run again at will), `idempotent` (may be run again with the same
        `ToolContext.key`), or `effectful`, which after a crash is never run again without somebody's word.
    timeout: seconds. probe: finds out after a crash whether the effect has happened.
    default: new agents have it unasked; only for `read_only` ones, others are refused when they are registered.
    renderer: path below the static files of a module that draws results in the web chat, e.g. `weather/forecast.js`.
    addresses: gives the addresses that a call would ask for, from its arguments. A person is asked before a call with
        one that the model has put together itself, as it may hold words of the conversation. A tool that follows
        redirects asks `ToolContext.visits` about each.

    A plain function runs in a thread of its own, and cannot be ended from outside: when it is cancelled
    or too late, its result is thrown away, so let it end by itself.

    A parameter of type ToolContext gets the context.
    """
    if function is None:
        return lambda decorated: _make(decorated, effect, timeout, name, probe, default, renderer, addresses)
    return _make(function, effect, timeout, name, probe, default, renderer, addresses)


def _make(
    function: Callable[..., Any],
    effect: Effect,
    timeout: float,
    name: str | None,
    probe: Probe | None,
    default: bool,
    renderer: str,
    addresses: Addresses | None,
) -> Tool:
    name = name or function.__name__
    if not _NAME.match(name):
        raise TypeError(f"{name!r} is no tool name: use 1 to 64 letters, digits, - and _")
    if effect not in ("read_only", "idempotent", "effectful"):
        raise TypeError(f"{name}: {effect!r} is no effect: use read_only, idempotent or effectful")
    if timeout <= 0:
        raise TypeError(f"{name}: a timeout is a number of seconds above 0")
    if renderer and not _STATIC_MODULE.match(renderer):
        raise TypeError(f"{name}: {renderer!r} is no static path of a JavaScript module (`app/file.js`)")
    signature = read(function, ToolContext)
    return Tool(name, effect, timeout, function, signature, probe, default, renderer, addresses)
