"""Events as an earlier release can read them, for as long as an installation may go back to it
(HOLDFAST_COMPATIBILITY_VERSION, docs/upgrading.md).

From 0.2 on releases read what they do not know (rule J2), so there is one entry: 0.1 refuses an event with a field or a
word that it lacks. What is left out is told to nobody later; nothing is decided by it that 0.1 would decide otherwise.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from agents.events.calls import CallSettled
from agents.events.facts import (
    Event,
    RunFailed,
    RunFinished,
    RunRecovering,
    RunRetrying,
    StepFinished,
    StepStarted,
    StepStopped,
)
from agents.events.parts import ProposedCall

Told = Callable[[Event], Event]

#: Words of 0.2 for which 0.1 has a wider one.
_WORDS_IN_0_1: Mapping[str | None, Any] = {
    "content_refused": "model_rejected",
    "no_answer": "model_error",
    "not_permitted": "refused",
}


def _word(word: str | None) -> Any:
    return _WORDS_IN_0_1.get(word, word)


def _in_0_1(event: Event) -> Event:
    match event:
        case StepStarted():
            return event.model_copy(update={"request": None, "agent": ""})
        case StepFinished():
            left_out = {"reasoning": "", "incomplete": None, "first_at": None, "sent": ""}
            return event.model_copy(update={**left_out, "calls": tuple(map(_call_in_0_1, event.calls))})
        case StepStopped():
            return event.model_copy(update={"reasoning": "", "first_at": None})
        case RunRecovering():
            # Without a crowd, "crashed" means that the run was alone and so to blame (chat/runs/ownership.py).
            told = event.reason if event.reason != "crashed" or event.crowd <= 1 else "lease_lost"
            told = "handed_over" if told == "internal_error" else told
            return event.model_copy(update={"reason": told, "crowd": 0})
        case RunRetrying() | RunFailed() | CallSettled():
            return event.model_copy(update={"code": _word(event.code)})
        case RunFinished():
            return event.model_copy(update={"limit": _word(event.limit)})
        case _:
            return event


def _call_in_0_1(call: ProposedCall) -> ProposedCall:
    return call.model_copy(update={"problem": _word(call.problem)})


#: Release → how it is told what happens. Pure, and the same when it is done twice.
EARLIER: Final[Mapping[str, Told]] = {"0.1": _in_0_1}
