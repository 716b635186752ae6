"""All events that this release knows, and how stored text becomes an event again (rules J1 to J5).

Strict when made: a typo fails where it is written. Tolerant when read: the text may come from a later release. What
can be understood in spite of that is (unknown fields and words are kept); what cannot becomes an `UnknownEvent`, which
both folds, the projection and the feed pass on untouched.

The tag of a session is a hash over the stored texts. So a text is stored, relayed and archived as it was written, and
never made again from what was read.
"""

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError

from agents.events.calls import (
    ApprovalAsked,
    ApprovalDecided,
    CallInDoubt,
    CallProgress,
    CallRetried,
    CallSettled,
    CallStarted,
)
from agents.events.facts import (
    AgentChanged,
    BranchChosen,
    BranchContinued,
    BranchOpened,
    ConversationCreated,
    ConversationRenamed,
    Event,
    HistoryCompacted,
    MessageAdded,
    MessageEdited,
    MessageLeftOut,
    MessageTakenBack,
    MessageWithdrawn,
    NoteAdded,
    RunFailed,
    RunFinished,
    RunQueued,
    RunRecovering,
    RunResumed,
    RunRetrying,
    RunStarted,
    RunStopped,
    RunStopping,
    RunWaiting,
    StepDiscarded,
    StepFinished,
    StepStarted,
    StepStopped,
)
from agents.events.parts import READING

AnyEvent = Annotated[
    ConversationCreated
    | ConversationRenamed
    | AgentChanged
    | MessageAdded
    | MessageLeftOut
    | MessageTakenBack
    | MessageEdited
    | MessageWithdrawn
    | NoteAdded
    | BranchOpened
    | BranchChosen
    | BranchContinued
    | RunQueued
    | RunStarted
    | RunRecovering
    | RunWaiting
    | RunResumed
    | RunRetrying
    | RunStopping
    | RunFinished
    | RunFailed
    | RunStopped
    | StepStarted
    | StepFinished
    | StepStopped
    | StepDiscarded
    | HistoryCompacted
    | ApprovalAsked
    | ApprovalDecided
    | CallStarted
    | CallProgress
    | CallSettled
    | CallInDoubt
    | CallRetried,
    Field(discriminator="type"),
]

Raw = dict[str, Any]
#: (type, version) → how an event of that version is told in the next one. Pure: what is given is not changed.
Upcasts = Mapping[tuple[str, int], Callable[[Raw], Raw]]
UPCASTS: Upcasts = {}


class UnknownEvent(Event):
    """An event that this release cannot read: of a type or a version that it does not know, or not as it knows it.
    `text` is what was stored, `why` says what is not understood.

    Not `ignorable`: whoever decides what a run does next must not decide without it (rule J4).
    """

    type: str
    version: int
    text: str
    why: str
    ignorable: bool = False


class Vocabulary:
    """The events of one release. Raises ValueError when the table of upcasts is not exactly what the versions need."""

    def __init__(self, union: Any, upcasts: Upcasts) -> None:
        members: tuple[type[Event], ...] = get_args(get_args(union)[0])
        self.types: dict[str, type[Event]] = {kind.model_fields["type"].default: kind for kind in members}
        self.versions = {type: _version(kind) for type, kind in self.types.items()}
        self._upcasts = dict(upcasts)
        self._adapter: TypeAdapter[Any] = TypeAdapter(union)
        needed = {(type, n) for type, version in self.versions.items() for n in range(1, version)}
        if wrong := needed ^ self._upcasts.keys():
            raise ValueError(
                f"Every earlier version needs its upcast, and no other has one: {sorted(wrong)}."
            )

    def read(self, text: str | bytes) -> Event:
        """The event of a stored text. Raises ValueError only when it is no event of any release."""
        try:
            event: Event = self._adapter.validate_json(text, extra="allow", context=READING)
        except ValidationError:
            return self._unusual(text)
        return event if _stored_version(event) == _version(type(event)) else self._unusual(text)

    def upcast(self, raw: Raw) -> Raw:
        """An event of an earlier version as it is told today. `raw` is not changed."""
        version = raw.get("v", 1)
        while (step := self._upcasts.get((raw["type"], version))) is not None:
            version += 1
            raw = {**step(raw), "v": version}
        return raw

    def _unusual(self, text: str | bytes) -> Event:
        raw = json.loads(text)
        if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
            raise ValueError("This is no event: an event is a JSON object with a type.")
        version = raw.get("v", 1)
        known = self.versions.get(raw["type"])
        if known is None:
            return _unknown(raw, text, "its type is not known")
        if type(version) is not int or not 1 <= version <= known:
            return _unknown(raw, text, f"its version is {version!r}, and {known} is known")
        try:
            event: Event = self._adapter.validate_python(self.upcast(raw), extra="allow", context=READING)
        except ValidationError as problem:
            places = sorted({".".join(map(str, error["loc"])) for error in problem.errors()})
            return _unknown(raw, text, f"it is not as it is known ({', '.join(places)})")
        return event


def _version(kind: type[Event]) -> int:
    """The version of a class of events. From 2 on it is told in the text, by a field `v: Literal[2] = 2`."""
    told = kind.model_fields.get("v")
    return 1 if told is None else int(told.default)


def _stored_version(event: Event) -> Any:
    if "v" in type(event).model_fields:
        return getattr(event, "v", 1) if "v" in event.model_fields_set else 1
    return (event.model_extra or {}).get("v", 1)


def _unknown(raw: Raw, text: str | bytes, why: str) -> UnknownEvent:
    at, version = raw.get("at"), raw.get("v", 1)
    return UnknownEvent(
        at=at if type(at) is int else 0,
        type=raw["type"],
        version=version if type(version) is int else 0,
        text=text if isinstance(text, str) else text.decode(),
        why=why,
        ignorable=raw.get("ignorable") is True,
    )


VOCABULARY = Vocabulary(AnyEvent, UPCASTS)


def to_json(event: Event) -> str:
    """The event as the one text that is hashed, stored and sent (keys in declared order, no spaces). For events that
    were made; one that was read has its text already, and may hold what this release cannot write."""
    if isinstance(event, UnknownEvent):
        return event.text
    if event.model_extra:
        raise ValueError(f"This {type(event).__name__} was read: use its stored text.")
    return event.model_dump_json()


def from_json(text: str | bytes) -> Event:
    """The event of a stored text; an `UnknownEvent` if this release cannot read it. Raises ValueError if it is none."""
    return VOCABULARY.read(text)


def version_of(event: Event) -> int:
    """The version that an event was told in."""
    return event.version if isinstance(event, UnknownEvent) else _version(type(event))
