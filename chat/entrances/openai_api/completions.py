"""`chat.completion` and its chunks: pure writing."""

import json
from collections.abc import Iterator
from typing import Any

from chat.entrances.openai_api.answering import Answer
from chat.entrances.openai_api.models import Exchange
from chat.http import sse

DONE = "data: [DONE]\n\n"


def name(exchange: Exchange) -> str:
    """The id that the client knows it by."""
    return f"chatcmpl-{exchange.pk.hex}"


def completion(exchange: Exchange, answer: Answer) -> dict[str, Any]:
    """A whole answer."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": answer.text,
        "refusal": None,
        "annotations": [],
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish(answer)}
    return {**_head(exchange, "chat.completion"), "choices": [choice], "usage": usage(answer)}


def begun(exchange: Exchange) -> str:
    """The first chunk."""
    return _chunk(exchange, {"role": "assistant", "content": ""})


def piece(exchange: Exchange, text: str) -> str:
    """The next piece of the text."""
    return _chunk(exchange, {"content": text})


def ended(exchange: Exchange, answer: Answer, *, with_usage: bool) -> Iterator[str]:
    """The last chunks."""
    yield _chunk(exchange, {}, finish(answer))
    if with_usage:
        head = _head(exchange, "chat.completion.chunk")
        yield sse.event(_json({**head, "choices": [], "usage": usage(answer)}))
    yield DONE


def finish(answer: Answer) -> str:
    """Why it ends, in OpenAI's words."""
    if answer.incomplete.startswith("length"):
        return "length"
    return "content_filter" if answer.incomplete == "content_filter" else "stop"


def usage(answer: Answer) -> dict[str, Any]:
    """What the models' responses took."""
    return {
        "prompt_tokens": answer.input,
        "completion_tokens": answer.output,
        "total_tokens": answer.input + answer.output,
        "prompt_tokens_details": {"cached_tokens": answer.cached},
    }


def _head(exchange: Exchange, kind: str) -> dict[str, Any]:
    return {
        "id": name(exchange),
        "object": kind,
        "created": exchange.created_at // 1000,
        "model": exchange.agent,
        "service_tier": "default",
        "system_fingerprint": None,
    }


def _chunk(exchange: Exchange, delta: dict[str, Any], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return sse.event(_json({**_head(exchange, "chat.completion.chunk"), "choices": [choice]}))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
