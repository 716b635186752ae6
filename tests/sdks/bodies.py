"""Whether the SDKs' own types know every field of a body that we would send, and nothing in it is of another type."""

from __future__ import annotations

from typing import Any

import anthropic.types as at
from google.genai import types as gt
from pydantic import TypeAdapter

Json = dict[str, Any]

_MESSAGES: TypeAdapter[Any] = TypeAdapter(at.message_create_params.MessageCreateParamsStreaming)


def anthropic_fault(body: Json) -> str:
    """What Anthropic's types have against a body; empty: nothing. What they do not know is dropped by them, so the
    body that comes out must be the one that went in."""
    sent = {**body, "stream": True}
    read = _plain(_MESSAGES.validate_python(sent))
    return "" if read == sent else f"the SDK reads {_first_difference(sent, read)}"


def gemini_fault(body: Json) -> str:
    """What Google's types have against a body; they refuse unknown fields themselves. Raises pydantic's errors."""
    assert set(body) <= {"model", "contents", "systemInstruction", "tools", "generationConfig"}, sorted(body)
    for content in body["contents"]:
        read = gt.Content.model_validate(content)
        back = read.model_dump(mode="json", by_alias=True, exclude_none=True)
        if _unpadded(back) != _unpadded(content):
            return f"the SDK reads {_first_difference(content, back)}"
    gt.Content.model_validate(body.get("systemInstruction", {"parts": []}))
    for tool in body.get("tools", ()):
        gt.Tool.model_validate(tool)
    gt.GenerationConfig.model_validate(body.get("generationConfig", {}))
    return ""


def _plain(value: Any) -> Any:
    """What pydantic keeps of an Iterable is read once; here it becomes a list again."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return [_plain(inner) for inner in value]


def _unpadded(value: Any) -> Any:
    """Signatures are bytes: the two alphabets of base64 and its padding are one and the same."""
    if isinstance(value, dict):
        return {
            name: inner.replace("-", "+").replace("_", "/").rstrip("=")
            if name in ("thoughtSignature", "data") and isinstance(inner, str)
            else _unpadded(inner)
            for name, inner in value.items()
        }
    return [_unpadded(inner) for inner in value] if isinstance(value, list) else value


def _first_difference(sent: Any, read: Any, where: str = "body") -> str:
    if isinstance(sent, dict) and isinstance(read, dict):
        for name in sorted(sent.keys() | read.keys()):
            if sent.get(name) != read.get(name):
                return _first_difference(sent.get(name), read.get(name), f"{where}.{name}")
    if isinstance(sent, list) and isinstance(read, list) and len(sent) == len(read):
        for place, (one, other) in enumerate(zip(sent, read, strict=True)):
            if one != other:
                return _first_difference(one, other, f"{where}[{place}]")
    return f"{where}: {str(read)[:200]} for {str(sent)[:200]}"
