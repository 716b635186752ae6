"""Two runs held against each other, step by step. Pure: what differs, and where.

The steps of both are paired by their place. Texts are compared line by line, and what was sent message by message.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, Literal

from chat.inspection.told import Said

Change = Literal["same", "removed", "added"]
#: Lines, or messages, of one comparison; what is longer is compared as far as this, and the rest is said to differ.
MAX_LINES = 2_000
#: Where the dialects have what was said before.
MESSAGES = ("messages", "input", "contents")
#: What a step may differ in, in the order of the page.
Part = Literal["model", "request", "answer", "reasoning", "calls", "results", "tokens", "cost"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring lines of which the same is to be said."""

    change: Change
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """The nth steps of both runs; None: it had no such step. `differs` in these parts."""

    before: Said | None
    after: Said | None
    differs: tuple[Part, ...]


def difference(before: Sequence[str], after: Sequence[str]) -> list[Piece]:
    """How to come from one list to the other: what of `before` goes (`removed`), what comes (`added`), what stays."""
    old, new = tuple(before), tuple(after)
    rest_old, rest_new = old[MAX_LINES:], new[MAX_LINES:]
    old, new = old[:MAX_LINES], new[:MAX_LINES]
    pieces: list[Piece] = []
    for tag, i, j, k, n in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("same", old[i:j]))
            continue
        if i < j:
            pieces.append(Piece("removed", old[i:j]))
        if k < n:
            pieces.append(Piece("added", new[k:n]))
    if rest_old == rest_new:
        return [*pieces, Piece("same", rest_old)] if rest_old else pieces
    return [
        *pieces,
        *([Piece("removed", rest_old)] if rest_old else []),
        *([Piece("added", rest_new)] if rest_new else []),
    ]


def before_of(pieces: Sequence[Piece]) -> list[str]:
    """The list that a difference comes from."""
    return [line for piece in pieces if piece.change != "added" for line in piece.lines]


def after_of(pieces: Sequence[Piece]) -> list[str]:
    """The list that a difference leads to."""
    return [line for piece in pieces if piece.change != "removed" for line in piece.lines]


def differs(pieces: Sequence[Piece]) -> bool:
    """Whether there is any difference."""
    return any(piece.change != "same" for piece in pieces)


def pairs(before: Sequence[Said], after: Sequence[Said]) -> list[Pair]:
    """The steps of two runs beside each other."""
    return [
        Pair(one, other, parts(one, other) if one is not None and other is not None else ())
        for one, other in zip_longest(before, after)
    ]


def parts(one: Said, other: Said) -> tuple[Part, ...]:
    """In what two steps differ. How long they took says nothing, and ids and times are never the same."""
    asked = [[(call.name, _arguments(call.arguments)) for call in said.calls] for said in (one, other)]
    given = [[(call.status, call.result) for call in said.calls] for said in (one, other)]
    tokens = [(said.usage.input, said.usage.output, said.usage.cached) for said in (one, other)]
    found: dict[Part, bool] = {
        "model": one.model != other.model,
        "request": one.digest != other.digest or not one.digest,
        "answer": one.text != other.text,
        "reasoning": one.reasoning != other.reasoning,
        "calls": asked[0] != asked[1],
        "results": given[0] != given[1],
        "tokens": tokens[0] != tokens[1],
        "cost": one.usage.cost != other.usage.cost,
    }
    return tuple(part for part, different in found.items() if different)


def _arguments(text: str) -> str:
    try:
        return json.dumps(json.loads(text or "{}"), sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def messages_of(body: Mapping[str, Any]) -> list[str]:
    """What a request says: each message of it as a line of JSON, and then each of its settings."""
    spoken = next((name for name in MESSAGES if isinstance(body.get(name), list)), "")
    told = [_line(one) for one in body.get(spoken) or ()]
    return [*told, *(_line({name: value}) for name, value in body.items() if name != spoken)]


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
