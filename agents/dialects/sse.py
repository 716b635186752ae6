"""Server-sent events as the standard has them, from bytes to events: no I/O, nothing of providers.

Written against https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6. It differs in one thing:
what stands at the end of the body without its blank line is given, too (`end`), because servers leave that line out
after their last event; whoever reads it must find out whether it is whole. Why this and no package:
docs/decisions/0021-an-sse-parser-of-our-own.md.
"""

from typing import NamedTuple

#: Bytes of one event. Responses repeats the request's instructions and tools in its last one.
MAX_EVENT_BYTES = 32 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"


class SseEvent(NamedTuple):
    """One event that has data. `name` is empty where the server gave none."""

    name: str
    data: str


class EventTooLarge(ValueError):
    """One event is larger than MAX_EVENT_BYTES."""


class SseParser:
    """One body. Feed it the bytes as they come, in any pieces, then take `end()`.

    Comments, empty data, names without data, `retry` and `id` are what servers keep a connection open with: they give
    no event. Bytes that are no UTF-8 are replaced, in the line that they stand in.
    """

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._size = 0
        self._data_size = 0
        self._first = True
        self._after_cr = False
        self._name = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[SseEvent]:
        """The events that are complete with this piece. Raises EventTooLarge."""
        if self._after_cr and piece:
            # CR LF in two pieces is one end of a line.
            self._after_cr = False
            if piece.startswith(b"\n"):
                piece = piece[1:]
        if not piece:
            return []
        if self._rest or self._first:
            self._rest.append(piece)
            self._size += len(piece)
            if self._size > MAX_EVENT_BYTES:
                raise EventTooLarge
            if b"\n" not in piece and b"\r" not in piece:
                return []
            piece = b"".join(self._rest)
            if self._first:
                self._first = False
                piece = piece.removeprefix(_BOM)
            self._rest.clear()
            self._size = 0
        lines = piece.splitlines()
        last = piece[-1:]
        self._after_cr = last == b"\r"
        if last not in (b"\n", b"\r") and lines:
            self._rest.append(lines.pop())
            self._size = len(self._rest[0])
        events = self._read(lines)
        if self._size + self._data_size > MAX_EVENT_BYTES:
            raise EventTooLarge
        return events

    def end(self) -> list[SseEvent]:
        """What stood at the end without its blank line, for whoever can tell whether it is whole."""
        lines = [b"".join(self._rest).removeprefix(_BOM if self._first else b"")] if self._rest else []
        self._rest.clear()
        return self._read([*lines, b""])

    def _read(self, lines: list[bytes]) -> list[SseEvent]:
        events: list[SseEvent] = []
        for line in lines:
            if line.startswith(b"data:"):
                start = 6 if line.startswith(b" ", 5) else 5
                self._data.append(line[start:].decode("utf-8", "replace"))
                self._data_size += len(line)
            elif not line:
                if self._data:
                    data = self._data[0] if len(self._data) == 1 else "\n".join(self._data)
                    if data and not data.isspace():
                        events.append(SseEvent(self._name, data))
                    self._data.clear()
                    self._data_size = 0
                self._name = ""
            elif line.startswith(b"event:"):
                self._name = line[6:].decode("utf-8", "replace").removeprefix(" ")
            elif line == b"data":
                self._data.append("")
        return events
