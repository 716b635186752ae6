"""What any client would send: the least conversation that has the same features as a request of ours.

A server that refuses this refuses the feature and not our request: such a refusal is a property to be learned.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from typing import Any, Literal

from agents.transcript.wording import NO_WORDS
from tests.witnesses.stories import tools

Json = dict[str, Any]
Feature = Literal[
    "system", "tools", "answers", "calls", "parallel", "two steps", "answered results", "arguments of other types",
    "words beside calls", "empty beside calls", "results last", "pictures", "Kimi ids", "reasoning",
]  # fmt: skip
Features = frozenset[Feature]
#: How a server hands a request to its template: arguments as text or as an object, content as text or as parts.
VARIANTS = tuple((arguments, content) for arguments in ("text", "object") for content in ("text", "parts"))


def features(body: Json) -> Features:
    """What a Chat Completions body asks of a server."""
    messages = body["messages"]
    calling = [message for message in messages if message.get("tool_calls")]
    found: dict[Feature, bool] = {
        "system": messages[0]["role"] == "system",
        "tools": bool(body.get("tools")),
        "answers": any(
            message["role"] == "assistant" and not message.get("tool_calls") for message in messages
        ),
        "calls": bool(calling),
        "two steps": any(
            first["role"] == "tool" and second.get("tool_calls")
            for first, second in itertools.pairwise(messages)
        ),
        "answered results": any(
            first["role"] == "tool" and second["role"] == "assistant" and not second.get("tool_calls")
            for first, second in itertools.pairwise(messages)
        ),
        "arguments of other types": any(
            not isinstance(value, str)
            for message in calling
            for call in message["tool_calls"]
            for value in json.loads(call.get("function", {}).get("arguments", "{}")).values()
        ),
        "parallel": any(len(message["tool_calls"]) > 1 for message in calling),
        "words beside calls": any(message["content"] not in ("", NO_WORDS) for message in calling),
        "empty beside calls": any(message["content"] == "" for message in calling),
        "results last": messages[-1]["role"] == "tool",
        "pictures": any(isinstance(message["content"], list) for message in messages),
        "reasoning": any("reasoning_content" in message for message in messages),
        "Kimi ids": any(call["id"].startswith("functions.") for m in calling for call in m["tool_calls"]),
    }
    return frozenset(name for name, there in found.items() if there)


def plain(wanted: Features) -> Iterator[Json]:
    """The least conversations with these features, as clients word them: null or an empty text beside calls."""
    words = ("Let me see.",) if "words beside calls" in wanted else (None, "")
    for empty in ("",) if "empty beside calls" in wanted else words:
        messages: list[Json] = [{"role": "system", "content": "You help."}] if "system" in wanted else []
        if "answers" in wanted or ("calls" in wanted and "results last" not in wanted):
            messages += [_user("Hello"), {"role": "assistant", "content": "Hello."}]
        messages.append(_user("What time is it?"))
        if "answered results" in wanted and "results last" in wanted:
            id = "functions.clock:9" if "Kimi ids" in wanted else "eeeeeeeee"
            messages.append({"role": "assistant", "content": empty, "tool_calls": [_call(id, False)]})
            messages.append({"role": "tool", "tool_call_id": id, "content": "12:00"})
            messages += [{"role": "assistant", "content": "Noon."}, _user("And now?")]
        if "calls" in wanted:
            ids = (
                ("functions.clock:0", "functions.clock:1")
                if "Kimi ids" in wanted
                else ("aaaaaaaaa", "bbbbbbbbb")
            )
            typed = "arguments of other types" in wanted
            calls = [_call(id, typed) for id in ids[: 2 if "parallel" in wanted else 1]]
            messages.append({"role": "assistant", "content": empty, "tool_calls": calls})
            block = [
                messages.pop(),
                *({"role": "tool", "tool_call_id": c["id"], "content": "12:00"} for c in calls),
            ]
            messages += block
            if "two steps" in wanted:
                messages += _again(block)
            if "results last" not in wanted:
                messages += [{"role": "assistant", "content": "Noon."}, _user("Thanks")]
        if "pictures" in wanted:
            shown = next(message for message in reversed(messages) if message["role"] == "user")
            picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
            shown["content"] = [{"type": "text", "text": shown["content"]}, picture]
        if "reasoning" in wanted:
            messages = [
                {**message, "reasoning_content": "Hm."} if message["role"] == "assistant" else message
                for message in messages
            ]
        yield {"messages": messages, **({"tools": tools()} if "tools" in wanted else {})}


def plain_items(wanted: Features) -> Iterator[Json]:
    """The same conversations as OpenAI's own client words them for the Responses API."""
    for body in plain(wanted):
        items: list[Json] = []
        for message in body["messages"]:
            if message["role"] == "tool":
                output = {"call_id": message["tool_call_id"], "output": message["content"]}
                items.append({"type": "function_call_output", **output})
            elif message["role"] != "system":
                items += _items(message)
        sent: Json = {"input": items, "store": False}
        if "system" in wanted:
            sent["instructions"] = "You help."
        if "tools" in wanted:
            sent["tools"] = [{"type": "function", "strict": False, **tool["function"]} for tool in tools()]
        yield sent


def _items(message: Json) -> list[Json]:
    content = message["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    kind = "output_text" if message["role"] == "assistant" else "input_text"
    worded = [
        {"type": kind, "text": part["text"]}
        if part["type"] == "text"
        else {"type": "input_image", "image_url": part["image_url"]["url"]}
        for part in parts
        if part.get("text", "-")
    ]
    said = [{"type": "message", "role": message["role"], "content": worded}] if worded else []
    calls = message.get("tool_calls", ())
    return said + [{"type": "function_call", "call_id": call["id"], **call["function"]} for call in calls]


def as_handed(body: Json, variant: tuple[str, str]) -> Json:
    """A body as a server of this variant hands it to its template."""
    arguments, content = variant
    messages = copy.deepcopy(body["messages"])
    for message in messages:
        for call in message.get("tool_calls", ()):
            if arguments == "object":
                call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        if content == "parts" and isinstance(message["content"], str):
            message["content"] = [{"type": "text", "text": message["content"]}]
        elif isinstance(message["content"], list):
            message["content"] = [_as_in_templates(part) for part in message["content"]]
    return {**body, "messages": messages}


def _as_in_templates(part: Json) -> Json:
    """Servers name pictures `image`, which is what templates look for."""
    return {"type": "image"} if part["type"] == "image_url" else part


def _user(text: str) -> Json:
    return {"role": "user", "content": text}


def _call(id: str, typed: bool) -> Json:
    arguments = '{"city": ["Rome"]}' if typed else '{"city": "Rome"}'
    return {"id": id, "type": "function", "function": {"name": "clock", "arguments": arguments}}


def _again(block: list[Json]) -> list[Json]:
    """The same calls once more, under other ids."""
    text = json.dumps(block)
    for old, new in (
        ("aaaaaaaaa", "ccccccccc"),
        ("bbbbbbbbb", "ddddddddd"),
        ("clock:1", "clock:3"),
        ("clock:0", "clock:2"),
    ):
        text = text.replace(old, new)
    again: list[Json] = json.loads(text)
    return again
