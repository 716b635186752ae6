"""Transcripts that are broken where others keep them as flat lists, told as the events of a journal.

`BROKEN`: eleven shapes that repair libraries were measured with. `EVENTS`: what creates such shapes.
"""

from __future__ import annotations

from typing import Any

from agents import events as e


def say(id: str, text: str = "") -> e.Event:
    return e.MessageAdded(at=1, message=id, text=text or f"words of {id}")


def step(id: str, *calls: e.ProposedCall, text: str = "", **more: Any) -> list[e.Event]:
    run = id.split(".")[0]
    return [
        e.StepStarted(at=1, run=run, step=id),
        e.StepFinished(at=1, run=run, step=id, text=text, calls=calls, **more),
    ]


def call(id: str, ordinal: int = 0, provider_id: str = "call_1", **more: Any) -> e.ProposedCall:
    return e.ProposedCall(
        call=id,
        ordinal=ordinal,
        name="clock",
        arguments=more.pop("arguments", "{}"),
        provider_id=provider_id,
        **more,
    )


def begun(step: str, id: str) -> e.Event:
    return e.CallStarted(at=1, step=step, call=id, attempt=1, fence=1, worker="w")


def done(step: str, id: str, result: str = "12:00") -> e.Event:
    return e.CallSettled(
        at=1, step=step, call=id, attempt=1, status="succeeded", result=result, preview="", size=len(result)
    )


A, B, C = "aaaaaaaaa", "bbbbbbbbb", "ccccccccc"

#: Section 2.1 of the reference: what had broken transcripts, as it stands in a journal.
BROKEN: dict[str, list[e.Event]] = {
    "1 one of two results missing": [say("m1"), *step("r.1", call(A), call(B, 1)), done("r.1", A), say("m2")],
    "2 user between call and result": [say("m1"), *step("r.1", call(A)), say("m2"), done("r.1", A)],
    "3 user between, and one missing": [
        say("m1"), *step("r.1", call(A), call(B, 1)), say("m2"), done("r.1", A), say("m3"),
    ],
    "4 orphan result": [say("m1"), done("r.1", A), say("m2")],
    "5 duplicate result": [say("m1"), *step("r.1", call(A)), done("r.1", A), done("r.1", A, "13:00"), say("m2")],
    "6 two calls with one id": [say("m1"), *step("r.1", call(A), call(A, 1)), done("r.1", A), say("m2")],
    "7 empty id": [say("m1"), *step("r.1", call("", provider_id="")), done("r.1", ""), say("m2")],
    "8 id reused next turn, second unanswered": [
        say("m1"), *step("r.1", call(A)), done("r.1", A), say("m2"), *step("s.1", call(A)), say("m3"),
    ],
    "8b id reused next turn, both complete": [
        say("m1"), *step("r.1", call(A)), done("r.1", A), say("m2"), *step("s.1", call(A)), done("s.1", A),
    ],
    "9 result before its call": [say("m1"), done("r.1", A), *step("r.1", call(A)), say("m2")],
    "10 late result after the next assistant": [
        say("m1"), *step("r.1", call(A)), *step("r.2", text="Sorry."), done("r.1", A), say("m2"),
    ],
}  # fmt: skip
#: Section 2.3: the events that created them.
EVENTS: dict[str, list[e.Event]] = {
    "killed during a tool": [say("m1"), *step("r.1", call(A)), begun("r.1", A), say("m2")],
    "in doubt": [
        say("m1"), *step("r.1", call(A)), begun("r.1", A),
        e.CallInDoubt(at=1, step="r.1", call=A, attempt=1), say("m2"),
    ],
    "killed during a stream": [say("m1"), e.StepStarted(at=1, run="r", step="r.1"), say("m2")],
    "stopped by the user": [say("m1"), e.StepStarted(at=1, run="r", step="r.1"),
        e.StepStopped(at=1, run="r", step="r.1", text="Once"), say("m2")],
    "message while tools run": [say("m1"), *step("r.1", call(A)), begun("r.1", A), say("m2"), done("r.1", A)],
    "cut in arguments": [
        say("m1"), *step("r.1", call(A, arguments='{"x": "half', problem="truncated_arguments")), say("m2"),
    ],
    "a step appended twice": [say("m1"), *step("r.1", call(A)), *step("r.1", call(A)), done("r.1", A), say("m2")],
    "a note in the middle of a block": [
        say("m1"), *step("r.1", call(A), call(B, 1)), done("r.1", A),
        e.NoteAdded(at=1, message="n", text="disk full"), done("r.1", B),
    ],
    "an approval that stored a part twice": [
        say("m1"), *step("r.1", call(A)), begun("r.1", A), begun("r.1", A), done("r.1", A), done("r.1", A), say("m2"),
    ],
    "notes only": [e.NoteAdded(at=1, message="n", text="disk full")],
    "nothing at all": [],
    "opens with an answer": [*step("r.1", text="Welcome!"), say("m1")],
    "ends on an answer": [say("m1"), *step("r.1", text="Bye.")],
}  # fmt: skip
