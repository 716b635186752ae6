"""Which items of a history a request carries: whole items only, newest first (rules T2, V17).

The cut is stable: it moves in strides and not with every message, so that a provider's prompt cache keeps
working while a conversation grows. Only the newest items are looked at, whatever the length of the history.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agents.history import Item, Summary, UserMessage

#: The share of the budget that must stay used after a cut at a coarse stride.
_KEEP = 0.6
#: A message that is pinned may take this share of the budget at most.
_PIN = 0.25
#: A summary stands this near to the front, behind what could not be a part of it.
_FRONT = 50
#: Nothing but the creation of the conversation stands before its first message.
_FIRST_SEQ = 4


@dataclass(frozen=True, slots=True)
class Kept:
    """The items to send, in order. `left_out` counts those missing between `pinned` and `items`."""

    pinned: tuple[Item, ...]
    items: tuple[Item, ...]
    left_out: int


def trim(items: Sequence[Item], budget: int, cost: Callable[[Item], int]) -> Kept:
    """The newest items that fit into `budget` tokens, at least the last one, and never a part of one.

    Kept beside them: the conversation's first message, what a summary says of older ones, and the newest user
    message (what is being answered).
    """
    if not items:
        return Kept((), (), 0)
    first = items[0]
    pinned: list[Item] = []
    if isinstance(first, UserMessage) and first.seq <= _FIRST_SEQ and cost(first) <= budget * _PIN:
        pinned.append(first)
        budget -= cost(first)
    for item in items[:_FRONT]:
        if isinstance(item, Summary):
            pinned.append(item)
            budget -= cost(item)
    asked = next(
        (place for place in range(len(items) - 1, -1, -1) if isinstance(items[place], UserMessage)), 0
    )
    costs: list[int] = []  # costs[n]: of the newest n + 1 items
    spent = 0
    for item in reversed(items):
        spent += cost(item)
        if costs and spent > budget:
            break
        costs.append(spent)
    start = _stable_start(items, costs, budget)
    if start <= len(pinned):
        return Kept((), tuple(items), 0)
    held = items[start:]
    pinned = [item for item in pinned if item not in held]
    if asked < start and items[asked] not in pinned and isinstance(items[asked], UserMessage):
        pinned.append(items[asked])
    return Kept(tuple(pinned), tuple(held), start - len(pinned))


def _stable_start(items: Sequence[Item], costs: list[int], budget: int) -> int:
    """The place of the first item kept: the oldest that fits and begins a stride of `seq`, if enough stays."""
    oldest = len(items) - len(costs)
    if oldest == 0:
        return 0
    for stride in (256, 64, 16, 4):
        for place in range(oldest, len(items)):
            if costs[len(items) - 1 - place] < budget * _KEEP:
                break
            if items[place].seq // stride != items[place - 1].seq // stride:
                return place
    return oldest
