"""A response as Responses tells it, in one of the ways in which servers do."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from agents.dialects.responses.stream import Reader
from tests.agents.dialects.streams.truth import Call, Truth, in_pieces, interleaved
from tests.agents.dialects.streams.wire import Frame, events, whole

__all__ = ["Reader", "accumulated", "encode", "plain"]

Item = dict[str, Any]
REASONS = {"length": "max_output_tokens", "filter": "content_filter"}


def encode(random: Random, truth: Truth) -> bytes:
    """The bytes of a response that is said in full."""
    if random.random() < 0.1:
        return whole(random, _final(truth, _items(truth)))
    style = _Style(random)
    return events(random, _frames(random, truth, style))


def plain(random: Random, truth: Truth) -> list[Frame]:
    """The frames as OpenAI itself sends them, for its own accumulator."""
    return _frames(random, truth, _Style(None))


class _Style:
    """What a server leaves out, and how it counts."""

    def __init__(self, random: Random | None) -> None:
        def often(share: float) -> bool:
            return random is None or random.random() < share

        self.ids = often(0.85)
        #: None: no `output_index`; else what it begins with.
        self.first = 0 if random is None else random.choice((None, 0, 0, 1, 3))
        if not self.ids and self.first is None:
            self.first = 0  # Something must tell which item a piece belongs to.
        self.added = often(0.9) or not self.ids
        self.deltas = often(0.85)
        self.told = often(0.6)
        self.done = often(0.7)
        #: The final output: all of it, without the reasoning, or nothing.
        self.output = "all" if random is None else random.choice(("all", "all", "less", "none"))
        if not (self.deltas or self.told or self.done):
            self.done = True
        if self.output == "none" and not (self.deltas and self.added):
            self.done = True
        #: The ids of items are made anew in the final output.
        self.renamed = random is not None and random.random() < 0.15
        self.parallel = random is None or random.random() < 0.3
        self.terminal = "event" if random is None else random.choice(("event", "event", "event", "both"))


def _items(truth: Truth) -> list[Item]:
    items: list[Item] = []
    if truth.thought:
        summary = [{"type": "summary_text", "text": "".join(truth.thought)}]
        items.append({"type": "reasoning", "id": "rs_1", "summary": summary})
    if truth.spoken:
        part = {"type": "output_text", "text": truth.text, "annotations": []}
        items.append(
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
        )
    items += [_function(call) for call in truth.calls]
    return items


def _function(call: Call) -> Item:
    return {
        "type": "function_call", "id": f"fc_{call.id}", "call_id": call.id, "name": call.name,
        "arguments": call.text, "status": "completed",
    }  # fmt: skip


def _frames(random: Random, truth: Truth, style: _Style) -> list[Frame]:
    items = _items(truth)
    rows = []
    for number, item in enumerate(items):
        place = None if style.first is None else style.first + number
        rows.append(_item(random, truth, item, place, style))
    calls = [row for row, item in zip(rows, items, strict=True) if item["type"] == "function_call"]
    others = [
        frame
        for row, item in zip(rows, items, strict=True)
        if item["type"] != "function_call"
        for frame in row
    ]
    if style.parallel:  # They begin in their order, then the rest of them comes mixed.
        told = [row[0] for row in calls] + interleaved(random, [row[1:] for row in calls])
    else:
        told = [frame for row in calls for frame in row]
    final = _final(truth, items)
    kind = "incomplete" if final["status"] == "incomplete" else "completed"
    if style.output != "all":
        keep = [] if style.output == "none" else [item for item in items if item["type"] != "reasoning"]
        final = {**final, "output": keep}
    if style.renamed:
        final = {**final, "output": [{**item, "id": f"{item['id']}_anew"} for item in final["output"]]}
    frames = [_event("created", response={**_final(truth, []), "status": "in_progress"}), *others, *told]
    frames.append(_event(kind, response=final))
    if style.terminal == "both":
        frames.append(Frame("[DONE]"))
    return [
        Frame({**frame.data, "sequence_number": n}, frame.name) if frame.data != "[DONE]" else frame
        for n, frame in enumerate(frames)
    ]


def _item(random: Random, truth: Truth, item: Item, place: int | None, style: _Style) -> list[Frame]:
    at: dict[str, Any] = {} if place is None else {"output_index": place}
    of = {**at, "item_id": item["id"]} if style.ids else at
    shown = item if style.ids else {name: value for name, value in item.items() if name != "id"}
    frames: list[Frame] = []
    if style.added or item["type"] == "function_call":
        bare = {**shown, "status": "in_progress"}
        bare |= {
            name: [] if name != "arguments" else ""
            for name in ("content", "arguments", "summary")
            if name in item
        }
        frames.append(_event("output_item.added", **at, item=bare))
    match item["type"]:
        case "message":
            part = {**of, "content_index": 0}
            frames.append(
                _event(
                    "content_part.added", **part, part={"type": "output_text", "text": "", "annotations": []}
                )
            )
            if style.deltas:
                frames += [
                    _event("output_text.delta", **part, delta=piece, logprobs=[]) for piece in truth.spoken
                ]
            if style.told:
                frames.append(_event("output_text.done", **part, text=truth.text, logprobs=[]))
            if not (style.deltas or style.told or style.done) and style.output == "none":
                raise AssertionError("nothing says the text")
        case "function_call":
            if style.deltas:
                pieces = in_pieces(random, item["arguments"])
                frames += [_event("function_call_arguments.delta", **of, delta=piece) for piece in pieces]
            if style.told:
                name = item["name"]
                frames.append(
                    _event("function_call_arguments.done", **of, arguments=item["arguments"], name=name)
                )
        case "reasoning":
            part = {**of, "summary_index": 0}
            frames.append(
                _event("reasoning_summary_part.added", **part, part={"type": "summary_text", "text": ""})
            )
            frames += [_event("reasoning_summary_text.delta", **part, delta=piece) for piece in truth.thought]
    if style.done:
        frames.append(_event("output_item.done", **at, item=shown))
    return frames


def _final(truth: Truth, items: list[Item]) -> dict[str, Any]:
    cut = truth.ending != "whole"
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "parallel_tool_calls": True,
        "tool_choice": "auto", "tools": [], "status": "incomplete" if cut else "completed", "output": items,
        "incomplete_details": {"reason": REASONS[truth.ending]} if cut else None, "error": None,
        "instructions": None, "metadata": {},
    }  # fmt: skip


def _event(type: str, **fields: Any) -> Frame:
    return Frame({"type": f"response.{type}", **fields}, f"response.{type}")


def accumulated(frames: list[Frame]) -> tuple[str, list[tuple[str, Any]]]:
    """What the official SDK makes of the frames: the text, and the calls with their arguments."""
    from openai import omit
    from openai.lib.streaming.responses._responses import ResponseStreamState
    from openai.types.responses import ResponseStreamEvent
    from pydantic import TypeAdapter

    adapter: Any = TypeAdapter(ResponseStreamEvent)
    state: Any = ResponseStreamState(input_tools=[], text_format=omit)
    for frame in frames:
        if isinstance(frame.data, dict):
            for event in state.handle_event(adapter.validate_python(frame.data)):
                if event.type in ("response.completed", "response.incomplete"):
                    response = event.response
    calls = [
        (item.name, json.loads(item.arguments)) for item in response.output if item.type == "function_call"
    ]
    return response.output_text, calls
