"""A state told from the first event on, by whoever has all of them: what people saw at any time (rules S3, B6).

A session reads its items anew where another branch is shown; here they are at hand, because none was forgotten.
"""

from typing import Any, cast

from agents import events as e
from chat.session import paths
from chat.session.state import EMPTY, WINDOW, change, evicted, is_open, item_at, item_key, merge
from chat.session.views import Item, State

#: Events that change an item wherever it stands.
_MARKS = (e.MessageLeftOut, e.MessageTakenBack, e.MessageEdited)


class Telling:
    """One conversation, event by event; `state` is what a snapshot shows after the last one."""

    def __init__(self) -> None:
        self.state: State = EMPTY
        self._items: dict[str, Item] = {}

    def tell(self, event: e.Event, seq: int) -> State:
        """The state after an event, appended as `seq`. Events come in order, from 1 on."""
        own = change(self.state, event, seq)
        self._keep(own)
        if isinstance(event, _MARKS) and not own:
            held = next((key for key, item in self._items.items() if item["id"] == event.message), None)
            self._keep(change({held: self._items[held]}, event, seq) if held is not None else {})
        self.state = merge(self.state, own | evicted(self.state, own))
        if "moved" in self.state:
            self.state = self._anew()
        return self.state

    def _keep(self, changed: Any) -> None:
        for key, value in changed.items():
            if key.startswith("i:") and value is None:
                self._items.pop(key, None)
            elif key.startswith("i:"):
                self._items[key] = item_at(changed, key)

    def _anew(self) -> State:
        """What is shown when another branch is: its newest items, and what is open, or waits, on any."""
        state = self.state
        on = {key for key, item in self._items.items() if paths.on_path(state, item)}
        newest = sorted(int(key[2:]) for key in on)[-WINDOW:]
        kept = [
            self._items[key]["seq"]
            for key, item in self._items.items()
            if is_open(item) or (key not in on and paths.waits(state, item))
        ]
        fields = {key: value for key, value in state.items() if not key.startswith("i:") and key != "moved"}
        shown = {item_key(seq): self._items[item_key(seq)] for seq in sorted({*newest, *kept})}
        return cast(State, {**fields, **shown})
