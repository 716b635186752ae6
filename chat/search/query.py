"""What somebody has typed to find something, as the index is asked and as texts are checked. Pure.

Each word must be in the text; words in quotation marks stand together. The last part of a word may go on (`databa`
finds *database*); one in quotation marks may not. The index finds texts with all the pairs and words in any order, and
`Query.marks` says where in a text the words really are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chat.search.tokens import LETTER, MAX_CHARS, MAX_WORD, UNSPACED, Piece, fold, pieces

#: Characters of a question, words of it, and tokens that the index is asked for.
MAX_QUERY, MAX_TERMS, MAX_TOKENS = 200, 8, 48
#: Places of one word that are marked in a text.
MAX_MARKS = 40
_TYPED = re.compile(r'"([^"]*)"|(\S+)')
_QUOTES = str.maketrans("“”„«»＂", '""""""')
_UNREADABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the index. `open`: it may go on."""

    text: str
    open: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """One word that was typed, or several in quotation marks: what the index is asked for, and what a text must
    have."""

    tokens: tuple[Token, ...]
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place of a text, in characters; `term`: which of the words is there."""

    start: int
    end: int
    term: int


@dataclass(frozen=True, slots=True)
class Query:
    """Several words that must all be found. Without any, nothing is."""

    terms: tuple[Term, ...]

    @property
    def tokens(self) -> tuple[Token, ...]:
        """What the index is asked for, each once."""
        found = dict.fromkeys(token for term in self.terms for token in term.tokens)
        return tuple(found)[:MAX_TOKENS]

    def marks(self, text: str) -> list[Mark]:
        """Where the words are in a text, in its order; none if one of them is not there."""
        folded = fold(text[:MAX_CHARS])
        found: list[Mark] = []
        for number, term in enumerate(self.terms):
            places = list(_places(term, folded.text))
            if not places:
                return []
            found += [Mark(*folded.span(*place), number) for place in places]
        return sorted(found, key=lambda mark: (mark.start, -mark.end))


def parse(typed: str) -> Query:
    """The question. Signs that no index has, and U+0000, are passed over."""
    cleaned = _UNREADABLE.sub(" ", typed.translate(_QUOTES))[:MAX_QUERY]
    terms = (_term(quoted or word, exact=bool(quoted)) for quoted, word in _TYPED.findall(cleaned))
    return Query(tuple(dict.fromkeys(term for term in terms if term is not None))[:MAX_TERMS])


def _term(typed: str, *, exact: bool) -> Term | None:
    folded = fold(typed).text
    found = list(pieces(folded))
    if not found:
        return None
    last = found[-1]
    # One letter is a word or nothing: as a beginning it would be that of every other word.
    closed = exact or (not last.pairs and len(last.text) < 2)
    inside = r"\s+".join(re.escape(word) for word in folded[found[0].start : last.end].split())
    before = "" if found[0].pairs else f"(?<!{LETTER})"
    after = f"(?!{LETTER})" if closed and not last.pairs else ""
    tokens = dict.fromkeys(token for piece in found for token in _tokens(piece, piece is not last or closed))
    return Term(tuple(tokens), re.compile(before + inside + after))


def _tokens(piece: Piece, closed: bool) -> Iterator[Token]:
    text = piece.text
    if not piece.pairs:
        yield Token(text[:MAX_WORD], not closed)
    elif len(text) == 1:
        yield Token(text, True)  # it begins a pair, or stands last
    else:
        yield from (Token(text[place : place + 2]) for place in range(len(text) - 1))


def _places(term: Term, folded: str) -> Iterator[tuple[int, int]]:
    for number, found in enumerate(term.pattern.finditer(folded)):
        if number == MAX_MARKS:
            return
        yield found.span()


__all__ = ["MAX_QUERY", "UNSPACED", "Mark", "Query", "Term", "Token", "parse"]
