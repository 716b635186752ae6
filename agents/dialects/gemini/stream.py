"""The answer of Gemini: responses one after another, each with the parts that came since, as deltas."""

import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

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

#: What ended an answer, in the words of all dialects; others are passed on in lower case.
_REASONS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
}


class GeminiContents:
    """A model behind `<base_url>/models`. A base that is the one of the compatible API (`…/openai`), or that names no
    version, is understood, too."""

    def __init__(self, base_url: str, key: str = "") -> None:
        self._base_url = base_of(base_url)
        self._key = key

    def outgoing(self, body: Mapping[str, Any]) -> Outgoing:
        """The request as it goes out: the model's name is in its address."""
        model = str(body.get("model", ""))
        path = f"/models/{quote(model.removeprefix('models/'), safe='')}:streamGenerateContent?alt=sse"
        sent = {name: value for name, value in body.items() if name != "model"}
        return Outgoing(self._base_url, path, sent, {"x-goog-api-key": self._key})

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        """Send `body` and yield what comes. See `Model.stream` for errors and for the caller's duty."""
        from agents.dialects.http import (
            DONE,
            post,
        )  # `openai` takes a third of a second: for workers, which have it

        out = self.outgoing(body)
        reader = Reader(str(body.get("model", "")))
        async with aclosing(post(out.base_url, self._key, out.path, out.body, headers=out.headers)) as chunks:
            async for chunk in chunks:
                if chunk is DONE:
                    yield FinishDelta("")
                    continue
                for delta in reader.read(chunk):
                    yield delta


def base_of(address: str) -> str:
    """The address of the native API behind one that somebody configured.

    >>> base_of("https://generativelanguage.googleapis.com/v1beta/openai/")
    'https://generativelanguage.googleapis.com/v1beta'
    """
    base = re.sub(r"/openai/?$", "", address).rstrip("/")
    return base if re.search(r"/v\d[a-z0-9]*(/|$)", base) else f"{base}/v1beta"


class Reader:
    """One response being read. A call comes whole, in one part."""

    def __init__(self, model: str = "") -> None:
        self._model = model
        self._calls = 0

    def read(self, chunk: Mapping[str, Any]) -> Iterator[Delta]:
        """The deltas of one chunk. What it lacks or has too much of is passed over. Raises ModelError."""
        if isinstance(error := chunk.get("error"), Mapping):
            raise error_of(error, model=self._model)
        candidates = chunk.get("candidates")
        first = candidates[0] if isinstance(candidates, list) and candidates else None
        first = first if isinstance(first, Mapping) else {}
        content = first.get("content")
        parts = content.get("parts") if isinstance(content, Mapping) else None
        for part in parts if isinstance(parts, list) else []:
            if isinstance(part, Mapping):
                yield from self._part(part)
        if isinstance(usage := chunk.get("usageMetadata"), Mapping):
            yield UsageDelta(_usage(usage))
        feedback = chunk.get("promptFeedback")
        if isinstance(feedback, Mapping) and feedback.get("blockReason"):
            yield FinishDelta("content_filter")
        elif reason := first.get("finishReason"):
            yield FinishDelta(self._reason(str(reason)))

    def _part(self, part: Mapping[str, Any]) -> Iterator[Delta]:
        signature = part.get("thoughtSignature")
        signed = {"thoughtSignature": signature} if isinstance(signature, str) and signature else {}
        text, call = part.get("text"), part.get("functionCall")
        if isinstance(call, Mapping):
            arguments = {} if call.get("args") is None else call["args"]
            whole = not call.get("willContinue")
            yield CallDelta(self._calls, call.get("id"), call.get("name"), arguments, signed or None, whole)
            self._calls += 1
        elif part.get("thought"):
            if isinstance(text, str) and text:
                yield ReasoningDelta(text)
        elif isinstance(text, str):
            if text:
                yield TextDelta(text)
            if signed:
                yield ReplayItem({"type": "text", **signed})

    def _reason(self, reason: str) -> str:
        if reason == "STOP" and self._calls:
            return "tool_calls"
        return _REASONS.get(reason, reason.lower())


def _usage(usage: Mapping[str, Any]) -> Usage:
    """What was thought is counted apart from what was said, and is paid for as output."""
    count = {name: value if type(value) is int and value > 0 else 0 for name, value in usage.items()}
    return Usage(
        input=count.get("promptTokenCount", 0) + count.get("toolUsePromptTokenCount", 0),
        output=count.get("candidatesTokenCount", 0) + count.get("thoughtsTokenCount", 0),
        cached=count.get("cachedContentTokenCount", 0),
    )
