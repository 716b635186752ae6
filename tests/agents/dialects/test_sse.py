"""The parser of server-sent events: the standard's own examples, any split, and a parser that others wrote."""

from contextlib import suppress
from random import Random

import httpx
import pytest
from httpx_sse import EventSource

from agents.dialects.sse import MAX_EVENT_BYTES, EventTooLarge, SseEvent, SseParser

#: Keep-alives that are no event, and after which `httpx-sse` gives one without data.
SILENT = (
    b"data\n\n",
    b"data:\n\n",
    b": hello\n\n",
    b"event: ping\n\n",
    b"retry: 30\n\n",
    b"id: 7\n\n",
    b"field\n\n",
    b"\n",
)


def parsed(body: bytes, pieces: int = 1, random: Random | None = None) -> list[tuple[str, str]]:
    random = random or Random(0)
    places = sorted(random.randrange(len(body) + 1) for _ in range(pieces - 1))
    parser = SseParser()
    found: list[SseEvent] = []
    for start, end in zip([0, *places], [*places, len(body)], strict=True):
        found += parser.feed(body[start:end])
    return [tuple(event) for event in found + parser.end()]


@pytest.mark.parametrize(
    ("body", "events"),
    [
        ("data: YHOO\ndata: +2\ndata: 10\n\n", [("", "YHOO\n+2\n10")]),
        (": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
         [("", "first event"), ("", "second event"), ("", " third event")]),
        ("data:test\n\ndata: test\n\n", [("", "test"), ("", "test")]),
        ("event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\ndata: x\n\n",
         [("add", "73857293"), ("remove", "2153"), ("", "x")]),
        ("event: lost\n\ndata: x\n\n", [("", "x")]),
        ("data: a\x0bb\x0cc\x1cd\u0085e\u2028f\n\n", [("", "a\x0bb\x0cc\x1cd\u0085e\u2028f")]),
        ("data: last", [("", "last")]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_examples_of_the_standard(body: str, events: list[tuple[str, str]], end: str) -> None:
    whole = body.replace("\n", end).encode()
    for random in map(Random, range(20)):
        assert parsed(whole, random.choice((1, 2, 5, len(whole))), random) == events
        assert parsed(b"\xef\xbb\xbf" + whole, 4, random) == events


@pytest.mark.parametrize("silent", SILENT)
def test_a_sign_of_life_is_no_event(silent: bytes) -> None:
    assert parsed(silent * 3 + b"data: x\n\n" + silent) == [("", "x")]


def test_an_event_is_given_with_the_byte_that_ends_it() -> None:
    parser = SseParser()
    assert parser.feed(b"data: x\r\r") == [("", "x")]
    assert parser.feed(b"\ndata: y\n\n") == [("", "y")]


def test_bytes_that_are_no_UTF_8_spoil_their_own_line_only() -> None:
    assert parsed(b"data: a\xff\xfeb\n\ndata: c\n\n") == [("", "a\ufffd\ufffdb"), ("", "c")]


def test_an_event_without_end_is_noticed_and_costs_no_more_than_its_bytes() -> None:
    for piece in (b"x" * 65_536, b"data: " + b"x" * 65_536 + b"\n"):
        parser, fed = SseParser(), 0
        with suppress(EventTooLarge):
            while True:
                parser.feed(piece)
                fed += len(piece)
        assert MAX_EVENT_BYTES - len(piece) <= fed <= MAX_EVENT_BYTES


def test_httpx_sse_reads_the_same() -> None:
    random = Random(13)
    for _ in range(500):
        lines = []
        for _ in range(random.randrange(1, 8)):
            if random.random() < 0.3:
                lines.append(random.choice((": c", "event: e", "event:", "other: 1", "data", "data:")))
            lines += [
                f"data:{random.choice(' ')}{random.choice(('x', '你好', '{}', ' y '))}"
            ] * random.randrange(1, 3)
            lines.append("")
        body = ("\n".join(lines) + "\n").replace("\n", random.choice(("\n", "\r\n"))).encode()
        response = httpx.Response(
            200, headers={"content-type": "text/event-stream; charset=utf-8"}, content=body
        )
        theirs = [
            (event.event, event.data) for event in EventSource(response).iter_sse() if event.data.strip()
        ]
        # An event without a name is one of the kind `message`, as the standard calls it.
        ours = [(name or "message", data) for name, data in parsed(body, 4, random)]
        assert ours == theirs
