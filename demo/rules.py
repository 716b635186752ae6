"""What the demo model refuses, in OpenAI's words: a request that a real provider would not take either.

Stricter than most providers, on purpose: whoever runs Holdfast without a key still proves with every turn that
its requests are valid (rules V1 to V5, V9 to V11 and V16). Written apart from `agents/transcript`.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

_ROLES = ("system", "developer", "user", "assistant", "tool")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
#: Characters of a tool call id, as OpenAI's Chat Completions count them.
MAX_ID = 40


@dataclass
class ProviderRefusal(Exception):
    """Why a request is answered with an HTTP error, in the shape that OpenAI gives it."""

    message: str
    param: str | None = None
    code: str | None = None
    status: int = 400

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        error = {
            "message": self.message,
            "type": "invalid_request_error",
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}


def check(body: Any) -> None:
    """Raise ProviderRefusal unless `body` is a valid chat completion request."""
    if not isinstance(body, dict):
        raise ProviderRefusal("We could not parse the JSON body of your request: expected a JSON object.")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise ProviderRefusal("you must provide a model parameter", "model")
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise ProviderRefusal(
            "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"
        )
    if not messages:
        raise ProviderRefusal(
            "Invalid 'messages': empty array. Expected an array with minimum length 1.",
            "messages",
            "empty_array",
        )
    check_tools(body.get("tools"))
    for place, message in enumerate(messages):
        _check_message(message, place)
    _check_pairs(messages)
    _check_order(messages)


def check_tools(tools: Any) -> None:
    """Raise ProviderRefusal unless `tools` is absent or a list of function tools with distinct valid names."""
    if tools is None:
        return
    if not isinstance(tools, list) or not tools:
        raise ProviderRefusal(
            "Invalid 'tools': expected an array with minimum length 1.", "tools", "empty_array"
        )
    seen: set[str] = set()
    for place, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        where = f"tools[{place}].function.name"
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ProviderRefusal(
                f"Invalid '{where}': string does not match pattern '^[a-zA-Z0-9_-]+$'.",
                where,
                "invalid_value",
            )
        if name in seen:
            raise ProviderRefusal(f"Function names must be unique: '{name}' is given twice.", where)
        seen.add(name)


def _check_message(message: Any, place: int) -> None:
    where = f"messages[{place}]"
    role = message.get("role") if isinstance(message, dict) else None
    if role not in _ROLES:
        raise ProviderRefusal(
            f"Invalid value: '{role}'. Supported values are: {', '.join(map(repr, _ROLES))}.",
            f"{where}.role",
            "invalid_value",
        )
    calls = message.get("tool_calls")
    if calls is not None and role != "assistant":
        raise ProviderRefusal(
            f"Unknown parameter: '{where}.tool_calls'.", f"{where}.tool_calls", "unknown_parameter"
        )
    if calls is not None:
        _check_calls(calls, where)
    content = message.get("content")
    if content is None:
        if not calls:
            raise ProviderRefusal(
                "Invalid value for 'content': expected a string, got null.", f"{where}.content"
            )
    elif not text_of(content).strip() and not (calls and content == ""):
        raise ProviderRefusal(
            f"Invalid '{where}.content': text content blocks must be non-empty.", f"{where}.content"
        )
    if role == "tool":
        _check_id(message.get("tool_call_id"), f"{where}.tool_call_id")


def _check_calls(calls: Any, where: str) -> None:
    if not isinstance(calls, list) or not calls:
        raise ProviderRefusal(
            f"Invalid '{where}.tool_calls': empty array. Expected an array "
            "with minimum length 1, but got an empty array instead.",
            f"{where}.tool_calls",
            "empty_array",
        )
    for place, call in enumerate(calls):
        at = f"{where}.tool_calls[{place}]"
        if (
            not isinstance(call, dict)
            or call.get("type") != "function"
            or not isinstance(call.get("function"), dict)
        ):
            raise ProviderRefusal(
                f"Missing required parameter: '{at}.function'.",
                f"{at}.function",
                "missing_required_parameter",
            )
        _check_id(call.get("id"), f"{at}.id")
        function = call["function"]
        if not isinstance(function.get("name"), str) or not _NAME.fullmatch(function["name"]):
            raise ProviderRefusal(
                f"Invalid '{at}.function.name': string does not match pattern '^[a-zA-Z0-9_-]+$'.",
                f"{at}.function.name",
            )
        try:
            valid = isinstance(json.loads(function["arguments"]), dict)
        except (KeyError, TypeError, ValueError):
            valid = False
        if not valid:
            raise ProviderRefusal(
                f"Invalid '{at}.function.arguments': must be a string in JSON format that holds an object.",
                f"{at}.function.arguments",
            )


def _check_id(id: Any, where: str) -> None:
    if not isinstance(id, str) or not id or id in ("null", "undefined", "None"):
        raise ProviderRefusal(f"Missing required parameter: '{where}'.", where, "missing_required_parameter")
    if len(id) > MAX_ID:
        raise ProviderRefusal(
            f"Invalid '{where}': string too long. Expected a string with maximum length {MAX_ID}, but got a "
            f"string with length {len(id)} instead.",
            where,
            "string_above_max_length",
        )


def _check_pairs(messages: list[dict[str, Any]]) -> None:
    """Every call has its one result right behind it, and every result its call right before it."""
    called: dict[str, int] = {}
    answered: dict[str, int] = {}
    waiting: dict[str, None] = {}
    block = -1
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            id = message["tool_call_id"]
            where = f"messages.[{place}]"
            if id in answered and answered[id] > block >= 0:
                raise ProviderRefusal(
                    f"Duplicate value for 'tool_call_id' of '{id}' in messages[{answered[id]}] and messages[{place}]",
                    where,
                )
            if block < 0:
                raise ProviderRefusal(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
                    "message with 'tool_calls'.",
                    f"{where}.role",
                )
            if id not in waiting:
                raise ProviderRefusal(
                    f"Invalid parameter: 'tool_call_id' of '{id}' not found in 'tool_calls' of previous message.",
                    f"{where}.tool_call_id",
                )
            del waiting[id]
            answered[id] = place
            continue
        _all_answered(waiting, block)
        block = -1
        for call in message.get("tool_calls") or ():
            block = place
            if call["id"] in called:
                raise ProviderRefusal(
                    f"Duplicate value for 'tool_call_id' of '{call['id']}' in "
                    f"messages[{called[call['id']]}] and messages[{place}]",
                    f"messages.[{place}].tool_calls",
                )
            called[call["id"]] = place
            waiting[call["id"]] = None
    _all_answered(waiting, block)


def _all_answered(waiting: dict[str, None], block: int) -> None:
    if waiting:
        raise ProviderRefusal(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(waiting)}",
            f"messages.[{block}].role",
        )


def _check_order(messages: list[dict[str, Any]]) -> None:
    spoken = [message["role"] for message in messages if message["role"] not in ("system", "developer")]
    if not spoken or spoken[0] != "user":
        raise ProviderRefusal(
            "Invalid 'messages': the first message that is not an instruction must have the role 'user'.",
            "messages",
        )
    if spoken[-1] == "assistant":
        raise ProviderRefusal(
            "Invalid 'messages': the last message must have the role 'user' or 'tool'.", "messages"
        )


def text_of(content: Any) -> str:
    """The text of a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return ""
