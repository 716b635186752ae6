"""A piece of a text around what was found in it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from chat.search.query import Mark

#: Characters of a snippet, and how many of them stand before the first mark.
LENGTH, BEFORE = 180, 40
#: Whitespace and signs that no line shows, one for one, so that places stay what they are.
_PLAIN = dict.fromkeys((*range(32), 127, 133, 8232, 8233), " ")


@dataclass(frozen=True, slots=True)
class Snippet:
    """`marks`: places [start, end) in `text`, in UTF-16 code units, as browsers count; they do not overlap."""

    text: str
    marks: list[tuple[int, int]]
    cut_before: bool
    cut_after: bool


def snippet(text: str, marks: Sequence[Mark]) -> Snippet:
    """The piece in which most of the words are, the first of these."""
    start = max(0, _best(marks) - BEFORE) if len(text) > LENGTH else 0
    start = max(0, min(start, len(text) - LENGTH))
    end = min(len(text), start + LENGTH)
    found: list[tuple[int, int]] = []
    for mark in marks:
        first, last = max(mark.start, start, found[-1][1] if found else 0), min(mark.end, end)
        if first < last:
            found.append((first, last))
    shown = text[start:end].translate(_PLAIN)
    placed = [(_units(shown, first - start), _units(shown, last - start)) for first, last in found]
    return Snippet(shown, placed, start > 0, end < len(text))


def _best(marks: Sequence[Mark]) -> int:
    best, most = (marks[0].start if marks else 0), 0
    for place, mark in enumerate(marks):
        within = {one.term for one in marks[place:] if one.end <= mark.start + LENGTH - BEFORE}
        if len(within) > most:
            best, most = mark.start, len(within)
    return best


def _units(text: str, place: int) -> int:
    """A place in UTF-16 code units."""
    return place + sum(one > "\uffff" for one in text[:place])
