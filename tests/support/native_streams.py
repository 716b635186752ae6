"""What Anthropic and Gemini send, as our fake servers send it. `tests/sdks/` has the official SDKs read the same bytes.

A block or part is written as the API has it when it is whole; here it is cut into the pieces in which it comes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from tests.support.provider import Json, Reply, event

THOUGHT: Json = {"type": "thinking", "thinking": "Rome is in CET.", "signature": "c2lnbmVk"}
REDACTED: Json = {"type": "redacted_thinking", "data": "Z0FBQQ=="}


def text_block(text: str) -> Json:
    return {"type": "text", "text": text}


def tool_use(name: str, input: Json, id: str = "toolu_1") -> Json:
    return {"type": "tool_use", "id": id, "name": name, "input": input}


def anthropic_events(
    *blocks: Json,
    stop: str = "end_turn",
    usage: tuple[int, int, int] = (12, 5, 3),
    model: str = "claude-sonnet-4-5",
) -> list[Json]:
    """The events of one message. `usage`: fresh input, output, input from the cache."""
    counts = {
        "input_tokens": usage[0], "cache_read_input_tokens": usage[2], "cache_creation_input_tokens": 0,
        "output_tokens": 1,
    }  # fmt: skip
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": counts,
    }  # fmt: skip
    events: list[Json] = [{"type": "message_start", "message": message}]
    for index, block in enumerate(blocks):
        start, deltas = _pieces_of(block)
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events.append({"type": "ping"})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": stop, "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": usage[1]}})
    return [*events, {"type": "message_stop"}]


def _pieces_of(block: Json) -> tuple[Json, list[Json]]:
    match block["type"]:
        case "text":
            return {**block, "text": ""}, [
                {"type": "text_delta", "text": piece} for piece in _cut(block["text"])
            ]
        case "thinking":
            said = [{"type": "thinking_delta", "thinking": piece} for piece in _cut(block["thinking"])]
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {**block, "thinking": "", "signature": ""}, [*said, signed]
        case "tool_use":
            pieces = ["", *_cut(json.dumps(block["input"]))] if block["input"] else [""]
            return {**block, "input": {}}, [
                {"type": "input_json_delta", "partial_json": piece} for piece in pieces
            ]
    return block, []


def _cut(text: str, size: int = 4) -> Iterable[str]:
    return (text[place : place + size] for place in range(0, len(text), size))


def anthropic_reply(events: Sequence[Json]) -> Reply:
    """Events as their server writes them: each with its name."""
    return Reply(pieces=[f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events])


def said(text: str, signature: str = "") -> Json:
    return {"text": text} | ({"thoughtSignature": signature} if signature else {})


def thought(text: str) -> Json:
    return {"text": text, "thought": True}


def function_call(name: str, args: Json, signature: str = "", id: str = "") -> Json:
    call = {"name": name, "args": args} | ({"id": id} if id else {})
    return {"functionCall": call} | ({"thoughtSignature": signature} if signature else {})


def gemini_chunks(
    *parts: Json, finish: str = "STOP", usage: tuple[int, int, int, int] = (12, 5, 3, 2)
) -> list[Json]:
    """The chunks of one response, a part in each. `usage`: input, output, of the input from the cache, thoughts."""
    counts = {
        "promptTokenCount": usage[0], "candidatesTokenCount": usage[1], "cachedContentTokenCount": usage[2],
        "thoughtsTokenCount": usage[3], "totalTokenCount": usage[0] + usage[1] + usage[3],
    }  # fmt: skip
    chunks: list[Json] = [
        {
            "candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}],
            "modelVersion": "gemini-3-pro",
        }
        for part in parts
    ] or [{"candidates": [{"index": 0}]}]
    chunks[-1]["candidates"][0]["finishReason"] = finish
    return [{**chunk, "usageMetadata": counts, "responseId": "r1"} for chunk in chunks]


def gemini_reply(chunks: Sequence[Json]) -> Reply:
    return Reply(pieces=[event(chunk) for chunk in chunks])
