"""The Responses dialect, stateless: every request carries the whole conversation (`store=false`, V15).

Reasoning comes encrypted and goes back, to the model that wrote it, together with the items that followed it
(V13); a step of another model is sent without server ids and without reasoning (V14).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agents.history import History, Step
from agents.providers.base import Profile
from agents.transcript.calls import arguments, function_name, wire_id
from agents.transcript.layout import Form, lay_out
from agents.transcript.room import Message, ModelSettings, Room, own_replay
from agents.transcript.textonly import TextOnly
from agents.transcript.wording import clean, result, step_text

#: What the server's ids look like; a gateway in between may have made them something else (V15).
_ID = {
    "reasoning": re.compile(r"rs_.{1,61}"),
    "message": re.compile(r"msg_.{1,60}"),
    "function_call": re.compile(r"fc_.{1,61}"),
}


class ResponsesForm:
    """Steps as pseudo-messages whose `items` are the dialect's own."""

    def line(self, text: str, profile: Profile) -> Message:
        """An assistant message."""
        return {"role": "assistant", "content": text}

    def step(self, step: Step, room: Room) -> list[Message]:
        """The step's items in one; its role is what the layout has to know of it."""
        return _step(step, room)


FORM: Form = ResponsesForm()


def render(
    history: History, profile: Profile, ask: ModelSettings, *, text_only: bool = False
) -> dict[str, Any]:
    """The body of a Responses request for a history."""
    if text_only:
        profile = replace(profile, vision="")
    items: list[dict[str, Any]] = []
    for message in lay_out(history, profile, ask, TextOnly(FORM) if text_only else FORM):
        items += message["items"] if "items" in message else [_item(message)]
    sent: dict[str, Any] = {"model": ask.model, "input": items, "store": False}
    if profile.encrypts and re.search(profile.encrypts, ask.model):
        sent["include"] = ["reasoning.encrypted_content"]
    if ask.prompt.strip():
        sent["instructions"] = clean(ask.prompt)
    if ask.tools:
        sent["tools"] = [{"type": "function", "strict": False, **tool["function"]} for tool in ask.tools]
    return sent


def _item(message: Message) -> dict[str, Any]:
    """A message of the layout as an input item: parts have other names here."""
    content = message["content"]
    if not isinstance(content, str):
        content = [
            {"type": "input_text", "text": part["text"]}
            if part["type"] == "text"
            else {"type": "input_image", "image_url": part["image_url"]["url"], "detail": "auto"}
            for part in content
        ]
    # Some servers cannot tell what an item is without its type (llama.cpp: "Cannot determine type of 'item'").
    return {"type": "message", "role": message["role"], "content": content}


def _step(step: Step, room: Room) -> list[Message]:
    text = step_text(step)
    ids = [wire_id(call, room) for call in step.calls] if step.committed else []
    if not text and not ids:
        return []
    spoken = [{"type": "message", "role": "assistant", "content": text}] if text else []
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

    `replay` is what `stream.py` kept: reasoning items whole, messages and calls by id and place.
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
