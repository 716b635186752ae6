"""Conversations in which people, models and tools have been at it: events that can be read, and the rows that the
journal itself makes of them. For measuring pages that show them (`bench/million.py`).

A turn is a message, a run with two requests and one call of a tool between them. Now and then a worker was lost, a run
has failed because a request was refused, waits for somebody, or is at work; and a few conversations are long.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

#: Events of a turn as it is most often, and of what a conversation begins with.
OF_TURN, OF_BEGINNING = 10, 1
#: Turns of a long conversation, and of which so many conversations one is long.
LONG_TURNS, LONG_EVERY = 500, 10_000
#: Turns that one append writes.
TURNS = 25
#: How the last turn of a conversation ends, where it ends otherwise: of so many one (the first that fits).
ENDS = (
    ("at work", 1_000, 11),
    ("in doubt", 500, 9),
    ("approval", 200, 5),
    ("failed", 50, 3),
    ("lost", 40, 7),
)
SETTINGS = "lived"
#: Between two events of a run, in milliseconds.
STEP_MS = 400


def end_of(number: int) -> str:
    """How the last turn of the conversation of this number ends; "": well."""
    return next((end for end, every, place in ENDS if number % every == place), "")


def is_long(number: int) -> bool:
    """Whether the conversation of this number is a long one."""
    return number % LONG_EVERY == 1


class Lives:
    """Writes conversations. `speech.text()` says what somebody says."""

    def __init__(self, speech: Any, seed: int = 1, long_turns: int = LONG_TURNS) -> None:
        from agents import events as e
        from chat import models as m

        self.e, self.m, self.speech = e, m, speech
        self.chance = random.Random(seed)
        self.long_turns = long_turns

    def write(self, conversations: Sequence[tuple[int, Any]], turns: int) -> list[Any]:
        """Tell so many turns in each of these (number, row), which are there and empty, in one transaction. The
        requests that were refused in them, not saved."""
        from django.db import transaction

        faults = []
        with transaction.atomic():
            for number, row in conversations:
                faults += self._live(number, row, self.long_turns if is_long(number) else turns)
        return faults

    def _live(self, number: int, row: Any, turns: int) -> Iterator[Any]:
        from chat.journal.committed import commit
        from chat.journal.journal import Journal
        from chat.session.contract import Command, next_tag

        journal, state, seq, tag = Journal(), {}, 0, ""
        at = row.created_at
        for first in range(0, turns, TURNS):
            told: list[tuple[Any, Any]] = []
            if first == 0:
                begun = self.e.ConversationCreated(at=at, title=row.title, agent=row.agent)
                told.append((begun, None))
            for turn in range(first, min(first + TURNS, turns)):
                end = end_of(number) if turn == turns - 1 else ""
                events, fault = self._turn(row, at, end)
                told += [
                    (event, Command(str(uuid.uuid4()), "d" * 64, "{}") if place == 0 else None)
                    for place, event in enumerate(events)
                ]
                at += STEP_MS * (len(events) + 10)
                if fault is not None:
                    yield fault
            stored, last = [], tag
            for event, command in told:
                text = self.e.to_json(event)
                last = next_tag(last, text)
                stored.append((last, text, event, command))
            after, committed = commit(state, seq, stored)
            journal.archive_here(str(row.pk), (seq, tag), committed, after)
            state, seq, tag = after, seq + len(stored), last
        row.head_seq, row.head_tag = seq, tag

    def _turn(self, row: Any, at: int, end: str) -> tuple[list[Any], Any]:
        """The events of a turn, and what was refused in it."""
        e, told = self.e, list[Any]()

        def now() -> int:
            return at + len(told) * STEP_MS

        message, run = str(uuid.uuid4()), str(uuid.uuid4())
        worker = f"worker-{self.chance.randrange(20)}"
        told.append(e.MessageAdded(at=now(), message=message, text=self.speech.text()))
        told.append(e.RunQueued(at=now(), run=run, cause=message))
        told.append(e.RunStarted(at=now(), run=run, attempt=1, fence=1, worker=worker))
        step = f"{run}.1"
        told.append(self._asked(run, step, now()))
        call = e.ProposedCall(
            call=e.call_id(str(row.pk), step, 0),
            ordinal=0,
            name="calculator",
            arguments=f'{{"expression":"{self.chance.randrange(10**6)} * 7"}}',
            provider_id=f"call_{self.chance.getrandbits(96):024x}",
            effect="read_only",
        )
        usage = e.Usage(input=900, output=40, cached=600, cost=1_200_000)
        told.append(
            e.StepFinished(
                at=now(), run=run, step=step, text="", calls=(call,), usage=usage, first_at=now() - 300
            )
        )
        if end == "approval":
            digest = e.approval_digest(call.name, call.arguments)
            told.append(e.ApprovalAsked(at=now(), step=step, call=call.call, digest=digest))
            told.append(e.RunWaiting(at=now(), run=run, reason="approval"))
            return told, None
        begun = e.CallStarted(at=now(), step=step, call=call.call, attempt=1, fence=1, worker=worker)
        told.append(begun)
        if end == "at work":
            return told, None
        if end == "in doubt":
            told.append(e.CallInDoubt(at=now(), step=step, call=call.call, attempt=1))
            told.append(e.RunWaiting(at=now(), run=run, reason="in_doubt"))
            return told, None
        if end == "lost":
            told.append(e.RunRecovering(at=now(), run=run, reason="lease_lost"))
            told.append(e.RunStarted(at=now(), run=run, attempt=2, fence=2, worker="worker-20"))
            told.append(e.CallRetried(at=now(), step=step, call=call.call, by="recovery"))
            told.append(begun.model_copy(update={"at": now(), "attempt": 2, "fence": 2}))
        result = f"receipt {self.chance.randrange(10**9)}: {self.speech.text()}"
        told.append(
            e.CallSettled(
                at=now(), step=step, call=call.call, attempt=2 if end == "lost" else 1, status="succeeded",
                result=result, preview=result[:200], size=len(result),
            )
        )  # fmt: skip
        step = f"{run}.2"
        told.append(self._asked(run, step, now()))
        if end == "failed":
            said = f"No tool call found for function call output with call_id {call.provider_id}."
            told.append(e.StepDiscarded(at=now(), run=run, step=step, reason="refused"))
            told.append(e.RunFailed(at=now(), run=run, code="model_rejected", detail=said))
            return told, self._fault(row, run, step, said, now())
        answer = self.speech.text()
        told.append(
            e.StepFinished(at=now(), run=run, step=step, text=answer, usage=usage, first_at=now() - 300)
        )
        told.append(e.RunFinished(at=now(), run=run))
        return told, None

    def _asked(self, run: str, step: str, at: int) -> Any:
        facts = self.e.RequestFacts(settings=SETTINGS, window=100_000, since=1, digest="d" * 64)
        return self.e.StepStarted(at=at, run=run, step=step, model="model-1", request=facts)

    def _fault(self, row: Any, run: str, step: str, said: str, at: int) -> Any:
        return self.m.Fault(
            conversation=row,
            run=run,
            step=step,
            kind="E1",
            status=400,
            text=said,
            model="model-1",
            profile="openai-chat",
            address="https://api.example/v1",
            digest=f"{self.chance.getrandbits(256):064x}",
            request="{}",
            outcome="",
            created_at=at,
        )


def keep_settings(now: int) -> None:
    """What the requests say beside the history, once for all."""
    from agents.dialects.opening import chosen
    from agents.recording import RequestSettings
    from agents.spec import AgentSpec
    from chat import models as m

    tool = {
        "type": "function",
        "function": {"name": "calculator", "description": "Calculates.", "parameters": {"type": "object"}},
    }
    profile = chosen(AgentSpec("lived", "Lived", model="model-1", profile="openai-chat"))
    settings = RequestSettings("https://api.example/v1", profile, "model-1", "You help.", (tool,), "")
    m.RequestSettings.objects.get_or_create(
        digest=SETTINGS, defaults={"text": settings.to_json(), "created_at": now}
    )
