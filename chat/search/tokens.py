"""The words of a text as the index has them, the same for PostgreSQL and for SQLite. Pure.

A text is folded first: lower case, no accents, full-width letters as plain ones. Scripts that put no spaces between
words (Chinese, Japanese, Korean, Thai) are cut into pairs of neighbours, with the last character of each run alone;
anything else is cut into words. So the index needs no dictionary, and no extension that a managed database may lack.

    >>> list(tokens(fold("Über 数据库 v2").text))
    ['uber', '数据', '据库', '库', 'v2']
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

#: Characters of a text that are indexed; what stands behind them is not found.
MAX_CHARS = 200_000
#: Characters of a word; longer ones are cut, in the index and in the question.
MAX_WORD = 40
#: Bytes of one text's words with what PostgreSQL needs for each: a tsvector may have 1 MB.
MAX_BYTES, OVERHEAD = 900_000, 24
#: Characters whose fold is remembered.
MAX_FOLDS = 65_536

#: Scripts without spaces between words, as ranges of a character class.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
#: A letter or a digit of a word.
LETTER = rf"[^\W_{UNSPACED}]"
_PIECE = re.compile(rf"([{UNSPACED}]+)|({LETTER}+)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of characters that is indexed: of a script without spaces (`pairs`), or one word. Places are those of the
    folded text."""

    text: str
    start: int
    end: int
    pairs: bool


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text. `places`: of each of its characters, where it comes from, and at last the end; None: each from the
    same place."""

    text: str
    places: tuple[int, ...] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the text as it was."""
        if self.places is None:
            return start, end
        first = self.places[start]
        last = self.places[end - 1] if end > start else first
        # What the last one has become several of, and accents that stand behind it, belong to it.
        after = next((place for place in self.places[end:] if place > last), last + 1)
        return first, max(after, last + 1)


class _Folds(dict[int, str]):
    """By its number, what a character is folded to. For `str.translate`."""

    def __missing__(self, code: int) -> str:
        if len(self) >= MAX_FOLDS:
            self.clear()
        lowered = unicodedata.normalize("NFKC", chr(code)).casefold()
        bare = (one for one in unicodedata.normalize("NFD", lowered) if not "\u0300" <= one <= "\u036f")
        self[code] = folded = unicodedata.normalize("NFC", "".join(bare))
        return folded


_folds = _Folds()


def fold(text: str) -> Folded:
    """The text as it is compared, with the way back."""
    if text.isascii():
        return Folded(text.lower())
    folded = text.translate(_folds)
    if len(folded) == len(text) and all(len(_folds[ord(one)]) == 1 for one in set(text)):
        return Folded(folded)
    places: list[int] = []
    for place, one in enumerate(text):
        places += [place] * len(_folds[ord(one)])
    return Folded(folded, (*places, len(text)))


def pieces(folded: str) -> Iterator[Piece]:
    """What is indexed of a folded text, in its order."""
    for found in _PIECE.finditer(folded):
        yield Piece(found[0], found.start(), found.end(), found[1] is not None)


def tokens(folded: str) -> dict[str, None]:
    """The words of a folded text, each once, in the order in which they come first. No more than an index takes."""
    found: dict[str, None] = {}
    room = MAX_BYTES
    for piece in pieces(folded[:MAX_CHARS]):
        for token in _of(piece):
            if token not in found:
                room -= len(token.encode()) + OVERHEAD
                if room < 0:
                    return found
                found[token] = None
    return found


def _of(piece: Piece) -> Iterator[str]:
    if not piece.pairs:
        yield piece.text[:MAX_WORD]
        return
    for place in range(len(piece.text) - 1):
        yield piece.text[place : place + 2]
    yield piece.text[-1]
