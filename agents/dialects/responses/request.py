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
    """Steps as messages of the layout, with calls in this dialect's form; `items` where the issuer's own come back."""

    def line(self, text: str, profile: Profile) -> Message:
        """An assistant message."""
        return {"role": "assistant", "content": text}

    def step(self, step: Step, room: Room) -> list[Message]:
        """What was said and asked, and the results."""
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
        items += message["items"] if "items" in message else _items(message)
    sent: dict[str, Any] = {"model": ask.model, "input": items, "store": False}
    if profile.encrypts and re.search(profile.encrypts, ask.model):
        sent["include"] = ["reasoning.encrypted_content"]
    if ask.prompt.strip():
        sent["instructions"] = clean(ask.prompt)
    if ask.tools:
        sent["tools"] = [{"type": "function", "strict": False, **tool["function"]} for tool in ask.tools]
    return sent


def _items(message: Message) -> list[dict[str, Any]]:
    """A message of the layout as input items: its words, if it has any, and its calls."""
    calls: list[dict[str, Any]] = message.get("tool_calls", [])
    return [_item(message), *calls] if message["content"] or not calls else calls


def _item(message: Message) -> dict[str, Any]:
    """The words of a message as an input item: parts have other names here."""
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
    asked = [
        {
            "type": "function_call",
            "call_id": id,
            "name": function_name(call.name),
            "arguments": arguments(call, room),
        }
        for id, call in zip(ids, step.calls, strict=True)
    ]
    message: Message = {"role": "assistant", "content": text}
    if asked:
        message["tool_calls"] = asked
    if (own := _replayed(step, text, asked, own_replay(step, room).get("items"))) is not None:
        message["items"] = own
    share = room.result_tokens // max(1, len(step.calls))
    outputs = [
        {"type": "function_call_output", "call_id": id, "output": result(call, share)}
        for id, call in zip(ids, step.calls, strict=True)
    ]
    return [message, {"role": "tool", "items": outputs}] if outputs else [message]


def _replayed(step: Step, text: str, asked: list[dict[str, Any]], replay: Any) -> list[dict[str, Any]] | None:
    """The step's own items in the issuer's order and with its ids; None if they do not match.

    `replay` is what `stream.py` kept: reasoning items whole, messages and calls by id and place.
    """
    if not isinstance(replay, Sequence) or not replay or step.status != "finished":
        return None
    items: list[dict[str, Any]] = []
    messages, calls = [text] if text else [], list(asked)
    for kept in replay:
        if not isinstance(kept, Mapping):
            return None
        kind, id = kept.get("type"), kept.get("id")
        if kind == "reasoning":
            if not id or not kept.get("encrypted_content"):
                return None
            items.append(dict(kept))
        elif kind == "message" and messages:
            if len(calls) < len(asked):
                return None  # words between calls and their outputs: no provider is asked whether it takes that (V3)
            content = [{"type": "output_text", "text": messages.pop(), "annotations": []}]
            whole = {"type": "message", "id": id, "role": "assistant", "status": "completed"}
            items.append({**whole, "content": content})
        elif kind == "function_call" and calls:
            items.append({**calls.pop(0), "id": id})
    if messages or calls or not items or items[-1]["type"] == "reasoning" or items[0]["type"] != "reasoning":
        return None
    ids = [item["id"] for item in items]
    sound = all(isinstance(item["id"], str) and _ID[item["type"]].fullmatch(item["id"]) for item in items)
    return items if sound and len(set(ids)) == len(ids) else None
