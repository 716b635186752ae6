"""Generated responses in every dialect, split, disturbed and cut anywhere, until one is misread or long enough (R14).

    python -m tests.agents.dialects.streams.run [--streams 100000] [--seed 1]

So many streams for each dialect. Each has a seed of its own, which is printed when it is misread. What must hold:

- never a call twice, and never one with arguments that were not complete: what would run is some of what was asked for;
- never half an answer unmarked: what is taken for whole is all that was said;
- what was said in full is understood in full, with or without keep-alives, in any pieces;
- what streams to people is what is kept.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable
from random import Random, SystemRandom
from typing import Any, NamedTuple

from agents.dialects.assembler import Assembler, Response
from agents.dialects.body import Body
from agents.errors import ModelError
from agents.judging import judge
from tests.agents.dialects.streams import anthropic, chat, gemini, responses
from tests.agents.dialects.streams.truth import Truth, tell
from tests.agents.dialects.streams.wire import Frame, Wire, disturbed

#: One stream in so many is read by the official SDK, too; its models are slow.
WITNESSED = 50


class Told(NamedTuple):
    """A dialect: how it is written, who reads it, and what the official SDK makes of it, if one can be asked."""

    encode: Callable[[Random, Truth], bytes]
    reader: Callable[[], Any]
    plain: Callable[[Random, Truth], list[Frame]] | None = None
    accumulated: Callable[[list[Frame]], tuple[str, list[tuple[str, Any]]]] | None = None


DIALECTS: dict[str, Told] = {
    "chat": Told(chat.encode, chat.Reader, chat.plain, chat.accumulated),
    "responses": Told(responses.encode, responses.Reader, responses.plain, responses.accumulated),
    "anthropic": Told(anthropic.encode, anthropic.Reader),
    "gemini": Told(gemini.encode, gemini.Reader),
}


def read(told: Told, wire: Wire) -> tuple[Response, str, bool]:
    """What is understood of the bytes, the text that streamed, and whether the reading failed."""
    body, reader, assembler, streamed = Body(), told.reader(), Assembler(), ""
    try:
        for piece in wire.pieces:
            for frame in body.feed(piece):
                for delta in reader.read(frame):
                    streamed += assembler.feed(delta)
            if body.done:
                break
        if not body.done:
            if wire.end == "lost":
                # The loop takes what came for whole only if its end had been said.
                return assembler.response(), streamed, not assembler.ended
            for frame in body.end():
                for delta in reader.read(frame):
                    streamed += assembler.feed(delta)
        for delta in reader.close():
            streamed += assembler.feed(delta)
    except ModelError:
        return assembler.response(), streamed, not assembler.ended
    return assembler.response(), streamed, False


def check(told: Told, truth: Truth, wire: Wire) -> str:
    """Hold one stream to the rules; returns what became of it. AssertionError says what is wrong."""
    response, streamed, failed = read(told, wire)
    assert streamed == response.text, "what streamed is not what is kept"
    assert truth.text.startswith(response.text), f"text that was not said: {response.text!r}"
    if failed:
        assert wire.cut, "a whole stream failed"
        return "failed"
    marked = "interrupted"
    for patient in (True, False):
        try:
            marked = judge(response, patient=patient) or "whole"
        except ModelError:
            marked = "asked again"
    runs = [
        (call.name, json.loads(call.arguments)) for call in response.calls if call.state in ("ok", "empty")
    ]
    said = [(call.name, call.arguments) for call in truth.calls]
    left = list(said)
    for run in runs:
        assert run in left, f"a call that was not asked for, or not so: {run}"
        left.remove(run)
    if marked == "whole":
        assert response.text == truth.text, "half an answer is taken for whole"
        assert runs == said, "calls are missing, or in another order"
        assert truth.ending == "whole", "an answer that was cut is taken for whole"
    if not wire.cut:
        expected = {"whole": "whole", "length": "length", "filter": "content_filter"}[truth.ending]
        assert marked == expected, f"said in full, and taken for {marked}"
        assert response.text == truth.text and runs == said
    return marked if wire.cut else "in full"


def round_of(seed: int, dialect: str) -> str:
    """One generated stream; what became of it. AssertionError names the seed."""
    random, told = Random(seed), DIALECTS[dialect]
    truth = tell(random)
    became = ""
    try:
        became = check(told, truth, disturbed(random, told.encode(random, truth)))
        if told.plain is not None and told.accumulated is not None and seed % WITNESSED == 0:
            witness(random, told, truth)
    except AssertionError as error:
        raise AssertionError(f"{dialect}, seed {seed}: {error}") from None
    return became


def witness(random: Random, told: Told, truth: Truth) -> None:
    """The official SDK and we understand the same of what its own server sends."""
    assert told.plain is not None and told.accumulated is not None
    frames = told.plain(random, truth)
    text, calls = told.accumulated(frames)
    lines = [
        f"data: {json.dumps(one.data) if isinstance(one.data, dict) else one.data}\n\n" for one in frames
    ]
    response, _, _ = read(told, Wire(("".join(lines).encode(),), "clean", False))
    assert (response.text, [(one.name, json.loads(one.arguments)) for one in response.calls]) == (text, calls)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--streams", type=int, default=100_000, help="for each dialect")
    options.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9))
    chosen = options.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    for dialect in DIALECTS:
        begun = time.monotonic()
        became = Counter(round_of(chosen.seed + n, dialect) for n in range(chosen.streams))
        listed = ", ".join(f"{count:,} {word}" for word, count in became.most_common())
        print(
            f"{dialect}: {chosen.streams:,} streams in {time.monotonic() - begun:.0f} s, none misread: {listed}"
        )


if __name__ == "__main__":
    main()
