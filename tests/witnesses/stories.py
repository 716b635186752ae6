"""What happens in conversations, told as events: ordinary histories, each with a name, and generated ones.

Most put a user's message where a plain client never has one: after a stop, a limit, a failure, a note, a death.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from agents import events as e
from agents.attachments import FileContent
from agents.dialects.requests import render, render_text_only
from agents.history import History, empty, fold
from agents.profiles import all_profiles
from agents.providers.base import Profile
from agents.transcript.room import ModelSettings
from tests.support.broken import BROKEN, EVENTS, A, B, C, begun, call, done, say, step
from tests.support.wild import Teller

Json = dict[str, Any]
_PIXEL = FileContent("image/png", b"\x89PNG\r\n\x1a\n")
_PICTURE = e.AttachmentRef(id="f1", name="cat.png", media_type="image/png", size=8)
_NOTE = e.NoteAdded(at=1, message="n", text="Disk full.", origin=e.Origin(entrance="trigger", name="df"))
_LOOP = (say("m1"), *step("r.1", call(A)), done("r.1", A))
_TWO = (say("m1"), *step("r.1", call(A), call(B, 1)), done("r.1", A), done("r.1", B))


def _stopped(step: str, call: str) -> e.Event:
    return e.CallSettled(
        at=1, step=step, call=call, attempt=1, status="cancelled", result="Stopped.", preview="", size=8
    )


#: Name: what the journal holds.
STORIES: dict[str, list[e.Event]] = {
    "a question": [say("m1")],
    "two turns": [say("m1"), *step("r.1", text="Hello."), say("m2")],
    "three turns": [say("m1"), *step("r.1", text="Hello."), say("m2"), *step("s.1", text="Yes."), say("m3")],
    "a tool": [*_LOOP],
    "a tool and its answer": [*_LOOP, *step("r.2", text="Noon."), say("m2")],
    "words beside a call": [say("m1"), *step("r.1", call(A), text="Let me see."), done("r.1", A)],
    "two tools at once": [*_TWO],
    "two tools at once and their answer": [*_TWO, *step("r.2", text="Noon."), say("m2")],
    "two tools one after the other": [*_LOOP, *step("r.2", call(B)), done("r.2", B)],
    "a tool in each of two turns": [
        *_LOOP, *step("r.2", text="Noon."), say("m2"), *step("s.1", call(B)), done("s.1", B),
        *step("s.2", text="One."), say("m3"),
    ],
    "a stop during a call, then a message": [
        say("m1"), *step("r.1", call(A)), begun("r.1", A), _stopped("r.1", A), say("m2"),
    ],
    "a stop during the second of two calls": [
        say("m1"), *step("r.1", call(A), call(B, 1)), done("r.1", A), _stopped("r.1", B), say("m2"),
    ],
    "two stops": [
        say("m1"), *step("r.1", call(A)), _stopped("r.1", A), say("m2"), *step("s.1", call(B)), _stopped("s.1", B),
        say("m3"),
    ],
    "a note after a result": [*_LOOP, _NOTE],
    "a note and a message after a result": [*_LOOP, _NOTE, say("m2")],
    "a limit after a result, then a message": [*_LOOP, *step("r.2", call(B)), done("r.2", B), say("m2")],
    "a failed run, then a message": [say("m1"), say("m2")],
    "a run that failed after a result, then a message": [*_LOOP, say("m2"), *step("s.1", text="Yes."), say("m3")],
    "an answer after a result and a message": [
        *_LOOP, say("m2"), *step("s.1", call(B)), done("s.1", B), *step("s.2", text="Done."), say("m3"),
    ],
    "words, a stop and a call": [
        say("m1"), e.StepStarted(at=1, run="r", step="r.1"), e.StepStopped(at=1, run="r", step="r.1", text="Once"),
        say("m2"), *step("s.1", call(A)), done("s.1", A),
    ],
    "two answers in a row": [
        say("m1"), *step("r.1", text="One."), *step("r.2", text="Two."), *step("r.3", call(C)), done("r.3", C),
        say("m2"),
    ],
    "a welcome, a call and a message": [
        *step("w.1", text="Welcome!"), say("m1"), *step("r.1", call(A)), done("r.1", A), say("m2"),
    ],
    "opens with a call": [*step("w.1", call(A)), done("w.1", A), say("m1")],
    "a result that says nothing": [say("m1"), *step("r.1", call(A)), done("r.1", A, "")],
    "a summary, then calls": [
        say("m1"), *step("r.1", text="Long."), say("m2"), *step("s.1", text="Longer."),
        e.HistoryCompacted(at=1, run="s", upto=6, summary="They talked.", items=3),
        *step("s.2", call(A)), done("s.2", A), say("m3"),
    ],
    "a picture": [e.MessageAdded(at=1, message="m1", text="What is this?", attachments=(_PICTURE,))],
    "a picture after a result": [
        *_LOOP, e.MessageAdded(at=1, message="m2", text="And this?", attachments=(_PICTURE,)),
    ],
    **BROKEN,
    **EVENTS,
}  # fmt: skip


def told(events: list[e.Event]) -> History:
    """The history that these events make."""
    history = empty("c")
    for seq, event in enumerate(events, start=1):
        history = fold(history, event, seq)
    return history


def tools() -> list[Json]:
    """Two declared tools, with parameters as tools have them."""
    city = {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Where."}},
        "required": [],
    }
    return [
        {"type": "function", "function": {"name": name, "description": f"The {name}.", "parameters": city}}
        for name in ("clock", "look_up")
    ]


def histories(generated: int, window: int = 0) -> Iterator[tuple[str, History, ModelSettings]]:
    """Every story, and so many generated histories, each with what its requests say beside it. `window`: tokens that
    the generated ones may take; else some are cut and some are not."""
    ask = ModelSettings("gpt-4o", "You help.", tools(), 2_000_000, {"f1": _PIXEL})
    for name, events in STORIES.items():
        yield name, told(events), ask
    for seed in range(generated):
        history = Teller(Random(seed)).tell(3)
        yield f"seed {seed}", history, replace(ask, window=window or (4_000 if seed % 3 else 2_000_000))


def bodies(
    generated: int, profiles: list[Profile] | None = None, window: int = 0
) -> Iterator[tuple[str, Profile, bool, Json]]:
    """What Holdfast would send: name of the history, profile, whether text only, body. Every history has every profile
    and both forms."""
    for name, history, ask in histories(generated, window):
        for profile in profiles or all_profiles().values():
            yield name, profile, False, render(history, profile, ask)
            yield name, profile, True, render_text_only(history, profile, ask)
