"""Other forms of the same request, for a provider that refuses the proper one (rule T5).

A form is a set of changes. Each gives up something that a provider, or a model's template, may not take; none gives up
what the model knows. Changes are made to what a request is rendered from, so that every dialect has them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace

from agents.history import History, Item, Step
from agents.providers.base import Profile
from agents.transcript.room import ModelSettings


@dataclass(frozen=True)
class RequestForm:
    """How a request differs from what its profile says. All false: in nothing."""

    #: Users and the assistant alternate, with an assistant line between a result and a user's message.
    alternating: bool = False
    #: Nothing that an issuer wanted back: no reasoning, no signatures, no ids of items.
    no_replay: bool = False
    #: One call per message of the assistant, with its result behind it.
    one_call: bool = False
    #: The system prompt stands at the beginning of the first message.
    no_system: bool = False
    #: Calls and results are plain text.
    text_only: bool = False
    #: Pictures are named, not sent.
    no_pictures: bool = False
    #: Nothing is asked for beside the answer.
    no_options: bool = False
    #: No tool is declared, and none is written of but as text: the model has to do without.
    no_tools: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The changes, by their names, in their order."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name))

    @property
    def title(self) -> str:
        """The changes in words, for people."""
        return ", ".join(TITLES[name] for name in self.names) or "as its profile says"

    def plus(self, other: "RequestForm") -> "RequestForm":
        """The changes of both."""
        return from_names((*self.names, *other.names))


#: What a person reads of a change.
TITLES: dict[str, str] = {
    "alternating": "with roles that alternate",
    "no_replay": "without replay data",
    "one_call": "with one call per step",
    "no_system": "without a system role",
    "text_only": "with tool exchanges as plain text",
    "no_pictures": "without pictures",
    "no_options": "without options",
    "no_tools": "without tools",
}
PROPER = RequestForm()
_KNOWN = frozenset(TITLES)


def from_names(names: Iterable[str]) -> RequestForm:
    """The form with these changes. Names that this release does not know are passed over."""
    return RequestForm(**{name: True for name in names if name in _KNOWN})


#: Each change alone, the one that gives up least first.
SINGLE: tuple[RequestForm, ...] = tuple(from_names((name,)) for name in TITLES)
#: All of them together: what the barest client would send.
BAREST = from_names(TITLES)
#: The same, but the model keeps its tools.
PLAIN = from_names(name for name in TITLES if name != "no_tools")


def ladder(known: RequestForm, first: RequestForm = PROPER) -> Iterator[RequestForm]:
    """The forms in which a request is tried, each once: as it is known to be taken; with the change that the words of
    its refusal ask for; with each change alone; the proper form, should what was known hold no more; the plainest."""
    tried: set[RequestForm] = set()
    for form in (
        known,
        known.plus(first),
        *(known.plus(one) for one in SINGLE),
        PROPER,
        *SINGLE,
        PLAIN,
        BAREST,
    ):
        if form not in tried:
            tried.add(form)
            yield form


def shaped(
    history: History, profile: Profile, ask: ModelSettings, form: RequestForm
) -> tuple[History, Profile, ModelSettings]:
    """What a request in this form is rendered from, and the profile that it is held to. (`text_only` is the
    dialect's own: `Dialect.render`.)"""
    if form.one_call:
        history = _with(history, _one_call)
    if form.no_replay:
        history = _with(history, _without_replay)
    return history, profile_of(profile, form), _asked(ask, form)


def text_only(form: RequestForm) -> bool:
    """Whether a form has no tool messages."""
    return form.text_only or form.no_tools


def profile_of(profile: Profile, form: RequestForm) -> Profile:
    """The profile of a request in this form."""
    if form.alternating:
        profile = replace(profile, alternates=True, bridge=True, text_beside_calls=False)
    if form.no_replay:
        profile = replace(profile, reasoning="none", replays_reasoning=False, signatures=False, encrypts="")
    if form.no_pictures:
        profile = replace(profile, vision="")
    if form.no_tools:
        profile = replace(profile, tools_with_calls=False)
    return profile


def _asked(ask: ModelSettings, form: RequestForm) -> ModelSettings:
    if form.no_system:
        ask = replace(ask, prompt="", preface=ask.prompt)
    if form.no_options:
        ask = replace(ask, options=False)
    return replace(ask, tools=()) if form.no_tools else ask


def _with(history: History, change: Callable[[Step], list[Step]]) -> History:
    items: list[Item] = []
    for item in history.items:
        items += change(item) if isinstance(item, Step) else [item]
    places = {item.id: place for place, item in enumerate(items) if isinstance(item, Step)}
    return replace(history, items=tuple(items), places=places)


def _without_replay(step: Step) -> list[Step]:
    return [replace(step, replay=None)]


def _one_call(step: Step) -> list[Step]:
    """A step of several calls as a row of steps of one. What its issuer wants back of the whole goes with none."""
    if len(step.calls) < 2:
        return [step]
    kept = {name: value for name, value in (step.replay or {}).items() if name != "items"}
    return [
        replace(step, text=step.text if place == 0 else "", calls=(call,), replay=kept or None)
        for place, call in enumerate(step.calls)
    ]
