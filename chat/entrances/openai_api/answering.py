"""The answer to a message, as such a client is told it: everything that the agent said on its way to it.

A client that streams is told what comes before a tool call when it comes, so one that does not is told the same: the
texts of all steps from the message to the response without calls, in order. Then both have one answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agents import events as e
from agents.lifecycle import RUN
from chat.journal import replies
from chat.models import Message, Run, Step

BETWEEN = "\n\n"


@dataclass(frozen=True)
class Answer:
    """What a message came to. `status` is `finished`, `failed` or `stopped`; `incomplete` why it is no whole answer;
    `ending` the same for people."""

    run: str
    status: str
    text: str
    incomplete: str = ""
    ending: str = ""
    input: int = 0
    output: int = 0
    cached: int = 0


def find(conversation: UUID, message: str) -> Answer | None:
    """The answer to a message; None: there is none yet. In a database thread.

    A run may go on between two of these looks. So a run is read before its steps: one that is over has them all."""
    said = Message.objects.filter(conversation_id=conversation, message=message).values_list("seq", flat=True)
    place = said.first()
    if place is None:
        return None
    rows = Step.objects.filter(conversation_id=conversation, seq__gt=place).order_by("seq")
    unread = _unread(conversation, message)
    run = rows.values_list("run", flat=True).first()
    if run is None:
        return unread
    row = replies.find_run(conversation, run)
    bodies: list[Any] = []
    told: Any = rows.filter(run=run, status__in=("finished", "stopped")).values_list("body", flat=True)
    for body in told:
        bodies.append(body)
        if answers(body):
            return _answer(run, "finished", bodies)
    if row is None or row.status in e.ACTIVE_RUN:
        return None
    return _answer(run, row.status, bodies, replies.ending(row), row.code)


def answers(step: Mapping[str, Any]) -> bool:
    """Whether a step is the response that ends the answer: it says something and asks for nothing more."""
    return step["status"] == "finished" and not step["calls"] and bool(step["text"].strip())


def joined(texts: Iterable[str]) -> str:
    """The texts of an answer's steps as one."""
    return BETWEEN.join(text for text in texts if text.strip())


def _answer(run: str, status: str, bodies: list[Any], ending: str = "", code: str = "") -> Answer:
    used = [body["usage"] or {} for body in bodies]
    why = bodies[-1].get("incomplete") if bodies else None
    limit = "length" if code.startswith("limit_") else ""
    told = " ".join(one for one in (replies.incomplete(bodies[-1]) if bodies else "", ending) if one)
    return Answer(
        run,
        status,
        joined(body["text"] for body in bodies),
        why or limit,
        told,
        *(sum(one.get(name) or 0 for one in used) for name in ("input", "output", "cached")),
    )


def _unread(conversation: UUID, message: str) -> Answer | None:
    """Of a message, if no step reads it: its run ended before, or the run ahead of it was stopped."""
    runs = Run.objects.filter(conversation_id=conversation)
    own = runs.filter(cause=message).first()
    last = own or runs.order_by("-seq").first()
    if last is None or last.status not in RUN.final or (own is None and last.status != "stopped"):
        return None
    return _answer(last.run, last.status, [], replies.ending(last))
