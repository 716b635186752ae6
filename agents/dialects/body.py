"""The body of an answer as frames, whatever form it came in: a stream of events, one JSON text, JSON in lines.

What it is is told by its first character, not by its content type: servers that were asked for a stream answer with
one whole JSON text, and proxies mislabel both. No I/O; `agents.dialects.http` feeds it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

from agents.dialects.errors import broken_off, classify
from agents.dialects.inside import error_inside
from agents.dialects.sse import MAX_EVENT_BYTES, EventTooLarge, SseEvent, SseParser
from agents.errors import ModelError

Frame = Mapping[str, Any]
#: Stands in the row of frames where the server marked the end: `[DONE]`, or a JSON text that is complete.
DONE: Frame = MappingProxyType({})

_DONE = frozenset({"[DONE]", '"[DONE]"', "[done]", "DONE"})
_BOM = b"\xef\xbb\xbf"


class Body:
    """One answer. Feed it the bytes as they come, then take `end()`; `done` says that nothing after counts.

    What it gives must be read to the end. Raises ModelError, after the frames before it, for an error inside HTTP 200
    and for what is no answer. `model` words it.
    """

    def __init__(self, model: str = "") -> None:
        self.done = False
        self._model = model
        self._form: Literal["", "events", "json"] = ""
        self._parser = SseParser()
        self._pieces: list[bytes] = []
        self._size = 0
        #: What stood where JSON was expected: a sign of life, or all that a server has to say.
        self._words = ""
        self._came = False

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """The frames that are complete with this piece."""
        if self._form != "events":
            self._pieces.append(piece)
            self._size += len(piece)
            if self._size > MAX_EVENT_BYTES:
                raise broken_off("it is larger than any answer")
            if self._form == "json" or not self._begins_events():
                return
            piece = b"".join(self._pieces)
            self._pieces.clear()
        try:
            events = self._parser.feed(piece)
        except EventTooLarge:
            raise broken_off("it is larger than any answer") from None
        if events:
            yield from self._frames(events)

    def end(self) -> Iterator[Frame]:
        """The frames that are complete with the end of the body."""
        if self._form == "json":
            yield from self._json(b"".join(self._pieces).decode("utf-8", "replace").lstrip("\ufeff"))
        elif self._form == "events":
            yield from self._frames(self._parser.end(), last=True)
        if self._words and not self._came:
            raise classify(0, self._words, model=self._model)

    def _begins_events(self) -> bool:
        start = b"".join(self._pieces).lstrip(_BOM + b" \t\r\n")[:1]
        if start == b"<":
            detail = "The server answered with a web page, not as a model does. Check the base address."
            raise ModelError("model_error", detail, retry=True)
        if start in (b"{", b"["):
            self._form = "json"
        elif start:
            self._form = "events"
        return self._form == "events"

    def _frames(self, events: Iterable[SseEvent], last: bool = False) -> Iterator[Frame]:
        for name, data in events:
            if self.done:
                return
            try:
                value = json.loads(data)
            except (ValueError, RecursionError):
                for value in self._unusual(data, last):
                    yield from self._taken(value, name)
            else:
                yield from self._taken(value, name)

    def _unusual(self, data: str, last: bool) -> Iterator[Any]:
        """What data that is no JSON text holds, line by line: JSON texts, the mark of the end, or signs of life."""
        for line in data.split("\n"):  # Not `splitlines`: a string of JSON may hold U+2028 as it is.
            line = line.strip()
            if line in _DONE:
                yield "[DONE]"
                continue
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                if line[:1] not in ("{", "["):
                    self._words = line or self._words
                elif not last:  # The last one may have been cut; then the end is missing, too.
                    raise broken_off("what came is not JSON") from None

    def _json(self, text: str) -> Iterator[Frame]:
        try:
            values = [json.loads(text), "[DONE]"]
        except (ValueError, RecursionError):
            values = list(self._lines(text))
            if not values:
                raise broken_off("what came is not JSON") from None
        for value in values:
            yield from self._taken(value, "")

    def _lines(self, text: str) -> Iterator[Any]:
        for line in text.split("\n"):
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                continue

    def _taken(self, value: Any, name: str) -> Iterator[Frame]:
        if isinstance(value, dict):
            if name and name != "message" and "type" not in value:
                value["type"] = name
            if (error := error_inside(value, begun=self._came, model=self._model)) is not None:
                raise error
            self._came = True
            yield value
        elif isinstance(value, list):
            for one in value:
                yield from self._taken(one, name)
        elif value == "[DONE]" and not self.done:
            self.done = True
            yield DONE
