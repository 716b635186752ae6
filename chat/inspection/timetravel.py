"""A conversation as it was: the journal folded up to any seq, and what differs between two states.

The fold is the session's own reducer (rule S3), from the first event on. So what is shown is what people saw then, by
the rules of this release.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from agents import events as e
from chat.models import Event
from chat.session.state import EMPTY, merge, reduce
from chat.session.telling import Telling
from chat.session.views import State

#: Events that are folded for one page.
MAX_FOLDED = 20_000
_ABSENT = object()


class TooFar(Exception):
    """So many events lie before this moment that no page folds them."""


@dataclass(frozen=True)
class Change:
    """One value that differs; `path` leads to it through the state. None with `had` or `has` false: not there."""

    path: str
    before: Any
    after: Any
    had: bool = True
    has: bool = True


def folded(told: Iterable[tuple[int, e.Event]], state: State = EMPTY) -> State:
    """The state after these events, each a (seq, event), in the order of seq."""
    for seq, event in told:
        state = merge(state, reduce(state, event, seq))
    return state


def states_at(conversation: UUID, *moments: int) -> list[State]:
    """The states of a conversation after the events with these seqs, in their order. 0 or less: before all of them. One
    question to SQL and one fold. Raises TooFar."""
    last = max(moments, default=0)
    if last > MAX_FOLDED:
        raise TooFar
    rows = Event.objects.filter(conversation_id=conversation, seq__lte=last).order_by("seq")
    wanted, found, telling = set(moments), dict[int, State](), Telling()
    for seq, text in rows.values_list("seq", "text").iterator(chunk_size=500):
        state = telling.tell(e.from_json(text), seq)
        if seq in wanted:
            found[seq] = state
    return [found.get(moment, EMPTY if moment <= 0 else telling.state) for moment in moments]


def difference(before: State, after: State) -> list[Change]:
    """What differs, in the order of the paths. Empty: nothing does."""
    one, other = _leaves(before), _leaves(after)
    changes = []
    for path in sorted(one.keys() | other.keys(), key=_order):
        was, now = one.get(path, _ABSENT), other.get(path, _ABSENT)
        if was is now or (type(was) is type(now) and was == now):
            continue
        had, has = was is not _ABSENT, now is not _ABSENT
        changes.append(Change(".".join(path), was if had else None, now if has else None, had, has))
    return changes


def _leaves(state: State) -> dict[tuple[str, ...], Any]:
    return dict(_walk(cast(Any, state), ()))


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that has no parts, by its path; an empty list or object is one of them."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _walk(inner, (*path, key))
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _walk(inner, (*path, str(place)))
    else:
        yield path, value


def _order(path: tuple[str, ...]) -> tuple[Any, ...]:
    """Items by their seq, and not as text."""
    return tuple((1, int(part), "") if part.isdecimal() else _named(part) for part in path)


def _named(part: str) -> tuple[int, int, str]:
    seq = part.removeprefix("i:")
    return (2, int(seq), "") if seq != part and seq.isdecimal() else (0, 0, part)
