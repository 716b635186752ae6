"""A response as bytes: keep-alives in every form, line ends of every kind, cuts and splits anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

KEEP_ALIVES = (
    ": keep-alive\n\n", ":\n", "data:\n\n", "data: \n\n", "retry: 3000\n\n", "id: 7\n\n", "event: ping\n\n",
    "data: ping\n\n", "unknown: field\n\n", "\n", "\n\n",
)  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """One event: `name` where the API names its events, `data` a JSON value or a text."""

    data: Any
    name: str = ""


@dataclass(frozen=True)
class Wire:
    """What comes: `pieces`, then the body's proper end or a lost connection. `cut`: less than was to come."""

    pieces: tuple[bytes, ...]
    end: Literal["clean", "lost"]
    cut: bool


def events(random: Random, frames: Sequence[Frame]) -> bytes:
    """The frames as server-sent events, with what servers put between them."""
    lively = random.random() < 0.5
    text = "\ufeff" if random.random() < 0.05 else ""
    for frame in frames:
        while lively and random.random() < 0.3:
            text += random.choice(KEEP_ALIVES)
        if frame.name and random.random() < 0.9:
            text += f"event: {frame.name}\n"
        data = frame.data if isinstance(frame.data, str) else _json(random, frame.data)
        space = random.choice((" ", " ", " ", ""))
        text += "".join(f"data:{space}{line}\n" for line in data.split("\n")) + "\n"
    if random.random() < 0.1:
        text = text.removesuffix("\n")
    return text.replace("\n", random.choice(("\n", "\n", "\n", "\r\n", "\r"))).encode()


def whole(random: Random, value: Any) -> bytes:
    """One JSON text where a stream was asked for."""
    return _json(random, value).encode()


def _json(random: Random, value: Any) -> str:
    return json.dumps(value, ensure_ascii=random.random() < 0.5, indent=random.choice((None, None, None, 1)))


def disturbed(random: Random, body: bytes) -> Wire:
    """The body in random pieces, cut or not."""
    cut = random.random() < 0.6
    if cut:
        body = body[: random.randrange(len(body))]
    count = random.choice((0, 1, 3, 20))
    places = sorted(random.randrange(len(body) + 1) for _ in range(count))
    pieces = tuple(body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True))
    return Wire(pieces, random.choice(("clean", "lost")) if cut else "clean", cut)
