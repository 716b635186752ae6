"""A response as Anthropic Messages tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from agents.dialects.anthropic.stream import Reader as Native
from agents.dialects.base import Delta
from agents.dialects.body import DONE
from tests.agents.dialects.streams.truth import Truth, in_pieces
from tests.agents.dialects.streams.wire import Frame, events, whole

STOP = {"whole": "end_turn", "length": "max_tokens", "filter": "refusal"}


class Reader:
    """What reads it."""

    def __init__(self) -> None:
        self._native = Native()

    def read(self, frame: Mapping[str, Any]) -> Iterator[Delta]:
        if frame is not DONE:
            yield from self._native.read(frame)

    def close(self) -> Iterator[Delta]:
        return iter(())


def encode(random: Random, truth: Truth) -> bytes:
    """The bytes of a response that is said in full."""
    reason = "tool_use" if truth.calls else STOP[truth.ending]
    blocks = _blocks(truth)
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
    if random.random() < 0.1:
        return whole(
            random, {**message, "content": blocks, "stop_reason": reason, "usage": {"output_tokens": 3}}
        )
    frames = [
        _event(
            "message_start",
            message={**message, "content": [], "stop_reason": None, "usage": {"input_tokens": 7}},
        )
    ]
    for index, block in enumerate(blocks):
        frames += _block(random, truth, index, block)
        if random.random() < 0.2:
            frames.append(_event("ping"))
    ended = {"stop_reason": reason, "stop_sequence": None}
    frames.append(_event("message_delta", delta=ended, usage={"output_tokens": 3}))
    frames.append(_event("message_stop"))
    return events(random, frames)


def _blocks(truth: Truth) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if truth.thought:
        blocks.append({"type": "thinking", "thinking": "".join(truth.thought), "signature": "c2ln"})
    if truth.text:
        blocks.append({"type": "text", "text": truth.text})
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
        for call in truth.calls
    ]
    return blocks


def _block(random: Random, truth: Truth, index: int, block: dict[str, Any]) -> list[Frame]:
    match block["type"]:
        case "thinking":
            bare = {**block, "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in truth.thought]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        case "text":
            bare = {**block, "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in truth.spoken]
        case _:
            bare = {**block, "input": {}}
            call = next(call for call in truth.calls if call.id == block["id"])
            pieces = in_pieces(random, call.text) if call.arguments or random.random() < 0.5 else []
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces]]
            if random.random() < 0.1:  # Servers that do not stream arguments.
                bare, deltas = block, []
    return [
        _event("content_block_start", index=index, content_block=bare),
        *(_event("content_block_delta", index=index, delta=delta) for delta in deltas),
        _event("content_block_stop", index=index),
    ]


def _event(type: str, **fields: Any) -> Frame:
    return Frame({"type": type, **fields}, type)
