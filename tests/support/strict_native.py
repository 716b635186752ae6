"""Anthropic and Gemini by their own APIs, meaning it: the rules of their references and the words of their refusals.

Written from the documents and public error texts and from nothing of ours, as `strict_provider.py` is, which has the
others. What the official SDKs say to the same requests is in `tests/sdks/`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support.provider import Json
from tests.support.refusals import Refused

_THOUGHTS = ("thinking", "redacted_thinking")


def anthropic_messages(body: Json) -> None:
    """As Anthropic's Messages API judges a body. Raises Refused."""
    known = {
        "model",
        "max_tokens",
        "messages",
        "system",
        "tools",
        "thinking",
        "stream",
        "temperature",
        "metadata",
    }
    if strange := sorted(set(body) - known):
        raise Refused(f"{strange[0]}: Extra inputs are not permitted")
    if not isinstance(body.get("max_tokens"), int):
        raise Refused("max_tokens: Field required")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused("messages: at least one message is required")
    if messages[0]["role"] != "user":
        raise Refused('messages: first message must use the "user" role')
    _anthropic_marks(body)
    for block in body.get("system", []):
        if not block["text"].strip():
            raise Refused("system: text content blocks must be non-empty")
    names = [tool["name"] for tool in body.get("tools", [])]
    if len(set(names)) < len(names):
        raise Refused("tools: Tool names must be unique.")
    for n, tool in enumerate(body.get("tools", [])):
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", tool["name"]):
            raise Refused(f"tools.{n}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        if tool["input_schema"].get("type") != "object":
            raise Refused(f"tools.{n}.custom.input_schema.type: Field required")
    asked: list[str] = []
    turns: list[tuple[str, list[Json]]] = []
    for i, message in enumerate(messages):
        blocks = message["content"]
        if isinstance(blocks, str):
            blocks = [{"type": "text", "text": blocks}]
        if not blocks:
            raise Refused(f"messages.{i}: all messages must have non-empty content")
        for n, block in enumerate(blocks):
            _anthropic_block(f"messages.{i}.content.{n}", message["role"], block)
        if turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(blocks)  # consecutive turns of one role are combined
        else:
            turns.append((message["role"], list(blocks)))
    used: set[str] = set()
    for i, (role, blocks) in enumerate(turns):
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if stray := [id for id in results if id not in asked]:
            raise Refused(
                f"messages.{i}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {stray[0]}"
            )
        if len(set(results)) < len(results):
            raise Refused(f"messages.{i}: each tool_use must have a single result.")
        first = [block["type"] for block in blocks[: len(results)]]
        if set(asked) - set(results) or any(kind != "tool_result" for kind in first):
            raise Refused(
                f"messages.{i}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                + ", ".join(asked)
            )
        asked = (
            [block["id"] for block in blocks if block["type"] == "tool_use"] if role == "assistant" else []
        )
        if len(set(asked)) < len(asked) or used & set(asked):
            raise Refused(f"messages.{i}: `tool_use` ids must be unique")
        used |= set(asked)
    if asked:
        raise Refused(
            "`tool_use` ids were found without `tool_result` blocks immediately after: " + ", ".join(asked)
        )
    if turns[-1][0] != "user":
        raise Refused(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    if used and not names:
        raise Refused("Requests which include `tool_use` or `tool_result` blocks must define tools.")
    _anthropic_thinking(body, turns)


def _anthropic_marks(body: Json) -> None:
    marked = json.dumps(body).count('"cache_control"')
    if marked > 4:
        raise Refused(f"A maximum of 4 blocks with cache_control may be provided. Found {marked}.")


def _anthropic_block(where: str, role: str, block: Json) -> None:
    fields = {
        "text": {"text"}, "image": {"source"}, "tool_use": {"id", "name", "input"},
        "tool_result": {"tool_use_id", "content", "is_error"}, "thinking": {"thinking", "signature"},
        "redacted_thinking": {"data"},
    }  # fmt: skip
    kind = block["type"]
    if kind not in fields:
        raise Refused(
            f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
        )
    marks = set() if kind in _THOUGHTS else {"cache_control"}
    if strange := sorted(set(block) - fields[kind] - {"type"} - marks):
        raise Refused(f"{where}.{kind}.{strange[0]}: Extra inputs are not permitted")
    allowed = ("text", "tool_use", *_THOUGHTS) if role == "assistant" else ("text", "image", "tool_result")
    if kind not in allowed:
        raise Refused(
            f"{where}: `{kind}` blocks can only be in `{'user' if role == 'assistant' else 'assistant'}` messages"
        )
    if kind == "text" and not block["text"].strip():
        raise Refused(f"{where}: text content blocks must contain non-whitespace text")
    if kind == "tool_use":
        if not re.fullmatch(r"[a-zA-Z0-9_-]+", block["id"]):
            raise Refused(f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
        if not isinstance(block["input"], dict):
            raise Refused(f"{where}.tool_use.input: Input should be a valid dictionary")
        if not 1 <= len(block["name"]) <= 200:
            raise Refused(f"{where}.tool_use.name: String should have at most 200 characters")
    if kind == "image":
        source = block["source"]
        if source["media_type"] not in ("image/jpeg", "image/png", "image/gif", "image/webp"):
            raise Refused(
                f"{where}.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', …"
            )
    if kind == "thinking" and (not isinstance(block.get("thinking"), str) or not block.get("signature")):
        raise Refused(f"{where}: Invalid `signature` in `thinking` block")


def _anthropic_thinking(body: Json, turns: list[tuple[str, list[Json]]]) -> None:
    wanted = body.get("thinking") or {"type": "disabled"}
    new = re.search(r"claude-(opus|sonnet|haiku|fable|mythos)-([5-9]|4-[7-9])", body["model"])
    old = re.search(r"claude-(opus|sonnet|haiku)-4-[0-5]|claude-3-7", body["model"])
    if wanted["type"] == "enabled" and new:
        raise Refused('"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive"')
    if wanted["type"] == "adaptive" and old:
        raise Refused("adaptive thinking is not supported on this model")
    for i, (role, blocks) in enumerate(turns):
        if role == "assistant" and blocks[-1]["type"] in _THOUGHTS:
            raise Refused(f"messages.{i}: The final block in an assistant message cannot be `thinking`.")
    if wanted["type"] != "enabled":
        return
    if not 1024 <= wanted["budget_tokens"] < body["max_tokens"]:
        raise Refused("`max_tokens` must be greater than `thinking.budget_tokens`.")
    final = next(
        ((i, blocks) for i, (role, blocks) in reversed(list(enumerate(turns))) if role == "assistant"), None
    )
    if final is not None and any(block["type"] == "tool_use" for block in final[1]):
        kind = final[1][0]["type"]
        if kind not in _THOUGHTS:
            raise Refused(
                f"messages.{final[0]}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{kind}`. "
                "When `thinking` is enabled, a final `assistant` message must start with a thinking block"
            )


def gemini_contents(body: Json) -> None:
    """As Gemini's `generateContent` judges a body. Raises Refused."""
    known = {
        "contents",
        "systemInstruction",
        "tools",
        "toolConfig",
        "generationConfig",
        "safetySettings",
        "model",
    }
    if strange := sorted(set(body) - known):
        raise Refused(f'Invalid JSON payload received. Unknown name "{strange[0]}": Cannot find field.')
    contents = body.get("contents")
    if not contents:
        raise Refused("* GenerateContentRequest.contents: contents is not specified")
    for group in body.get("tools", []):
        for function in group["functionDeclarations"]:
            if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}", function["name"]):
                raise Refused("Invalid function name. Must start with a letter or an underscore.")
            if "parameters" in function and "parametersJsonSchema" in function:
                raise Refused("parameters and parameters_json_schema are mutually exclusive")
    before: list[Json] = []
    turn = ""
    for i, content in enumerate(contents):
        role, parts = content.get("role"), content.get("parts")
        if role not in ("user", "model"):
            raise Refused("Please use a valid role: user, model.")
        if not parts:
            raise Refused(f"* GenerateContentRequest.contents[{i}].parts: contents.parts must not be empty.")
        for n, part in enumerate(parts):
            _gemini_part(f"contents[{i}].parts[{n}]", part)
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        if results and not before:
            raise Refused(
                "Please ensure that function response turn comes immediately after a function call turn."
            )
        if len(results) != len(before):
            raise Refused(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        if sorted(call["name"] for call in before) != sorted(result["name"] for result in results):
            raise Refused("The name of the function response does not match that of the function call.")
        if [call.get("id") for call in before] != [result.get("id") for result in results]:
            raise Refused("The id of the function response does not match that of the function call.")
        if calls and turn not in ("user", "results"):
            raise Refused(
                "Please ensure that function call turn comes immediately after a user turn or after a function "
                "response turn."
            )
        signed = [part for part in parts if "functionCall" in part]
        if (
            signed
            and not signed[0].get("thoughtSignature")
            and re.match(r"gemini-[3-9]", str(body.get("model")))
        ):
            raise Refused("Function call is missing a thought_signature in functionCall parts.")
        before, turn = calls, "results" if results else role
    if before:
        raise Refused(
            "Please ensure that the number of function response parts is equal to the number of function calls"
        )
    if turn == "model":
        raise Refused("Please ensure that single turn requests end with a user role or a function response.")


def _gemini_part(where: str, part: Json) -> None:
    data = set(part) & {"text", "inlineData", "functionCall", "functionResponse"}
    if len(data) != 1:
        raise Refused(f"* {where}.data: required oneof field 'data' must have one initialized field")
    if strange := sorted(set(part) - data - {"thought", "thoughtSignature"}):
        raise Refused(
            f"Invalid JSON payload received. Unknown name \"{strange[0]}\" at '{where}': Cannot find field."
        )
    if "text" in part and not part["text"]:
        raise Refused(f"* {where}: Unable to submit request because it must have a text parameter.")
    if call := part.get("functionCall"):
        if not call.get("name"):
            raise Refused(f"* {where}.function_call.name: Name cannot be empty.")
        if not isinstance(call.get("args"), dict):
            raise Refused(f"Invalid value at '{where}.function_call.args'")
    if response := part.get("functionResponse"):
        if not response.get("name"):
            raise Refused(f"* {where}.function_response.name: Name cannot be empty.")
        if not isinstance(response.get("response"), dict):
            raise Refused(f"Invalid value at '{where}.function_response.response'")
    if picture := part.get("inlineData"):
        if picture["mimeType"] not in ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"):
            raise Refused(f"Unsupported MIME type: {picture['mimeType']}")
    if (signature := part.get("thoughtSignature")) is not None and not re.fullmatch(
        r"[A-Za-z0-9+/_=-]+", signature
    ):
        raise Refused(f"Invalid value at '{where}.thought_signature' (TYPE_BYTES), Base64 decoding failed")


def error_body(profile: str, status: int, words: str) -> Any:
    """A refusal as the API of this profile wraps it."""
    if profile.startswith("gemini"):
        return {"error": {"code": status, "message": words, "status": "INVALID_ARGUMENT"}}
    return {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": words},
        "request_id": "req_1",
    }
