"""What a model says in one generated response, whatever API it is said by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

Ending = Literal["whole", "length", "filter"]

WORDS = (
    "Hello",
    " there",
    " 你好",
    "🙂",
    "\n\n",
    "a",
    " }",
    '"',
    "\\",
    "[DONE]",
    " data: x",
    "\r\n",
    "é",
    " {",
    "\u2028",
)
NAMES = ("write", "look", "pay")


@dataclass(frozen=True)
class Call:
    """A tool call: `arguments` as an object. Each has an id of its own."""

    id: str
    name: str
    arguments: dict[str, Any]

    @property
    def text(self) -> str:
        return json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True)
class Truth:
    """One response. `spoken` and `thought` in the pieces in which they are streamed."""

    spoken: tuple[str, ...]
    thought: tuple[str, ...]
    calls: tuple[Call, ...]
    ending: Ending

    @property
    def text(self) -> str:
        return "".join(self.spoken)


def tell(random: Random) -> Truth:
    """A response: words, thoughts, up to four calls, or less of it; something is always said."""
    spoken = tuple(random.choice(WORDS) for _ in range(random.choice((0, 1, 2, 5, 12))))
    thought = tuple(random.choice(WORDS) for _ in range(random.choice((0, 0, 1, 4))))
    calls = tuple(_call(random, number) for number in range(random.choice((0, 0, 1, 2, 4))))
    if not calls and not "".join(spoken).strip():
        spoken = (*spoken, "Yes.")
    ending: Ending = "whole" if calls else random.choice(("whole", "whole", "whole", "length", "filter"))
    return Truth(spoken, thought, calls, ending)


def _call(random: Random, number: int) -> Call:
    count = random.choice((0, 1, 1, 2))
    arguments: dict[str, Any] = {f"k{n}": _value(random) for n in range(count)}
    # Two calls of the same tool with the same arguments are two calls.
    return Call(f"call_{number}x", random.choice(NAMES), arguments)


def _value(random: Random) -> Any:
    return random.choice(
        (
            "",
            "word",
            "你好 🙂",
            '{"not": "json"}',
            "}{",
            'quo"te\\',
            7,
            -1.5,
            True,
            None,
            [1, {"a": "b"}],
            {"deep": {"er": []}},
        )
    )


def in_pieces(random: Random, text: str, most: int = 5) -> list[str]:
    """A text in up to `most` pieces, none of them empty."""
    cuts = (
        sorted({random.randrange(1, len(text)) for _ in range(random.randrange(most))})
        if len(text) > 1
        else []
    )
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)] if text else []


def interleaved(random: Random, rows: list[list[Any]]) -> list[Any]:
    """All rows as one, each in its own order."""
    left = [list(row) for row in rows if row]
    mixed = []
    while left:
        row = random.choice(left)
        mixed.append(row.pop(0))
        left = [row for row in left if row]
    return mixed
