"""The Responses dialect, stateless: every request carries the whole conversation (`store=false`, V15).

Reasoning comes encrypted and goes back, to the model that wrote it, together with the items that followed it
(V13); a step of another model is sent without server ids and without reasoning (V14).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agents.history import History, Step
from agents.providers.base import Profile
from agents.transcript.attached import for_responses
from agents.transcript.layout import (
    Ask,
    Message,
    Room,
    arguments,
    chat_body,
    function_name,
    own_replay,
    result,
    step_text,
    wire_id,
)

#: What the server's ids look like; a gateway in between may have made them something else (V15).
_ID = {
    "reasoning": re.compile(r"rs_.{1,61}"),
    "message": re.compile(r"msg_.{1,60}"),
    "function_call": re.compile(r"fc_.{1,61}"),
}


def render(history: History, profile: Profile, ask: Ask) -> dict[str, Any]:
    """The body of a Responses request for a history."""
    return from_chat(chat_body(history, profile, ask, _step), profile)


def from_chat(body: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    """A Responses body from one whose `messages` are chat messages or, already, input items."""
    items: list[dict[str, Any]] = []
    instructions = ""
    for message in body["messages"]:
        if message.get("role") == "system":
            instructions = message["content"]
        elif "items" in message:
            items += message["items"]
        else:
            items.append({"role": message["role"], "content": for_responses(message["content"])})
    sent: dict[str, Any] = {"model": body["model"], "input": items, "store": False}
    if profile.encrypts and re.search(profile.encrypts, body["model"]):
        sent["include"] = ["reasoning.encrypted_content"]
    if instructions:
        sent["instructions"] = instructions
    if "tools" in body:
        sent["tools"] = [{"type": "function", "strict": False, **tool["function"]} for tool in body["tools"]]
    return sent


def _step(step: Step, room: Room) -> list[Message]:
    """One pseudo-message whose `items` are the step's; its role is what `_ordered` has to know of it."""
    text = step_text(step)
    ids = [wire_id(call, room) for call in step.calls] if step.committed else []
    if not text and not ids:
        return []
    spoken = [{"role": "assistant", "content": text}] if text else []
    asked = [
        {
            "type": "function_call",
            "call_id": id,
            "name": function_name(call.name),
            "arguments": arguments(call, room),
        }
        for id, call in zip(ids, step.calls, strict=True)
    ]
    items = _with_replay(step, spoken, asked, own_replay(step, room).get("items"))
    share = room.result_tokens // max(1, len(step.calls))
    items += [
        {"type": "function_call_output", "call_id": id, "output": result(call, share)}
        for id, call in zip(ids, step.calls, strict=True)
    ]
    return [{"role": "tool" if ids else "assistant", "items": items}]


def _with_replay(
    step: Step, spoken: list[dict[str, Any]], asked: list[dict[str, Any]], replay: Any
) -> list[dict[str, Any]]:
    """The step's own items in the issuer's order and with its ids, or plain ones if they do not match.

    `replay` is what `openai_responses` kept: reasoning items whole, messages and calls by id and place.
    """
    plain = [*spoken, *asked]
    if not isinstance(replay, Sequence) or not replay or step.status != "finished":
        return plain
    items: list[dict[str, Any]] = []
    messages, calls = list(spoken), list(asked)
    for kept in replay:
        if not isinstance(kept, Mapping):
            return plain
        kind, id = kept.get("type"), kept.get("id")
        if kind == "reasoning":
            if not id or not kept.get("encrypted_content"):
                return plain
            items.append(dict(kept))
        elif kind == "message" and messages:
            if len(calls) < len(asked):
                return plain  # words between calls and their outputs: no provider is asked whether it takes that (V3)
            content = [{"type": "output_text", "text": messages.pop()["content"], "annotations": []}]
            whole = {"type": "message", "id": id, "role": "assistant", "status": "completed"}
            items.append({**whole, "content": content})
        elif kind == "function_call" and calls:
            items.append({**calls.pop(0), "id": id})
    if messages or calls or not items or items[-1]["type"] == "reasoning" or items[0]["type"] != "reasoning":
        return plain
    ids = [item["id"] for item in items]
    sound = all(isinstance(item["id"], str) and _ID[item["type"]].fullmatch(item["id"]) for item in items)
    return items if sound and len(set(ids)) == len(ids) else plain
