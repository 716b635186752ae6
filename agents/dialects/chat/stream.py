"""The answer of Chat Completions: chunks as deltas, read as the plain JSON they are."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from agents.dialects.base import (
    CallDelta,
    Delta,
    FinishDelta,
    Outgoing,
    ReasoningDelta,
    TextDelta,
    UsageDelta,
    WholeMessage,
)
from agents.dialects.tags import ThinkTags
from agents.events import Usage


class OpenAIChat:
    """A model behind `<base_url>/chat/completions`. `fields`: what a request for a stream needs here besides."""

    def __init__(
        self,
        base_url: str,
        key: str = "",
        *,
        include_usage: bool = True,
        fields: Mapping[str, object] | None = None,
    ) -> None:
        self._base_url = base_url
        self._key = key
        self._include_usage = include_usage
        self._fields = dict(fields or {})

    def outgoing(self, body: Mapping[str, Any]) -> Outgoing:
        """The request as it goes out."""
        sent = {**body, **self._fields, "stream": True}
        if "stream_options" in body:
            del sent["stream_options"]  # None: nothing is to be asked for beside the answer.
        elif self._include_usage:
            sent["stream_options"] = {"include_usage": True}
        return Outgoing(self._base_url, "/chat/completions", sent)

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        """Send `body` and yield what comes. See `Model.stream` for errors and for the caller's duty."""
        from agents.dialects.http import (
            DONE,
            post,
        )  # `openai` takes a third of a second: for workers, which have it

        out = self.outgoing(body)
        tags = ThinkTags()
        async with aclosing(post(out.base_url, self._key, out.path, out.body)) as chunks:
            async for chunk in chunks:
                for delta in tags.feed([FinishDelta("")] if chunk is DONE else read_chunk(chunk)):
                    yield delta
        for delta in tags.end():
            yield delta


def read_chunk(chunk: Mapping[str, Any]) -> Iterator[Delta]:
    """The deltas of one chunk. Whatever it lacks or has too much of is passed over (Q28, Q29)."""
    if (first := _choice(chunk.get("choices"))) is not None:
        delta, message = first.get("delta"), first.get("message")
        if isinstance(message, Mapping) and not delta:
            yield _whole(message)
        elif isinstance(delta, Mapping) and chunk.get("object") == "chat.completion":
            yield _whole(delta)
        elif isinstance(delta, Mapping):
            yield from _read_content(delta)
            yield from _read_calls(delta)
        if (reason := first.get("finish_reason")) and reason not in ("null", "None"):
            yield FinishDelta(str(reason))
    if isinstance(usage := chunk.get("usage"), Mapping):
        yield UsageDelta(_read_usage(usage))


def _choice(choices: Any) -> Mapping[str, Any] | None:
    """The first choice; we ask for one, and what some servers say of others is none of ours."""
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, Mapping) and choice.get("index") in (0, None):
            return choice
    return None


def _whole(message: Mapping[str, Any]) -> WholeMessage:
    """A message that is no piece: all of an answer that was not streamed, or what a stream repeats at its end."""
    text, reasoning, calls = "", "", []
    for delta in (*_read_content(message), *_read_calls(message)):
        match delta:
            case TextDelta():
                text += delta.text
            case ReasoningDelta():
                reasoning += delta.text
            case CallDelta():
                calls.append(delta)
    return WholeMessage(text, reasoning, tuple(calls))


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
