"""What to leave out of a request when a provider refuses what it holds: pure.

A provider rarely says which part it means. What it has answered before it has taken, so the new is suspected first:
what came after the model's last answer, with what the tools of that answer gave. A request without it goes out at once;
if that is answered, the suspicion was right and is stored (`message.left_out`), otherwise the next one follows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.events import LeftOutReason
from agents.history import History, HistoryNote, Item, Step, UserMessage, changed, leave_out

#: Single pictures that are tried alone, newest first, before all of them.
MAX_ALONE = 4


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An item of the history, by its id, or only these files of it."""

    item: str
    files: tuple[str, ...] = ()


#: What one request goes without.
Omission = tuple[LeftOut, ...]


def without(history: History, omitted: Iterable[LeftOut], reason: LeftOutReason) -> History:
    """The history with what stands for each of them."""
    for one in omitted:
        history = changed(history, one.item, lambda item, one=one: leave_out(item, one.files, reason))  # type: ignore[misc]
    return history


def suspicions(history: History, reason: LeftOutReason, pictures: Sequence[str]) -> list[Omission]:
    """What to try to go without, one after the other. `pictures`: ids of the files that the request carries as
    pictures, newest first."""
    if reason == "image" and pictures:
        return _of_pictures(history, pictures)
    if reason == "refused" and pictures:
        return _once([*_of_pictures(history, pictures), *suspicions(history, "content_filter", ())])
    suspects, older = _suspects(history.items)
    refused_once = [item for item in history.items if _may_go(item) and item.suspect]  # type: ignore[union-attr]
    newest, rest = suspects[-1:], suspects[:-1]
    sets = [refused_once, newest, rest, suspects, older, [*older, *suspects]]
    return _once(tuple(LeftOut(item.id) for item in items) for items in sets)


def _of_pictures(history: History, pictures: Sequence[str]) -> list[Omission]:
    holders = [item for item in reversed(history.items) if isinstance(item, UserMessage) and item.attachments]
    suspects, _ = _suspects(history.items)
    new = {file.id for item in suspects if isinstance(item, UserMessage) for file in item.attachments}

    def grouped(ids: Iterable[str]) -> Omission:
        wanted = set(ids)
        found = ((item.id, tuple(f.id for f in item.attachments if f.id in wanted)) for item in holders)
        return tuple(LeftOut(id, files) for id, files in found if files)

    fresh = [id for id in pictures if id in new]
    alone = [[id] for id in (*fresh, *(id for id in pictures if id not in new))][:MAX_ALONE]
    return _once(grouped(ids) for ids in (*alone, fresh, pictures))


def _suspects(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """What no answer of a model has followed yet, and what has been answered before."""
    answered = next(
        (
            place
            for place in range(len(items) - 1, -1, -1)
            if isinstance(items[place], Step) and _settled(items[place])
        ),
        0,
    )
    new = [item for item in items[answered:] if _may_go(item)]
    return new, [item for item in items[:answered] if _may_go(item)]


def _settled(item: Item) -> bool:
    return isinstance(item, Step) and item.committed


def _may_go(item: Item) -> bool:
    """Whether there is something of an item to be left out: a summary stays, and so does a plain answer."""
    if isinstance(item, UserMessage | HistoryNote):
        return item.original is None
    return isinstance(item, Step) and item.committed and bool(item.calls) and item.original is None


def _once(sets: Iterable[Omission]) -> list[Omission]:
    found: list[Omission] = []
    for one in sets:
        if one and one not in found:
            found.append(one)
    return found
