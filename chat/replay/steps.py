"""The steps of a recorded run, as a replay needs them: how each was asked, what was said after it, its calls."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from agents import events as e
from agents.recording import RequestSettings, settings_from
from agents.replaying import RecordedCall
from chat.journal.requestlog import settings_of
from chat.models import Call, Event
from chat.replay.sent import NotKept

#: Events of one run that are read.
MAX_EVENTS = 5_000
TYPES = ("step.started", "step.finished", "message.added", "message.edited", "note.added")


@dataclass
class Told:
    """One step of the run. `said`: what people said between this step and the next, with seq. `answered`: the digest of
    the request that was answered, if it is not that of `facts`."""

    seq: int
    step: str
    facts: e.RequestFacts
    settings: RequestSettings
    answered: str = ""
    said: list[tuple[int, e.Event]] = field(default_factory=list)
    calls: list[RecordedCall] = field(default_factory=list)


def told_steps(conversation: UUID, run: str, seq: int, *, whole: bool) -> list[Told]:
    """The step that was started at `seq`; if `whole`, also those of its run that followed. Asks SQL. Raises NotKept."""
    rows = Event.objects.filter(conversation_id=conversation, seq__gte=seq, type__in=TYPES).order_by("seq")
    told: list[Told] = []
    for number, text in rows.values_list("seq", "text")[: MAX_EVENTS if whole else 1]:
        event = e.from_json(text)
        if isinstance(event, e.StepStarted):
            if event.run != run:
                break
            if told and told[-1].step == event.step:
                told.pop()  # it was begun again: this is the one that was answered
            told.append(_told(number, event, told[-1] if told else None))
        elif isinstance(event, e.StepFinished) and told and told[-1].step == event.step:
            told[-1].answered = event.sent
        elif told and not isinstance(event, e.StepFinished):
            told[-1].said.append((number, event))
    if not told:
        raise NotKept("No request was made at this event.")
    if whole:
        _with_calls(conversation, told)
    return told


def _told(seq: int, event: e.StepStarted, before: Told | None) -> Told:
    facts = event.request
    kept = settings_of(facts.settings) if facts is not None else None
    if facts is not None and kept is not None:
        return Told(seq, event.step, facts, settings_from(kept))
    if before is None:
        raise NotKept("How this request was made is not kept.")
    return Told(seq, event.step, before.facts, before.settings)


def _with_calls(conversation: UUID, told: list[Told]) -> None:
    by_step: dict[str, Told] = {one.step: one for one in told}
    rows: Any = Call.objects.filter(conversation_id=conversation, step__in=list(by_step))
    rows = rows.filter(status__in=("succeeded", "failed", "cancelled")).order_by("ordinal")
    for call in rows:
        recorded = RecordedCall(call.name, call.arguments, call.status, call.result, call.effect)
        by_step[call.step].calls.append(recorded)
