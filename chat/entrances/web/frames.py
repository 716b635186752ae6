"""Frames to the client as text, put together from JSON that is already text (rules W2, W4, W10).

Every viewer of a conversation gets every event, so nothing here parses or serialises what Redis holds: a frame
is a concatenation around the stored text. The shapes are those of `protocol.py`; tests hold the two together.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chat.entrances.web.protocol import MAX_FRAME_OUT

#: Characters of streaming text in one frame; 4 bytes each at worst, so it fits MAX_FRAME_OUT even when escaped.
MAX_PART = 64 * 1024
#: What a shortened item keeps of each long text, in characters.
MAX_KEPT = 8_000

quote = json.JSONEncoder(ensure_ascii=False).encode
"""A string as JSON text."""


def size(text: str) -> int:
    """Bytes of `text` on the wire."""
    return len(text) if text.isascii() else len(text.encode())


def units(text: str) -> int:
    """Length in UTF-16 code units, which is how a browser counts offsets (rule W4)."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def frame(type: str, **fields: Any) -> str:
    """A small frame from plain values."""
    return json.dumps({"type": type, **fields}, ensure_ascii=False, separators=(",", ":"))


def event(conversation: str, prev: str, cursor: str, seq: int, text: str) -> str:
    """An `event` frame around the stored text of the event."""
    return (
        f'{{"type":"event","conversation":"{conversation}","prev":"{prev}","cursor":"{cursor}",'
        f'"seq":{seq},"event":{text}}}'
    )


def part(conversation: str, message: str, offset: int, text: str) -> str:
    """A `part` frame; `text` must not be longer than MAX_PART."""
    return (
        f'{{"type":"part","conversation":"{conversation}","message":{quote(message)},'
        f'"offset":{offset},"text":{quote(text)}}}'
    )


def sliced(text: str, offset: int = 0) -> Iterator[tuple[int, str]]:
    """Streaming text in slices that fit a frame, each with its offset in UTF-16 units."""
    for start in range(0, len(text), MAX_PART):
        piece = text[start : start + MAX_PART]
        yield offset, piece
        offset += units(piece)


def snapshot(
    conversation: str, cursor: str, fields: Mapping[str, str], message: str | None, text: str
) -> list[str]:
    """The `snapshot` frames of a session, from the raw JSON of its fields, none over MAX_FRAME_OUT.

    `message` is the step that streams, None when none does, and `text` the first slice of what it has said;
    the caller sends further slices as parts.
    """
    info = fields.get("info", "null")
    run = fields.get("run", "null")
    # Only a conversation with branches says anything of them.
    more = "".join(f'"{name}":{fields[name]},' for name in ("branches", "seen") if name in fields)
    said = "null" if message is None else f'{{"message":{quote(message)},"text":{quote(text)}}}'
    tail = f'"part":{said}}}'
    room = MAX_FRAME_OUT - 300 - size(info) - size(run) - size(more) - size(tail)
    piles = list(_piles(_items(fields), room))
    return [
        f'{{"type":"snapshot","conversation":"{conversation}","cursor":"{cursor}","piece":{number},'
        f'"pieces":{len(piles)},"state":{{"info":{info},"run":{run},{more}"items":[{",".join(pile)}]}},{tail}'
        for number, pile in enumerate(piles, start=1)
    ]


def _items(fields: Mapping[str, str]) -> Iterable[str]:
    keys = sorted((key for key in fields if key.startswith("i:")), key=lambda key: int(key[2:]))
    return (fields[key] for key in keys)


def _piles(items: Iterable[str], room: int) -> Iterator[list[str]]:
    """Items in order, piled up to `room` bytes; at least one pile."""
    pile: list[str] = []
    used = 0
    for item in items:
        need = size(item) + 1
        if need > room:
            item = shortened(item)
            need = size(item) + 1
        if pile and used + need > room:
            yield pile
            pile, used = [], 0
        pile.append(item)
        used += need
    yield pile


def shortened(item: str) -> str:
    """An item that no frame can carry, with its long texts cut. Limits upstream keep this from happening;
    if they fail, the conversation must stay readable."""

    def cut(value: Any) -> Any:
        if isinstance(value, str) and len(value) > MAX_KEPT:
            return value[:MAX_KEPT] + " … (too long to show)"
        if isinstance(value, list):
            return [cut(entry) for entry in value]
        if isinstance(value, dict):
            return {key: cut(entry) for key, entry in value.items()}
        return value

    return json.dumps(cut(json.loads(item)), ensure_ascii=False, separators=(",", ":"))
