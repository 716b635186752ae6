"""What was made of the items of a history, kept for as long as they live.

A history is kept between requests and its items are frozen, so all of a request but its last items was in the one
before. What is kept must depend on nothing but the item and a key, and nobody may change it afterwards.
"""

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Made = TypeVar("Made")


class ByItem(Generic[Made]):
    """One thing for each item: the last that was made of it."""

    def __init__(self) -> None:
        # By identity: items are compared field by field, and those with dictionaries in them have no hash.
        self._kept: dict[int, tuple[weakref.ref[Any], Any, Made]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, item: object, key: Any) -> Made | None:
        """What was made of this very item with this key."""
        found = self._kept.get(id(item))
        return found[2] if found is not None and found[0]() is item and found[1] == key else None

    def of(self, item: object, key: Any, make: Callable[[], Made]) -> Made:
        """The same; made now if need be."""
        if (found := self.get(item, key)) is not None:
            return found
        made, place = make(), id(item)
        self._kept[place] = weakref.ref(item, lambda _: self._kept.pop(place, None)), key, made
        return made
