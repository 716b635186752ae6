"""A model that does what the lab asks of it, over each API that Holdfast speaks."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support.native_streams import (
    THOUGHT,
    anthropic_events,
    anthropic_reply,
    function_call,
    gemini_chunks,
    gemini_reply,
    said,
    text_block,
    tool_use,
)
from tests.support.provider import Json, Reply, completion, event

ASKED = re.compile(r"'(\w+)'")


def obedient(path: str, body: Json) -> Reply:
    """A model that calls the tool when it is told to, and else says OK. The API is told by the path."""
    if path.endswith("/v1/messages"):
        return _anthropic(_asked(body["messages"][-1]), body)
    if ":streamGenerateContent" in path:
        return _gemini(_asked(body["contents"][-1]))
    if path.endswith("/responses"):
        return _responses(_asked(body["input"][-1]))
    calls = [
        {
            "index": n,
            "id": f"call_{n}",
            "type": "function",
            "function": {"name": "look_up", "arguments": json.dumps({"word": word})},
        }
        for n, word in enumerate(_asked(body["messages"][-1]))
    ]
    return completion("" if calls else "OK", calls)


def _asked(last: Json) -> list[str]:
    """The words that the last message, if it is a person's, asks to look up."""
    told: Any = last.get("content") or last.get("parts") or "" if last.get("role") == "user" else ""
    parts = [told] if isinstance(told, str) else [part.get("text", "") for part in told]
    return [word for part in parts if "Call the tool look_up" in part for word in ASKED.findall(part)]


def _anthropic(words: list[str], body: Json) -> Reply:
    thoughts = [THOUGHT] if body.get("thinking", {}).get("type") in ("enabled", "adaptive") else []
    calls = [tool_use("look_up", {"word": word}, f"toolu_{n}") for n, word in enumerate(words)]
    blocks = [*thoughts, *(calls or [text_block("OK")])]
    return anthropic_reply(anthropic_events(*blocks, stop="tool_use" if calls else "end_turn"))


def _gemini(words: list[str]) -> Reply:
    """Of calls in one answer the first is signed, as Gemini does it."""
    calls = [
        function_call("look_up", {"word": word}, "" if n else "c2lnbmVk") for n, word in enumerate(words)
    ]
    return gemini_reply(gemini_chunks(*(calls or [said("OK")])))


def _responses(words: list[str]) -> Reply:
    items: list[Json] = [
        {
            "type": "function_call",
            "id": f"fc_{n}",
            "call_id": f"call_{n}",
            "name": "look_up",
            "arguments": json.dumps({"word": word}),
        }
        for n, word in enumerate(words)
    ]
    text = [{"type": "output_text", "text": "OK"}]
    items = items or [{"type": "message", "id": "msg_1", "role": "assistant", "content": text}]
    events: list[Json] = []
    for place, item in enumerate(items):
        events.append({"type": "response.output_item.added", "output_index": place, "item": item})
        if item["type"] == "message":
            where = {"output_index": place, "item_id": item["id"]}
            events.append({"type": "response.output_text.delta", **where, "delta": "OK"})
        events.append({"type": "response.output_item.done", "output_index": place, "item": item})
    usage = {"input_tokens": 10, "output_tokens": 5}
    events.append({"type": "response.completed", "response": {"output": items, "usage": usage}})
    return Reply(pieces=[event(one) for one in events])
