"""Conversations of a given length, written the way that the product writes them.

A turn is four messages, as in the measurements of other products: a question (110 characters), a tool call, its
result (300), and an answer (600). In Holdfast a call and its result are part of a step, so a turn is three items.
"""

import time
from uuid import uuid4

from agents import events as e
from chat.runtime import current
from chat.session.sessions import Sessions

QUESTION = (
    "What does the report of the third quarter say about the northern region, "
    "and how does it compare to last year?"
)
RESULT = ("row 1: region=north quarter=3 revenue=1042 change=+4.1%; " * 6)[:300]
ANSWER = (
    "The northern region **grew by 4.1 %** against the third quarter of last year; the details are below. "
    * 6
)[:600]


async def write_history(owner: int, messages: int) -> str:
    """A new conversation of `owner` with this many messages (four a turn); its id."""
    sessions = current().sessions
    conversation = str(uuid4())
    await sessions.create(conversation, owner, "assistant", f"{messages} messages", "web")
    turns = max(1, messages // 4)
    per_append = 8
    for start in range(0, turns, per_append):
        batch: list[e.Event] = []
        for turn in range(start, min(turns, start + per_append)):
            batch += _turn(conversation, turn)
        await _append(sessions, conversation, batch)
    return conversation


async def _append(sessions: Sessions, conversation: str, batch: list[e.Event]) -> None:
    await sessions.append(conversation, lambda view: batch)


def _turn(conversation: str, turn: int) -> list[e.Event]:
    now = time.time_ns() // 1_000_000
    message, run = str(uuid4()), str(uuid4())
    first, second = f"{run}.1", f"{run}.2"
    call = e.call_id(conversation, first, 0)
    proposed = e.ProposedCall(
        call=call, ordinal=0, name="lookup", arguments='{"region":"north","quarter":3}', effect="read_only"
    )
    settled = e.CallSettled(
        at=now,
        step=first,
        call=call,
        attempt=1,
        status="succeeded",
        result=RESULT,
        preview=RESULT,
        size=len(RESULT),
    )
    return [
        e.MessageAdded(at=now, message=message, text=f"{turn}: {QUESTION}"),
        e.RunQueued(at=now, run=run, cause=message),
        e.RunStarted(at=now, run=run, attempt=1, fence=0, worker="bench"),
        e.StepStarted(at=now, run=run, step=first, model="bench"),
        e.StepFinished(at=now, run=run, step=first, text="", calls=(proposed,)),
        e.CallStarted(at=now, step=first, call=call, attempt=1, fence=0, worker="bench"),
        settled,
        e.StepStarted(at=now, run=run, step=second, model="bench"),
        e.StepFinished(at=now, run=run, step=second, text=f"{turn}: {ANSWER}"),
        e.RunFinished(at=now, run=run),
    ]
