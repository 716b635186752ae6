"""Chat Completions over HTTP, through the `openai` client: one request, one stream of deltas.

The client is used for what it is good at (connections, headers, server-sent events). Its chunk types are not:
they assume fields that compatible servers leave out, so chunks are read here as the plain JSON they are.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

import openai
from openai import AsyncOpenAI, AsyncStream

from agents.dialects.base import CallDelta, Delta, Finish, ReasoningDelta, TextDelta, UsageDelta
from agents.dialects.errors import broken_off, classify, unreachable
from agents.events import Usage

#: Seconds: to connect; and without a byte of the answer (reasoning models think for minutes).
CONNECT_TIMEOUT = 10.0
SILENCE_TIMEOUT = 180.0

#: One client, with its pool of connections, per event loop, address and key.
_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], AsyncOpenAI]]" = (
    WeakKeyDictionary()
)


def client_for(base_url: str, key: str) -> AsyncOpenAI:
    """The client of this address and key in the running event loop; made at the first use."""
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if (base_url, key) not in clients:
        clients[base_url, key] = AsyncOpenAI(
            base_url=base_url,
            api_key=key or "none",  # Local servers want no key, the client wants one.
            max_retries=0,  # The loop retries, visibly; nothing below it does.
            timeout=openai.Timeout(SILENCE_TIMEOUT, connect=CONNECT_TIMEOUT),
        )
    return clients[base_url, key]


async def close_clients() -> None:
    """Close the clients of the running event loop. Call it when the process ends its work."""
    for client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.close()


class OpenAIChat:
    """A model behind `<base_url>/chat/completions`."""

    def __init__(self, base_url: str, key: str = "", *, include_usage: bool = True) -> None:
        self._base_url = base_url
        self._key = key
        self._include_usage = include_usage

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        """Send `body` and yield what comes. See `Model.stream` for errors and for the caller's duty."""
        sent = {**body, "stream": True}
        if self._include_usage:
            sent["stream_options"] = {"include_usage": True}
        async with aclosing(post(self._base_url, self._key, "/chat/completions", sent)) as chunks:
            async for chunk in chunks:
                for delta in read_chunk(chunk):
                    yield delta


async def post(
    base_url: str, key: str, path: str, body: Mapping[str, Any]
) -> AsyncGenerator[Mapping[str, Any], None]:
    """POST `body` and yield the JSON objects of the event stream. Raises ModelError; closes the response when
    it is closed or cancelled itself."""
    begun = False
    response: AsyncStream[Any] | None = None
    try:
        client = client_for(base_url, key)
        response = await client.post(
            path, body=dict(body), cast_to=object, stream=True, stream_cls=AsyncStream[object]
        )
        async for chunk in response:
            begun = True
            if isinstance(chunk, Mapping):
                yield chunk
    except (openai.OpenAIError, ValueError, OSError) as error:
        _explain(error, str(body.get("model", "")), begun)
    finally:
        if response is not None:
            await response.close()


def read_chunk(chunk: Mapping[str, Any]) -> Iterator[Delta]:
    """The deltas of one chunk. Whatever it lacks or has too much of is passed over (Q28, Q29)."""
    choices = chunk.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if isinstance(first, Mapping):
        delta = first.get("delta") or first.get("message")  # Some proxies answer with one whole message.
        if isinstance(delta, Mapping):
            yield from _read_content(delta)
            yield from _read_calls(delta)
        if reason := first.get("finish_reason"):
            yield Finish(str(reason))
    if isinstance(usage := chunk.get("usage"), Mapping):
        yield UsageDelta(_read_usage(usage))


def _read_content(delta: Mapping[str, Any]) -> Iterator[Delta]:
    for field in ("reasoning_content", "reasoning"):
        if isinstance(text := delta.get(field), str) and text:
            yield ReasoningDelta(text)
            break
    content = delta.get("content")
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str) and part:
            yield TextDelta(part)
        elif isinstance(part, Mapping):
            yield from _read_part(part)
    if isinstance(refusal := delta.get("refusal"), str) and refusal:
        yield TextDelta(refusal)


def _read_part(part: Mapping[str, Any]) -> Iterator[Delta]:
    """A typed part of the content (Mistral's form): text, or thinking that holds text parts itself."""
    if isinstance(text := part.get("text"), str) and text:
        yield TextDelta(text)
    thinking = part.get("thinking")
    for inner in thinking if isinstance(thinking, list) else [thinking]:
        text = inner.get("text") if isinstance(inner, Mapping) else inner
        if isinstance(text, str) and text:
            yield ReasoningDelta(text)


def _read_calls(delta: Mapping[str, Any]) -> Iterator[Delta]:
    calls = delta.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        if not isinstance(call, Mapping):
            continue
        function = call.get("function")
        function = function if isinstance(function, Mapping) else {}
        index = call.get("index")
        extra = call.get("extra_content")
        yield CallDelta(
            index=index if isinstance(index, int) and not isinstance(index, bool) else None,
            id=call.get("id"),
            name=function.get("name"),
            arguments=function.get("arguments"),
            extra={"extra_content": extra} if isinstance(extra, Mapping) else None,
        )
    if isinstance(old := delta.get("function_call"), Mapping):
        yield CallDelta(index=0, name=old.get("name"), arguments=old.get("arguments"))


def _read_usage(usage: Mapping[str, Any]) -> Usage:
    details = usage.get("prompt_tokens_details")
    cached = (
        details.get("cached_tokens") if isinstance(details, Mapping) else usage.get("prompt_cache_hit_tokens")
    )
    return Usage(
        input=_count(usage.get("prompt_tokens")),
        output=_count(usage.get("completion_tokens")),
        cached=_count(cached),
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _explain(error: Exception, model: str, begun: bool) -> NoReturn:
    """Raise the ModelError that `error` means."""
    match error:
        case openai.APIStatusError():
            text = json.dumps(error.body, ensure_ascii=False) if error.body is not None else error.message
            headers = {name.lower(): value for name, value in error.response.headers.items()}
            raise classify(error.status_code, text, headers, model=model) from error
        case openai.APITimeoutError():
            if begun:
                raise broken_off(f"nothing came for {SILENCE_TIMEOUT:.0f} seconds") from error
            raise unreachable("it did not answer in time") from error
        case openai.APIConnectionError():
            if begun:
                raise broken_off("the connection was lost") from error
            raise unreachable("no connection") from error
        case openai.APIError():  # An error object inside a stream that had begun with 200 (Q30).
            text = json.dumps(error.body, ensure_ascii=False) if error.body is not None else error.message
            raise classify(0, text, model=model) from error
        case ValueError():
            raise broken_off("what came is not JSON") from error
    raise broken_off("the connection was lost") from error
