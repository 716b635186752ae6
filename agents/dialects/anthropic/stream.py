"""The answer of Anthropic Messages: its named events as the deltas of all dialects."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

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
from agents.events import Usage

#: The version of the API that is spoken; it has had this one since 2023.
VERSION = "2023-06-01"
_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}


class AnthropicMessages:
    """A model behind `<base_url>/v1/messages`. A base that ends with the version, as that of the compatible API does,
    is understood, too."""

    def __init__(self, base_url: str, key: str = "") -> None:
        self._base_url = base_url
        self._key = key

    def outgoing(self, body: Mapping[str, Any]) -> Outgoing:
        """The request as it goes out."""
        path = "/messages" if urlsplit(self._base_url).path.rstrip("/").endswith("/v1") else "/v1/messages"
        headers = {"anthropic-version": VERSION, "x-api-key": self._key}
        return Outgoing(self._base_url, path, {**body, "stream": True}, headers)

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        """Send `body` and yield what comes. See `Model.stream` for errors and for the caller's duty."""
        from agents.dialects.http import (
            DONE,
            post,
        )  # `openai` takes a third of a second: for workers, which have it

        out = self.outgoing(body)
        reader = Reader(str(body.get("model", "")))
        async with aclosing(post(out.base_url, self._key, out.path, out.body, headers=out.headers)) as events:
            async for event in events:
                if event is DONE:
                    yield FinishDelta("")
                    continue
                for delta in reader.read(event):
                    yield delta


class Reader:
    """One response being read. Its blocks are known by their index, in the order in which they began."""

    def __init__(self, model: str = "") -> None:
        self._model = model
        self._blocks: dict[Any, dict[str, Any]] = {}
        self._usage: dict[str, Any] = {}
        self._spoken = False

    def read(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        """The deltas of one event; events that say nothing to us are passed over. Raises ModelError."""
        match event.get("type"):
            case "message_start":
                yield from self._count(_held(event, "message").get("usage"))
            case "message":
                yield from self._whole(event)
            case "content_block_start":
                yield from self._begin(event.get("index"), _held(event, "content_block"))
            case "content_block_delta":
                yield from self._piece(event.get("index"), _held(event, "delta"))
            case "content_block_stop":
                yield from self._end(event.get("index"))
            case "message_delta":
                yield from self._count(event.get("usage"))
                yield from self._finish(_held(event, "delta").get("stop_reason"))
            case "message_stop":
                yield FinishDelta("")
            case "error":
                raise error_of(_held(event, "error"), model=self._model)

    def _whole(self, message: Mapping[str, Any]) -> Iterator[Delta]:
        """A server that does not stream."""
        content = message.get("content")
        for index, block in enumerate(content if isinstance(content, list) else []):
            if isinstance(block, Mapping):
                yield from self._begin(index, block)
                yield from self._end(index)
        yield from self._count(message.get("usage"))
        yield from self._finish(message.get("stop_reason"))

    def _begin(self, index: Any, block: Mapping[str, Any]) -> Iterator[Delta]:
        after = next(reversed(self._blocks.values()), {}).get("type")
        held = self._blocks[index] = dict(block)
        match block.get("type"):
            case "text":
                # Words before and after a thought, not one text in two pieces.
                held["text"] = ""
                held["apart"] = self._spoken and after != "text"
                yield from self._speak(held, block.get("text"))
            case "thinking":
                held["thinking"] = ""
                held["signature"] = ""
                yield from self._think(held, block.get("thinking"))
                if isinstance(signature := block.get("signature"), str):
                    held["signature"] = signature
            case "tool_use":
                held["came"] = False
                yield CallDelta(_number(index), block.get("id"), block.get("name"), complete=False)

    def _piece(self, index: Any, delta: Mapping[str, Any]) -> Iterator[Delta]:
        held = self._blocks.setdefault(index, {})
        match delta.get("type"):
            case "text_delta":
                held.setdefault("type", "text")
                yield from self._speak(held, delta.get("text"))
            case "thinking_delta":
                held.setdefault("type", "thinking")
                yield from self._think(held, delta.get("thinking"))
            case "signature_delta" if isinstance(signature := delta.get("signature"), str):
                held["signature"] = held.get("signature", "") + signature
            case "input_json_delta" if delta.get("partial_json") and held.get("type") == "tool_use":
                held["came"] = True
                yield CallDelta(_number(index), arguments=delta["partial_json"])

    def _end(self, index: Any) -> Iterator[Delta]:
        held = self._blocks.get(index, {})
        if held.get("type") == "tool_use":
            # Servers that do not stream arguments have them in the block as it begins.
            whole = held.get("input") if not held["came"] else None
            yield CallDelta(_number(index), arguments=whole, complete=True)

    def _speak(self, held: dict[str, Any], text: Any) -> Iterator[Delta]:
        if not isinstance(text, str) or not text:
            return
        if held.pop("apart", False):
            text = f"\n\n{text}"
        held["text"] = held.get("text", "") + text
        self._spoken = True
        yield TextDelta(text)

    def _think(self, held: dict[str, Any], text: Any) -> Iterator[Delta]:
        if isinstance(text, str) and text:
            held["thinking"] = held.get("thinking", "") + text
            yield ReasoningDelta(text)

    def _finish(self, reason: Any) -> Iterator[Delta]:
        if not reason:
            return
        blocks, told = list(self._blocks.values()), _REASONS.get(str(reason), str(reason))
        if blocks and blocks[-1].get("type") == "tool_use" and told in ("length", "content_filter"):
            # The block is closed all the same, and even "no arguments" may be half of them.
            yield CallDelta(_number(next(reversed(self._blocks))), complete=False)
        if any(block.get("type") == "redacted_thinking" or block.get("signature") for block in blocks):
            yield from _replay(blocks)
        yield FinishDelta(told)

    def _count(self, usage: Any) -> Iterator[Delta]:
        if not isinstance(usage, Mapping):
            return
        self._usage |= {name: count for name, count in usage.items() if type(count) is int and count > 0}
        cached = self._usage.get("cache_read_input_tokens", 0)
        fresh = self._usage.get("input_tokens", 0) + self._usage.get("cache_creation_input_tokens", 0)
        output = self._usage.get("output_tokens", 0)
        yield UsageDelta(Usage(input=fresh + cached, output=output, cached=cached))


def _replay(blocks: list[dict[str, Any]]) -> Iterator[Delta]:
    """What goes back with the next request: thinking whole, texts and calls by their places."""
    for block in blocks:
        match block.get("type"):
            case "thinking" if block.get("signature"):
                yield ReplayItem({name: block.get(name, "") for name in ("type", "thinking", "signature")})
            case "redacted_thinking":
                yield ReplayItem({"type": "redacted_thinking", "data": block.get("data")})
            case "text" if block.get("text"):
                yield ReplayItem({"type": "text", "length": len(block["text"])})
            case "tool_use":
                yield ReplayItem({"type": "tool_use"})


def _held(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = event.get(name)
    return value if isinstance(value, Mapping) else {}


def _number(index: Any) -> int | None:
    return index if type(index) is int else None
