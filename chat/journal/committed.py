"""Events on their way to the journal, with what each of them changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents import events as e
from chat.session.contract import Command
from chat.session.state import change, evicted, merge
from chat.session.views import Patch, State


@dataclass(frozen=True, slots=True)
class Committed:
    """One event as the session appended it, and what it changed."""

    seq: int
    tag: str
    text: str
    event: e.Event
    change: Patch
    command: Command | None = None


def commit(
    state: State, seq: int, stored: Sequence[tuple[str, str, e.Event, Command | None]]
) -> tuple[dict[str, Any], list[Committed]]:
    """The state after these events (tag, text, event, command), and what the journal needs of each. `seq` is
    where `state` is."""
    after: dict[str, Any] = dict(state)
    committed = []
    for place, (tag, text, event, command) in enumerate(stored, start=seq + 1):
        changed = change(after, event, place)
        committed.append(Committed(place, tag, text, event, changed, command))
        after = merge(after, changed | evicted(after, changed))
    return after, committed
