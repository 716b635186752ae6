"""The Responses dialect over HTTP: its named events as the same deltas that the chat dialect gives.

Text streams as it comes. Calls and what the issuer wants back are taken from the items as they are when the
response ends: nothing of them is final before (rule A7), and servers differ in which pieces they send.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from agents.dialects.base import (
    CallDelta,
    Delta,
    FinishDelta,
    ReasoningDelta,
    ReplayItem,
    TextDelta,
    UsageDelta,
)
from agents.dialects.errors import classify
from agents.events import Usage

_REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}


class OpenAIResponses:
    """A model behind `<base_url>/responses`, asked statelessly (V15)."""

    def __init__(self, base_url: str, key: str = "") -> None:
        self._base_url = base_url
        self._key = key

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        """Send `body` and yield what comes. See `Model.stream` for errors and for the caller's duty."""
        from agents.dialects.http import (
            post,
        )  # `openai` takes a third of a second: for workers, which have it

        reader = Reader(str(body.get("model", "")))
        async with aclosing(
            post(self._base_url, self._key, "/responses", {**body, "stream": True})
        ) as events:
            async for event in events:
                for delta in reader.read(event):
                    yield delta


class Reader:
    """One response being read: which of its items have come, and what text was already given."""

    def __init__(self, model: str = "") -> None:
        self._model = model
        self._items: dict[int, dict[str, Any]] = {}
        self._arguments: dict[int, str] = {}
        self._spoken: set[int] = set()

    def read(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        """The deltas of one event; events that say nothing to us are passed over. Raises ModelError."""
        kind, place = event.get("type"), event.get("output_index")
        place = place if isinstance(place, int) else 0
        match kind:
            case "response.output_text.delta" | "response.refusal.delta":
                yield from self._speak(place, event.get("delta"))
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                if isinstance(text := event.get("delta"), str) and text:
                    yield ReasoningDelta(text)
            case "response.function_call_arguments.delta":
                if isinstance(text := event.get("delta"), str):
                    self._arguments[place] = self._arguments.get(place, "") + text
            case "response.output_item.added" | "response.output_item.done":
                if isinstance(item := event.get("item"), Mapping):
                    self._items[place] = dict(item)
            case "response.completed" | "response.incomplete":
                response = event.get("response")
                yield from self._end(response if isinstance(response, Mapping) else {}, str(kind))
            case "response.failed":
                response = event.get("response")
                error = response.get("error") if isinstance(response, Mapping) else None
                raise classify(0, _words(error), model=self._model)
            case "error":
                raise classify(0, _words(event), model=self._model)

    def _speak(self, place: int, text: Any) -> Iterator[Delta]:
        if not isinstance(text, str) or not text:
            return
        if self._spoken and place not in self._spoken:
            text = f"\n\n{text}"  # A second message of the same response.
        self._spoken.add(place)
        yield TextDelta(text)

    def _end(self, response: Mapping[str, Any], kind: str) -> Iterator[Delta]:
        output = response.get("output")
        for place, item in enumerate(output if isinstance(output, list) else []):
            if isinstance(item, Mapping):
                self._items[place] = dict(item)
        items = [(place, self._items[place]) for place in sorted(self._items)]
        for place, item in items:
            if item.get("type") == "message" and place not in self._spoken:
                yield from self._speak(place, _text(item))
        calls = [(place, item) for place, item in items if item.get("type") == "function_call"]
        for place, item in calls:
            arguments = item.get("arguments") or self._arguments.get(place, "")
            yield CallDelta(place, item.get("call_id"), item.get("name"), arguments)
        if any(item.get("type") == "reasoning" and item.get("encrypted_content") for _, item in items):
            yield from _replay([item for _, item in items])
        if isinstance(usage := response.get("usage"), Mapping):
            yield UsageDelta(_usage(usage))
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, Mapping) else None
        if kind == "response.incomplete" or reason:
            yield FinishDelta(_REASONS.get(str(reason), "length"))
        else:
            yield FinishDelta("tool_calls" if calls else "stop")


def _replay(items: list[dict[str, Any]]) -> Iterator[Delta]:
    """What goes back with the next request: reasoning whole, the others by their ids, in their order (V13)."""
    for item in items:
        match item.get("type"):
            case "reasoning":
                kept = {"id": item.get("id"), "encrypted_content": item.get("encrypted_content")}
                yield ReplayItem({"type": "reasoning", **kept, "summary": item.get("summary") or []})
            case "message" | "function_call":
                yield ReplayItem({"type": item["type"], "id": item.get("id")})


def _text(item: Mapping[str, Any]) -> str:
    content = item.get("content")
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") or part.get("refusal") for part in parts if isinstance(part, Mapping)]
    return "".join(text for text in texts if isinstance(text, str))


def _words(error: Any) -> str:
    if not isinstance(error, Mapping):
        return ""
    return " ".join(str(error[name]) for name in ("code", "message") if error.get(name))


def _usage(usage: Mapping[str, Any]) -> Usage:
    details = usage.get("input_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else 0
    return Usage(
        input=_count(usage.get("input_tokens")),
        output=_count(usage.get("output_tokens")),
        cached=_count(cached),
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
