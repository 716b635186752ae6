"""A response as Chat Completions tells it, in one of the ways in which servers do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from agents.dialects.base import Delta, FinishDelta
from agents.dialects.body import DONE
from agents.dialects.chat.stream import read_chunk
from agents.dialects.tags import ThinkTags
from tests.agents.dialects.streams.truth import Call, Truth, in_pieces, interleaved
from tests.agents.dialects.streams.wire import Frame, events, whole

FINISH = {"whole": "stop", "length": "length", "filter": "content_filter"}


class Reader:
    """What reads it."""

    def __init__(self) -> None:
        self._tags = ThinkTags()

    def read(self, frame: Mapping[str, Any]) -> Iterator[Delta]:
        yield from self._tags.feed([FinishDelta("")] if frame is DONE else read_chunk(frame))

    def close(self) -> Iterator[Delta]:
        yield from self._tags.end()


def encode(random: Random, truth: Truth) -> bytes:
    """The bytes of a response that is said in full."""
    reason = "tool_calls" if truth.calls else FINISH[truth.ending]
    if random.random() < 0.1:
        return whole(random, _completion(truth, reason))
    frames = [*_pieces(random, truth)]
    if random.random() < 0.3:
        frames.insert(0, _chunk({"role": "assistant", "content": ""}))
    says = random.choice(("both", "both", "finish", "done"))
    if says == "done" and (truth.ending != "whole" or any(not call.arguments for call in truth.calls)):
        says = "both"
    if says != "done":
        frames.append(_chunk({}, reason))
    if random.random() < 0.2:
        frames.append(Frame(_completion(truth, reason)))
    if random.random() < 0.4:
        frames.append(Frame({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}))
    if says != "finish":
        frames.append(Frame("[DONE]"))
    return events(random, frames)


def plain(random: Random, truth: Truth) -> list[Frame]:
    """The frames as OpenAI itself sends them, for its own accumulator."""
    calls = [_call(random, index, call, "index") for index, call in enumerate(truth.calls)]
    reason = "tool_calls" if truth.calls else FINISH[truth.ending]
    rows = [[_chunk({"content": piece}) for piece in truth.spoken], [frame for row in calls for frame in row]]
    return [_chunk({"role": "assistant", "content": ""}), *interleaved(random, rows), _chunk({}, reason)]


def _pieces(random: Random, truth: Truth) -> list[Frame]:
    field = random.choice(("reasoning_content", "reasoning"))
    thought = [_chunk({field: piece}) for piece in truth.thought]
    spoken = [_chunk({"content": piece}) for piece in truth.spoken]
    style = random.choice(("index", "index", "index, apart", "ids", "whole"))
    calls = [_call(random, index, call, style) for index, call in enumerate(truth.calls)]
    if style == "index":  # They begin in their order, then their arguments come mixed.
        row = [one[0] for one in calls] + interleaved(random, [one[1:] for one in calls])
    else:
        row = [frame for one in calls for frame in one]
    return interleaved(random, [thought, spoken, row])


def _call(random: Random, index: int, call: Call, style: str) -> list[Frame]:
    text = call.text
    if not call.arguments and random.random() < 0.3:
        text = ""
    named: dict[str, Any] = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": ""},
    }
    at = {} if style == "ids" else {"index": index}
    if style == "whole":
        function = {"name": call.name, "arguments": text}
        if random.random() < 0.2:
            function["arguments"] = call.arguments  # type: ignore[assignment]  # as an object: Q22
        return [_chunk({"tool_calls": [{**at, **named, "function": function}]})]
    frames = [_chunk({"tool_calls": [{**at, **named}]})]
    for piece in in_pieces(random, text):
        again = {"id": call.id} if style == "ids" or random.random() < 0.2 else {}
        frames.append(_chunk({"tool_calls": [{**at, **again, "function": {"arguments": piece}}]}))
    return frames


def _chunk(delta: dict[str, Any], finish: str | None = None) -> Frame:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return Frame(
        {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    )


def _completion(truth: Truth, reason: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": truth.text or None}
    if truth.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.text}}
            for call in truth.calls
        ]
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def accumulated(frames: list[Frame]) -> tuple[str, list[tuple[str, Any]]]:
    """What the official SDK makes of the frames: the text, and the calls with their arguments."""
    from openai.lib.streaming.chat import ChatCompletionStreamState
    from openai.types.chat import ChatCompletionChunk

    state: Any = ChatCompletionStreamState()
    for frame in frames:
        state.handle_chunk(ChatCompletionChunk.model_validate(frame.data))
    message = state.current_completion_snapshot.choices[0].message
    calls = [
        (one.function.name, json.loads(one.function.arguments or "{}")) for one in message.tool_calls or ()
    ]
    return message.content or "", calls
