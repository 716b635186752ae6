"""The Responses dialect over HTTP: its named events as the same deltas that the chat dialect gives.

Text streams as it comes. Calls and what the issuer wants back are taken from the items as they are when the
response ends: nothing of them is final before (rule A7), and servers differ in which pieces they send.
"""

import json
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from agents.dialects.base import (
    CallDelta,
    Delta,
    FinishDelta,
    Outgoing,
    ReasoningDelta,
    ReplayItem,
    TextDelta,
    UsageDelta,
)
from agents.dialects.inside import error_of
from agents.dialects.responses.items import Items, OutputItem
from agents.errors import ModelError
from agents.events import Usage

_REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}


class OpenAIResponses:
    """A model behind `<base_url>/responses`, asked statelessly (V15)."""

    def __init__(self, base_url: str, key: str = "") -> None:
        self._base_url = base_url
        self._key = key

    def outgoing(self, body: Mapping[str, Any]) -> Outgoing:
        """The request as it goes out."""
        return Outgoing(self._base_url, "/responses", {**body, "stream": True})

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        """Send `body` and yield what comes. See `Model.stream` for errors and for the caller's duty."""
        from agents.dialects.http import (
            DONE,
            post,
        )  # `openai` takes a third of a second: for workers, which have it

        reader = Reader(str(body.get("model", "")))
        out = self.outgoing(body)
        async with aclosing(post(out.base_url, self._key, out.path, out.body)) as events:
            async for event in events:
                for delta in reader.close(marked=True) if event is DONE else reader.read(event):
                    yield delta
        for delta in reader.close():
            yield delta


class Reader:
    """One response being read: which of its items have come, and what text was already given."""

    def __init__(self, model: str = "") -> None:
        self._model = model
        self._items = Items()
        self._spoken: list[OutputItem] = []
        #: The part of the reasoning that streams: (item, which of its summaries or texts).
        self._thought: tuple[Any, ...] | None = None
        self._over = False

    def read(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        """The deltas of one event; events that say nothing to us are passed over. Raises ModelError."""
        kind = event.get("type")
        match kind:
            case _ if self._over:
                return
            case "response.output_text.delta" | "response.refusal.delta":
                yield from self._stream(self._items.of(event, "message"), event, event.get("delta"))
            case "response.output_text.done" | "response.refusal.done":
                whole = event.get("text") or event.get("refusal")
                yield from self._repeat(self._items.of(event, "message", late=True), event, whole)
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                yield from self._think(event)
            case "response.function_call_arguments.delta":
                if isinstance(text := event.get("delta"), str):
                    self._items.of(event, "function_call").pieces += text
            case "response.function_call_arguments.done":
                self._told(event)
            case "response.output_item.added" | "response.output_item.done":
                if isinstance(item := event.get("item"), Mapping):
                    taken = self._items.take(item, event.get("output_index"), done=kind.endswith("done"))
                    yield from self._rest(taken)
            case "response.completed" | "response.incomplete" | "response.done":
                response = event.get("response")
                yield from self._end(response if isinstance(response, Mapping) else {}, str(kind))
            case "response.failed" | "response.cancelled":
                response = event.get("response")
                raise self._failed(response if isinstance(response, Mapping) else {})
            case "error":
                raise error_of(event, model=self._model)
            case None if event.get("object") == "response":  # One JSON text instead of a stream.
                yield from self._end(event, "response.completed")

    def close(self, marked: bool = False) -> Iterator[Delta]:
        """What is left when the stream ends without its last event. `marked`: with `[DONE]`, which says that it is
        whole; without it, only what was said to be done is (rule A8)."""
        if self._over:
            return
        self._over = True
        calls = yield from self._calls(over=marked)
        yield from self._kept()
        if marked:
            yield FinishDelta("tool_calls" if calls else "stop")

    def _stream(self, item: OutputItem, event: Mapping[str, Any], text: Any) -> Iterator[Delta]:
        if not isinstance(text, str) or not text:
            return
        part = event.get("content_index")
        part = part if isinstance(part, int) else 0
        item.texts[part] = item.texts.get(part, "") + text
        if self._spoken and item not in self._spoken:
            text = f"\n\n{text}"  # A second message of the same response.
        if item not in self._spoken:
            self._spoken.append(item)
        yield TextDelta(text)

    def _think(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        text = event.get("delta")
        if not isinstance(text, str) or not text:
            return
        part = event.get("item_id"), event.get("summary_index"), event.get("content_index")
        if self._thought not in (None, part):
            text = f"\n\n{text}"  # Another summary of the same response.
        self._thought = part
        yield ReasoningDelta(text)

    def _thoughts(self) -> Iterator[Delta]:
        """Reasoning of which nothing has streamed: from the items as they are at the end."""
        told: list[str] = []
        for item in self._items if self._thought is None else ():
            data = item.data if item.data.get("type") == "reasoning" else {}
            parts = data.get("summary") or data.get("content")
            told += [part["text"] for part in parts if _has_text(part)] if isinstance(parts, list) else []
        if told:
            yield ReasoningDelta("\n\n".join(told))

    def _repeat(self, item: OutputItem, event: Mapping[str, Any], whole: Any) -> Iterator[Delta]:
        """One part of a message, whole: what of it has not streamed."""
        part = event.get("content_index")
        came = item.texts.get(part if isinstance(part, int) else 0, "")
        if isinstance(whole, str) and whole.startswith(came):
            yield from self._stream(item, event, whole[len(came) :])

    def _rest(self, item: OutputItem) -> Iterator[Delta]:
        """A message, whole: what of it has not streamed."""
        if item.kind == "message" and item.final_text.startswith(item.text):
            rest = item.final_text[len(item.text) :]
            yield from self._stream(item, {"content_index": max(item.texts, default=0)}, rest)

    def _told(self, event: Mapping[str, Any]) -> None:
        item, told = self._items.of(event, "function_call", late=True), event.get("arguments")
        if told is not None and not isinstance(told, str):
            told = json.dumps(told, ensure_ascii=False)
        item.told = told or item.pieces
        if name := event.get("name"):
            item.data.setdefault("name", name)

    def _end(self, response: Mapping[str, Any], kind: str) -> Iterator[Delta]:
        status = response.get("status")
        if status in ("failed", "cancelled"):
            raise self._failed(response)
        self._over = True
        output = response.get("output")
        self._items.settle(output if isinstance(output, list) else [])
        for item in self._items:
            yield from self._rest(item)
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, Mapping) else None
        cut = kind == "response.incomplete" or status == "incomplete" or bool(reason)
        yield from self._thoughts()
        calls = yield from self._calls(over=not cut)
        yield from self._kept()
        if isinstance(usage := response.get("usage"), Mapping):
            yield UsageDelta(_usage(usage))
        if cut:
            yield FinishDelta(_REASONS.get(str(reason), "length"))
        else:
            yield FinishDelta("tool_calls" if calls else "stop")

    def _calls(self, over: bool) -> Generator[Delta, None, int]:
        calls = [item for item in self._items if item.kind == "function_call"]
        for place, item in enumerate(calls):
            data = item.data
            yield CallDelta(
                place,
                data.get("call_id"),
                data.get("name"),
                item.arguments,
                complete=item.complete(over),
            )
        return len(calls)

    def _kept(self) -> Iterator[Delta]:
        items = [item.data for item in self._items]
        if any(item.get("type") == "reasoning" and item.get("encrypted_content") for item in items):
            yield from _replay(items)

    def _failed(self, response: Mapping[str, Any]) -> ModelError:
        return error_of(response.get("error") or {}, model=self._model)


def _has_text(part: Any) -> bool:
    return isinstance(part, Mapping) and isinstance(part.get("text"), str) and bool(part["text"])


def _replay(items: list[dict[str, Any]]) -> Iterator[Delta]:
    """What goes back with the next request: reasoning whole, the others by their ids, in their order (V13)."""
    for item in items:
        match item.get("type"):
            case "reasoning":
                kept = {"id": item.get("id"), "encrypted_content": item.get("encrypted_content")}
                yield ReplayItem({"type": "reasoning", **kept, "summary": item.get("summary") or []})
            case "message" | "function_call":
                yield ReplayItem({"type": item["type"], "id": item.get("id")})


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
