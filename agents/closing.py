"""How a run ends, whoever ends it: its owner, who knows the history, or anybody else, who knows the session's state.

The end is one batch of events (rule R7): outcomes that came just in time, every other open call closed with a text that
says what is known of it, what streams cut off, and the end of the run itself. Both sides hand over the steps of the
conversation; open ones of earlier runs are closed, too.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from agents import events as e
from agents.history import Call, Step
from agents.results import Ending, closed_as


class Streamed(NamedTuple):
    """What has streamed so far of a step."""

    step: str
    text: str
    reasoning: str = ""
    first_at: int | None = None


def stopped(
    run: str,
    steps: Iterable[Step],
    now: int,
    *,
    by: str = "",
    settled: Sequence[e.CallSettled] = (),
    streamed: Streamed | None = None,
) -> list[e.Event]:
    """The run ends because somebody, `by`, asked for a stop. `settled` are outcomes that came just in time."""
    closed = _closed(steps, "stopped", now, by, settled, streamed)
    return [*closed, e.RunStopped(at=now, run=run, by=by)]


def finished(
    run: str,
    steps: Iterable[Step],
    now: int,
    *,
    limit: e.RunCode | None = None,
    detail: str = "",
    settled: Sequence[e.CallSettled] = (),
    streamed: Streamed | None = None,
) -> list[e.Event]:
    """The run ends with its answer, or with a `limit` (rule R8)."""
    closed = _closed(steps, "limit", now, "", settled, streamed)
    return [*closed, e.RunFinished(at=now, run=run, limit=limit, detail=detail)]


def failed(
    run: str, steps: Iterable[Step], now: int, *, code: e.RunCode, detail: str, by: str = ""
) -> list[e.Event]:
    """The run cannot go on; `by` decided that, if somebody did. Never told as if the assistant had said it."""
    return [*_closed(steps, "failed", now, by), e.RunFailed(at=now, run=run, code=code, detail=detail)]


def close_calls(
    steps: Iterable[Step], why: Ending, now: int, *, by: str = "", settled: Iterable[str] = ()
) -> list[e.CallSettled]:
    """An outcome for each open call. `settled` are the ids of calls that the same batch settles otherwise."""
    known = frozenset(settled)
    return [
        close(step, call, why, now, by=by)
        for step in steps
        for call in step.open_calls
        if call.id not in known
    ]


def close(step: Step, call: Call, why: Ending, now: int, *, by: str = "") -> e.CallSettled:
    """The outcome of a call that has none and gets none any more."""
    code, text = closed_as(call, why)
    return settle(step.id, call, "cancelled", text, code, now, by=by)


def settle(
    step: str,
    call: Call,
    status: Literal["succeeded", "failed", "cancelled"],
    text: str,
    code: e.CallCode | None,
    now: int,
    *,
    by: str = "",
    preview: str | None = None,
) -> e.CallSettled:
    """An outcome in words of ours or of a person; `preview` is what a card shows if that is not all of it."""
    return e.CallSettled(
        at=now,
        step=step,
        call=call.id,
        attempt=call.attempt,
        status=status,
        result=text,
        preview=text if preview is None else preview,
        size=len(text),
        code=code,
        by=by,
    )


def cut_off(steps: Iterable[Step], now: int, streamed: Streamed | None = None) -> list[e.Event]:
    """The end of what streams: text and reasoning that had come are kept; where there is neither, the step leaves."""
    events: list[e.Event] = []
    for step in steps:
        if step.status != "streaming":
            continue
        if streamed is not None and streamed.step == step.id and (streamed.text + streamed.reasoning).strip():
            text, reasoning, first_at = streamed[1:]
            events.append(
                e.StepStopped(
                    at=now, run=step.run, step=step.id, text=text, reasoning=reasoning, first_at=first_at
                )
            )
        else:
            events.append(e.StepDiscarded(at=now, run=step.run, step=step.id, reason="the run ended"))
    return events


def _closed(
    steps: Iterable[Step],
    why: Ending,
    now: int,
    by: str,
    settled: Sequence[e.CallSettled] = (),
    streamed: Streamed | None = None,
) -> list[e.Event]:
    steps = tuple(steps)
    calls = close_calls(steps, why, now, by=by, settled=(event.call for event in settled))
    return [*settled, *calls, *cut_off(steps, now, streamed)]
