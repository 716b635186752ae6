"""A model that does what the lab asks of it, over Chat Completions and Responses."""

from __future__ import annotations

import json
import re

from tests.support.provider import Json, Reply, completion, event

ASKED = re.compile(r"'(\w+)'")


def obedient(path: str, body: Json) -> Reply:
    """A model that calls the tool when it is told to, and else says OK."""
    items = body.get("messages") or body["input"]
    said = items[-1]
    text = said.get("content") if said.get("role") == "user" else ""
    asked = ASKED.findall(str(text)) if "Call the tool look_up" in str(text) else []
    arguments = [json.dumps({"word": word}) for word in asked]
    if "input" in body:
        return _responses(arguments)
    calls = [
        {"index": n, "id": f"call_{n}", "type": "function", "function": {"name": "look_up", "arguments": one}}
        for n, one in enumerate(arguments)
    ]
    return completion("" if calls else "OK", calls)


def _responses(arguments: list[str]) -> Reply:
    items: list[Json] = [
        {
            "type": "function_call",
            "id": f"fc_{n}",
            "call_id": f"call_{n}",
            "name": "look_up",
            "arguments": one,
        }
        for n, one in enumerate(arguments)
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
