"""A response as Gemini's `streamGenerateContent` tells it: calls whole, in parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from agents.dialects.base import Delta, FinishDelta
from agents.dialects.body import DONE
from agents.dialects.gemini.stream import Reader as Native
from tests.agents.dialects.streams.truth import Truth
from tests.agents.dialects.streams.wire import Frame, events, whole

FINISH = {"whole": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"}


class Reader:
    """What reads it."""

    def __init__(self) -> None:
        self._native = Native()

    def read(self, frame: Mapping[str, Any]) -> Iterator[Delta]:
        if frame is DONE:
            yield FinishDelta("")
        else:
            yield from self._native.read(frame)

    def close(self) -> Iterator[Delta]:
        return iter(())


def encode(random: Random, truth: Truth) -> bytes:
    """The bytes of a response that is said in full."""
    parts: list[dict[str, Any]] = [{"text": piece, "thought": True} for piece in truth.thought]
    parts += [{"text": piece} for piece in truth.spoken]
    named = random.random() < 0.5
    for call in truth.calls:
        function = {"name": call.name, "args": call.arguments, **({"id": call.id} if named else {})}
        if not call.arguments and random.random() < 0.5:
            del function["args"]
        parts.append(
            {"functionCall": function, **({"thoughtSignature": "c2ln"} if random.random() < 0.5 else {})}
        )
    chunks: list[dict[str, Any]] = []
    while parts:
        count = random.randrange(1, 4)
        chunks.append(_chunk(parts[:count]))
        parts = parts[count:]
    if not chunks or random.random() < 0.5:
        chunks.append(_chunk([{"text": ""}]))
    chunks[-1]["candidates"][0]["finishReason"] = FINISH[truth.ending]
    chunks[-1]["usageMetadata"] = {"promptTokenCount": 7, "candidatesTokenCount": 3}
    if random.random() < 0.1:  # Without `alt=sse`: one list.
        return whole(random, chunks)
    return events(random, [Frame(chunk) for chunk in chunks])


def _chunk(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}], "modelVersion": "m"}
