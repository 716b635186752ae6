"""What a body may hold that a provider may refuse, read from the JSON of any dialect. No code of a renderer is used."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Body = Mapping[str, Any]
Feature = Callable[[Body], bool]


def nodes(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in a body, however deep."""
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from nodes(inner)


def entries(body: Body) -> list[Mapping[str, Any]]:
    """The rows of the conversation: messages, input items, contents."""
    return list(body.get("messages") or body.get("input") or body.get("contents") or [])


def _blocks(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = entry.get("content") or entry.get("parts") or []
    return [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []


def _calls(entry: Mapping[str, Any]) -> int:
    own = len(entry.get("tool_calls") or ()) + (entry.get("type") == "function_call")
    return own + sum(block.get("type") == "tool_use" or "functionCall" in block for block in _blocks(entry))


def _results(entry: Mapping[str, Any]) -> int:
    own = (entry.get("role") == "tool") + (entry.get("type") == "function_call_output")
    return own + sum(
        block.get("type") == "tool_result" or "functionResponse" in block for block in _blocks(entry)
    )


def _role(entry: Mapping[str, Any]) -> str:
    role = str(entry.get("role") or "")
    return "assistant" if role == "model" else role


def tool_messages(body: Body) -> bool:
    """Calls or results in the history."""
    return any(_calls(entry) or _results(entry) for entry in entries(body))


def parallel_calls(body: Body) -> bool:
    """Two calls before a result."""
    open_calls = 0
    for entry in entries(body):
        open_calls = 0 if _results(entry) or _role(entry) == "user" else open_calls + _calls(entry)
        if open_calls > 1:
            return True
    return False


def replay_data(body: Body) -> bool:
    """Anything that an issuer wants back."""
    fields = {"reasoning_content", "extra_content", "encrypted_content", "signature", "thoughtSignature"}
    return any(fields & node.keys() or node.get("type") in ("reasoning", "thinking") for node in nodes(body))


def item_ids(body: Body) -> bool:
    """Ids of a server's own items."""
    return any("id" in entry for entry in entries(body))


def system_prompt(body: Body) -> bool:
    """A system role, or a field for one."""
    fields = {"instructions", "system", "systemInstruction", "system_instruction"}
    return bool(fields & body.keys()) or any(
        _role(entry) in ("system", "developer") for entry in entries(body)
    )


def tools(body: Body) -> bool:
    """Declared tools."""
    return bool(body.get("tools"))


def pictures(body: Body) -> bool:
    """A picture."""
    kinds = ("image_url", "input_image", "image")
    return any(
        node.get("type") in kinds or "inlineData" in node or "inline_data" in node for node in nodes(body)
    )


def text_beside_calls(body: Body) -> bool:
    """Words and calls in one message."""
    return any(_calls(entry) and _text(entry) for entry in entries(body))


def null_content(body: Body) -> bool:
    """`content: null`, or none, beside calls."""
    return any(entry.get("tool_calls") and entry.get("content") is None for entry in entries(body))


def roles_not_in_turn(body: Body) -> bool:
    """As the templates of the Mistral family count: users and plain answers must alternate, a user first."""
    turn = "user"
    for entry in entries(body):
        role = _role(entry)
        if role in ("user", "assistant") and not _calls(entry) and not _results(entry):
            if role != turn:
                return True
            turn = "assistant" if role == "user" else "user"
    return False


def user_after_result(body: Body) -> bool:
    """A user's message straight behind a result."""
    rows = entries(body)
    return any(
        _results(before) and _role(after) == "user" and not _results(after)
        for before, after in itertools.pairwise(rows)
    )


def empty_arguments(body: Body) -> bool:
    """A call without arguments."""
    said = ("{}", "")
    return any(
        node.get("arguments") in said or node.get("input") == {} or node.get("args") == {}
        for node in nodes(body)
    )


def nine_letters(body: Body) -> bool:
    """Ids as we make them."""
    ids = [node.get("tool_call_id") or node.get("call_id") or node.get("tool_use_id") for node in nodes(body)]
    return any(isinstance(id, str) and len(id) == 9 and id.isalnum() for id in ids)


def says(word: str) -> Feature:
    """A word in what anybody said."""
    return lambda body: word in str(entries(body))


def longer_than(characters: int) -> Feature:
    """More than so many characters altogether."""
    return lambda body: len(str(body)) > characters


def _text(entry: Mapping[str, Any]) -> bool:
    content = entry.get("content")
    if isinstance(content, str):
        return bool(content.strip())
    return any(str(block.get("text") or "").strip() for block in _blocks(entry))


#: By name; each takes a body and says whether it has the feature.
FEATURES: dict[str, Feature] = {
    "calls and results": tool_messages,
    "parallel calls": parallel_calls,
    "replay data": replay_data,
    "item ids": item_ids,
    "a system prompt": system_prompt,
    "declared tools": tools,
    "pictures": pictures,
    "text beside calls": text_beside_calls,
    "null content": null_content,
    "roles that do not alternate": roles_not_in_turn,
    "a user after a result": user_after_result,
    "empty arguments": empty_arguments,
    "ids of nine letters": nine_letters,
    "a word of the user": says("poison"),
    "a word of a tool": says("toxin"),
}
