"""What the steps of a run said, as the journal tells it: what a replay and another run are held against."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from agents import events as e
from chat.models import Call, Event, Run

#: Events that are read for one page, and characters of one result that are compared and shown.
MAX_EVENTS = 5_000
TYPES = ("step.started", "step.finished", "step.stopped", "step.discarded")


@dataclass(frozen=True)
class Asked:
    """A call of a step: what was given and what came of it."""

    name: str
    arguments: str
    status: str = ""
    result: str = ""


@dataclass(frozen=True)
class Said:
    """One step. `seq` is that of the step.started that was answered; times are in milliseconds, costs in billionths of
    a US dollar; `digest` is that of the request that was answered."""

    step: str
    seq: int
    model: str = ""
    digest: str = ""
    text: str = ""
    reasoning: str = ""
    calls: tuple[Asked, ...] = ()
    usage: e.Usage = field(default_factory=e.Usage)
    finish: str = ""
    ms: int | None = None
    first_ms: int | None = None
    attempt: int = 1
    status: str = "streaming"


def said_in(conversation: UUID, run: str, steps: Sequence[str] = ()) -> list[Said]:
    """The steps of a run in their order; `steps`: only these. Asks SQL."""
    rows = Event.objects.filter(conversation_id=conversation, type__in=TYPES)
    if (first := _first_seq(conversation, run)) is not None:
        rows = rows.filter(seq__gte=first)
    found: dict[str, Said] = {}
    for seq, text in rows.order_by("seq").values_list("seq", "text")[:MAX_EVENTS]:
        event: Any = e.from_json(text)
        if getattr(event, "run", None) == run:
            _after(found, event, seq)
    kept = [one for one in found.values() if not steps or one.step in steps]
    results = _calls(conversation, [one.step for one in kept])
    return [_with_results(one, results.get(one.step, {})) for one in kept]


def _first_seq(conversation: UUID, run: str) -> int | None:

    rows = Run.objects.filter(conversation_id=conversation, run=run)
    return rows.values_list("seq", flat=True).first()


def _after(found: dict[str, Said], event: Any, seq: int) -> None:
    """Take one event in. A step that is begun again is told from its last beginning on."""
    match event:
        case e.StepStarted():
            found.pop(event.step, None)
            digest = event.request.digest if event.request else ""
            found[event.step] = Said(event.step, seq, event.model, digest, attempt=event.attempt, ms=event.at)
        case e.StepFinished() if event.step in found:
            begun = found[event.step]
            found[event.step] = Said(
                event.step,
                begun.seq,
                begun.model,
                event.sent or begun.digest,
                event.text,
                event.reasoning,
                tuple(Asked(call.name, call.arguments) for call in event.calls),
                event.usage,
                event.finish,
                max(0, event.at - (begun.ms or event.at)),
                None if event.first_at is None else max(0, event.first_at - (begun.ms or event.first_at)),
                begun.attempt,
                "finished",
            )
        case e.StepStopped() if event.step in found:
            begun = found[event.step]
            took = max(0, event.at - (begun.ms or event.at))
            found[event.step] = Said(
                event.step, begun.seq, begun.model, begun.digest, event.text, event.reasoning,
                ms=took, attempt=begun.attempt, status="stopped",
            )  # fmt: skip
        case e.StepDiscarded():
            found.pop(event.step, None)


def _calls(conversation: UUID, steps: list[str]) -> dict[str, dict[int, tuple[str, str]]]:
    rows = Call.objects.filter(conversation_id=conversation, step__in=steps)
    found: dict[str, dict[int, tuple[str, str]]] = {}
    for step, ordinal, status, result in rows.values_list("step", "ordinal", "status", "result"):
        found.setdefault(step, {})[ordinal] = (status, result)
    return found


def _with_results(said: Said, results: dict[int, tuple[str, str]]) -> Said:

    calls = tuple(
        replace(call, status=results[n][0], result=results[n][1]) if n in results else call
        for n, call in enumerate(said.calls)
    )
    # Of a step that was not answered `ms` is still when it began.
    return replace(said, calls=calls, ms=None if said.status == "streaming" else said.ms)
