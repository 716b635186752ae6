"""Anthropic Messages for servers of one's own that speak it: what any client would send, and what a body asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.witnesses.plain import Features, features, plain

Json = dict[str, Any]


def plain_blocks(wanted: Features) -> Iterator[Json]:
    """The conversations of `plain` as Anthropic's own client words them."""
    for body in plain(wanted):
        turns: list[Json] = []
        for message in body["messages"]:
            if message["role"] == "system":
                continue
            role = "assistant" if message["role"] == "assistant" else "user"
            blocks = list(_blocks(message))
            if turns and turns[-1]["role"] == role == "user":
                turns[-1]["content"] += blocks
            else:
                turns.append({"role": role, "content": blocks})
        sent: Json = {"max_tokens": 1, "messages": turns}
        if "system" in wanted:
            sent["system"] = "You help."
        if "tools" in wanted:
            functions = [tool["function"] for tool in body["tools"]]
            sent["tools"] = [
                {"name": one["name"], "description": one["description"], "input_schema": one["parameters"]}
                for one in functions
            ]
        yield sent


def _blocks(message: Json) -> Iterator[Json]:
    if message["role"] == "tool":
        result = {"tool_use_id": message["tool_call_id"], "content": message["content"]}
        yield {"type": "tool_result", **result}
        return
    if "reasoning_content" in message:
        yield {"type": "thinking", "thinking": message["reasoning_content"], "signature": "c2ln"}
    content = message["content"]
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content or []:
        if part["type"] == "image_url":
            data = part["image_url"]["url"].partition(";base64,")[2]
            source = {"type": "base64", "media_type": "image/png", "data": data}
            yield {"type": "image", "source": source}
        elif part["text"]:
            yield {"type": "text", "text": part["text"]}
    for call in message.get("tool_calls", ()):
        function = call["function"]
        asked = {"id": call["id"], "name": function["name"], "input": json.loads(function["arguments"])}
        yield {"type": "tool_use", **asked}


def block_features(body: Json) -> Features:
    """`features` of a Messages body, by the messages that it stands for."""
    messages: list[Json] = [{"role": "system", "content": "…"}] if body.get("system") else []
    for turn in body["messages"]:
        said: list[Json] = []
        message: Json = {"role": turn["role"], "content": ""}
        for block in turn["content"]:
            match block["type"]:
                case "tool_result":
                    messages.append({"role": "tool", "content": block["content"]})
                case "tool_use":
                    function = {"name": block["name"], "arguments": json.dumps(block["input"])}
                    message.setdefault("tool_calls", []).append({"id": block["id"], "function": function})
                case "thinking":
                    message["reasoning_content"] = block["thinking"]
                case _:
                    said.append(block)
        pictures = any(block["type"] == "image" for block in said)
        message["content"] = said if pictures else "\n\n".join(block["text"] for block in said)
        if turn["role"] == "assistant" or said:
            messages.append(message)
    return features({"messages": messages, "tools": body.get("tools")})
