"""A request that is sent again, and the run that would follow from it: without a tool, without a journal. Pure.

    request of a step ─► response ─► its calls, answered from the record ─► the next request, until there are none

Nothing here can run a tool. A call gets what a call of the same name with the same arguments got in the recorded run,
each recorded outcome once and in order; one that nobody has recorded ends the replay.
"""

import json
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agents import events as e
from agents.answering import replay_of, shown_reasoning
from agents.attachments import FileContent
from agents.dialects.assembler import AssembledCall, Response
from agents.history import History, fold
from agents.providers.base import Profile
from agents.recording import Rendered, RequestSettings, render_again
from agents.transcript.windows import window_for
from agents.transcript.wording import NO_WORDS

#: Requests of one replay, whatever its model does.
MAX_STEPS = 30


@dataclass(frozen=True, slots=True)
class Target:
    """Who is asked: what `AgentSpec` says of it, and the profile of its requests."""

    address: str
    model: str
    profile: Profile
    account: str = ""
    context_window: int | None = None


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call of the recorded run that has its outcome."""

    name: str
    arguments: str
    status: Literal["succeeded", "failed", "cancelled"]
    result: str
    effect: e.Effect = "effectful"


class Record:
    """What calls of the recorded run got, each to be handed out once."""

    def __init__(self, calls: Iterable[RecordedCall]) -> None:
        self._left: defaultdict[tuple[str, str], deque[RecordedCall]] = defaultdict(deque)
        for call in calls:
            self._left[_key(call.name, call.arguments)].append(call)

    def take(self, call: AssembledCall) -> RecordedCall | None:
        """The outcome of the first call like this one that was not handed out yet; None: there is none."""
        if call.state not in ("ok", "empty"):
            return None
        found = self._left.get(_key(call.name, call.arguments))
        return found.popleft() if found else None

    def answer(self, calls: Sequence[AssembledCall]) -> "list[RecordedCall | None]":
        """An outcome for each of these calls, as far as there is one."""
        return [self.take(call) for call in calls]


def _key(name: str, arguments: str) -> tuple[str, str]:
    """By which two calls are the same: spaces and the order of names in the arguments say nothing."""
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return name, arguments
    return name, json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def render_for(
    history: History,
    settings: RequestSettings,
    facts: e.RequestFacts,
    files: Mapping[str, FileContent | None],
    target: Target | None,
    sent: str = "",
) -> tuple[Rendered, RequestSettings]:
    """The request with this history, as it was made then, and the settings it is made with. `target`: as that one takes
    it, in the proper form of its own profile; None: as it was recorded."""
    if target is None:
        return render_again(history, settings, facts, files, sent), settings
    asked = with_target(settings, target)
    window = window_for(target.model, facts.window, target.context_window)
    other = facts.model_copy(update={"form": (), "window": window})
    return replace(render_again(history, asked, other, files), same=None), asked


def with_target(settings: RequestSettings, target: Target | None) -> RequestSettings:
    """The settings of a request that goes to `target`; None: to whom it went."""
    if target is None:
        return settings
    return replace(
        settings, address=target.address, profile=target.profile, model=target.model, account=target.account
    )


def step_events(
    history: History,
    run: str,
    index: int,
    response: Response,
    outcomes: Sequence[RecordedCall | None],
    asked: RequestSettings,
    at: int,
) -> list[e.Event]:
    """A step that the replay has got, and the outcomes of its calls, as the events that a journal would have of it.
    Calls without an outcome stay open."""
    step = f"{run}.{index}"
    proposed = tuple(
        e.ProposedCall(
            call=e.call_id(history.conversation, step, ordinal),
            ordinal=ordinal,
            name=call.name[:200],
            arguments=call.arguments,
            provider_id=call.provider_id[:200],
            effect=recorded.effect if recorded is not None else "effectful",
        )
        for ordinal, (call, recorded) in enumerate(zip(response.calls, outcomes, strict=True))
    )
    finished = e.StepFinished(
        at=at,
        run=run,
        step=step,
        text="" if proposed and response.text.strip() == NO_WORDS else response.text,
        calls=proposed,
        usage=response.usage,
        finish=response.finish[:100],
        reasoning=shown_reasoning(response.reasoning),
        issuer=asked.profile.issuer(asked.model, asked.account),
        replay=replay_of(asked.profile, response),
    )
    settled = [
        e.CallSettled(
            at=at,
            step=step,
            call=call.call,
            attempt=1,
            status=recorded.status,
            result=recorded.result,
            preview="",
            size=len(recorded.result),
        )
        for call, recorded in zip(proposed, outcomes, strict=True)
        if recorded is not None
    ]
    return [e.StepStarted(at=at, run=run, step=step, model=asked.model), finished, *settled]


def after(history: History, events: Iterable[e.Event], seq: int) -> History:
    """The history after these events, told from `seq` on."""
    for place, event in enumerate(events, start=seq):
        history = fold(history, event, place)
    return history
