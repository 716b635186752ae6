"""What came of one request of a replay, as its row keeps it and the admin shows it. Pure."""

from collections.abc import Sequence
from typing import Any, TypedDict

from agents.dialects.assembler import AssembledCall, Response
from agents.events import Usage
from agents.recording import RequestSettings
from agents.replaying import RecordedCall
from agents.spec import Prices
from chat.replay.asking import Timing


class AnsweredCall(TypedDict):
    """A call that the model asked for. `answered`: the record had an outcome for it, and the model was told that."""

    name: str
    arguments: str
    state: Any
    provider_id: str
    extra: dict[str, Any] | None
    answered: bool


class Answer(TypedDict):
    """One response. Times are in milliseconds; `same`: the request was the recorded one, byte for byte (None: it was
    not meant to be). `replay` is the issuer's own data."""

    step: str
    model: str
    address: str
    profile: str
    digest: str
    same: bool | None
    text: str
    reasoning: str
    replay: list[Any]
    calls: list[AnsweredCall]
    finish: str
    usage: dict[str, Any]
    ms: int
    first_ms: int | None


def answer_of(
    step: str,
    response: Response,
    outcomes: Sequence[RecordedCall | None],
    asked: RequestSettings,
    timing: Timing,
    digest: str,
    same: bool | None,
    prices: Prices | None,
) -> Answer:
    """A response as it is kept."""
    usage = response.usage
    if prices is not None:
        usage = usage.model_copy(update={"cost": prices.cost(usage)})
    return {
        "step": step,
        "model": asked.model,
        "address": asked.address,
        "profile": asked.profile.name,
        "digest": digest,
        "same": same,
        "text": response.text,
        "reasoning": response.reasoning,
        "replay": [dict(item) for item in response.replay],
        "calls": [
            {
                "name": call.name,
                "arguments": call.arguments,
                "state": call.state,
                "provider_id": call.provider_id,
                "extra": None if call.extra is None else dict(call.extra),
                "answered": outcome is not None,
            }
            for call, outcome in zip(response.calls, outcomes, strict=True)
        ],
        "finish": response.finish,
        "usage": usage.model_dump(),
        "ms": timing.ms,
        "first_ms": timing.first_ms,
    }


def response_of(answer: Answer) -> Response:
    """The response of a kept answer, to go on with."""
    return Response(
        answer["text"],
        tuple(
            AssembledCall(call["name"], call["arguments"], call["state"], call["provider_id"], call["extra"])
            for call in answer["calls"]
        ),
        answer["reasoning"],
        tuple(answer["replay"]),
        Usage.model_validate(answer["usage"], extra="ignore"),
        answer["finish"],
        ended=True,
    )
