"""What a process counts is what it has committed: once, and with the times that the events tell."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from agents import events as e
from chat.journal.committed import Committed, commit
from chat.journal.journal import Journal
from chat.session.contract import Position
from chat.telemetry import metrics, observer
from chat.telemetry.metrics import OTHER, Bounded, among
from config.measured import area_of
from tests.support.waiting import eventually

AT = 1_790_000_000_000
TURN: list[e.Event] = [
    e.ConversationCreated(at=AT, title="", agent="assistant"),
    e.MessageAdded(at=AT, message="m", text="hi"),
    e.RunQueued(at=AT, run="r", cause="m"),
    e.RunStarted(at=AT + 2_000, run="r", attempt=1, fence=1, worker="w"),
    e.StepStarted(at=AT + 2_000, run="r", step="s", model="model-of-tests"),
    e.StepFinished(
        at=AT + 6_000,
        run="r",
        step="s",
        text="",
        first_at=AT + 3_000,
        calls=(
            e.ProposedCall(call="c", ordinal=0, name="calculator", arguments="{}"),
            e.ProposedCall(call="d", ordinal=1, name="of-the-models-own-invention", arguments="{}"),
        ),
        usage=e.Usage(input=100, output=20, cached=50),
    ),
    e.CallStarted(at=AT + 6_000, step="s", call="c", attempt=1, fence=1, worker="w"),
    e.CallStarted(at=AT + 6_000, step="s", call="d", attempt=1, fence=1, worker="w"),
    e.CallSettled(
        at=AT + 7_000, step="s", call="c", attempt=1, status="succeeded", result="", preview="", size=0
    ),
    e.CallSettled(
        at=AT + 9_000, step="s", call="d", attempt=1, status="failed", result="", preview="", size=0
    ),
    e.RunFinished(at=AT + 10_000, run="r"),
]


def told(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def committed(events: Sequence[e.Event]) -> tuple[dict[str, Any], list[Committed]]:
    texts = [e.to_json(event) for event in events]
    places = Position("e", 0, "").after(texts)
    stored = [
        (place.tag, text, event, None) for place, text, event in zip(places, texts, events, strict=True)
    ]
    return commit({}, 0, stored)


async def test_what_one_transaction_has_written_is_counted_once_by_whoever_wrote_it(
    journal: Journal, owner: Any
) -> None:
    conversation = str(uuid.uuid4())
    assert await journal.create(conversation, owner, "assistant", "", "web", AT)
    after, written = committed(TURN)
    names = {
        "holdfast_events_committed_total": {"type": "run.queued"},
        "holdfast_run_queue_wait_seconds_count": {},
        "holdfast_run_queue_wait_seconds_sum": {},
        "holdfast_run_seconds_sum": {"state": "finished"},
        "holdfast_model_first_token_seconds_sum": {"model": "model-of-tests"},
        "holdfast_model_response_seconds_sum": {"model": "model-of-tests"},
    }
    before = {name: told(name, **labels) for name, labels in names.items()}
    calls = told("holdfast_tool_call_seconds_sum", tool="calculator", outcome="succeeded")
    invented = told("holdfast_tool_call_seconds_sum", tool=OTHER, outcome="failed")
    tokens = told("holdfast_model_tokens_total", model="model-of-tests", direction="input")
    for _ in range(2):  # whoever comes twice
        await journal.archive(conversation, (0, ""), written, after)
    added = {name: told(name, **labels) - before[name] for name, labels in names.items()}
    assert list(added.values()) == pytest.approx([1, 1, 2.0, 8.0, 1.0, 4.0])
    assert told(
        "holdfast_tool_call_seconds_sum", tool="calculator", outcome="succeeded"
    ) - calls == pytest.approx(1.0)
    assert told("holdfast_tool_call_seconds_sum", tool=OTHER, outcome="failed") - invented == pytest.approx(
        3.0
    )
    assert told("holdfast_model_tokens_total", model="model-of-tests", direction="input") - tokens == 100


async def test_what_is_committed_is_told_although_whoever_asked_has_given_up(
    journal: Journal, owner: Any
) -> None:
    """As a socket that gives a command up after eight seconds does (chaos, seed 52)."""
    conversation, heard = str(uuid.uuid4()), list[str]()
    assert await journal.create(conversation, owner, "assistant", "", "web", AT)
    after, written = committed(TURN)

    begun, given_up = threading.Event(), threading.Event()

    def tracer(conversation: str, told: Sequence[Committed]) -> None:
        begun.set()
        assert given_up.wait(10), "in the thread that has committed, and not in the loop's"
        heard.extend(each.event.type for each in told)  # type: ignore[attr-defined]

    observer.tracers.append(tracer)
    try:
        asked = asyncio.ensure_future(journal.archive(conversation, (0, ""), written, after))
        await eventually(begun.is_set, 20, "it to be committed")
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        given_up.set()
        await eventually(lambda: heard, 10, "what was committed to be told")
    finally:
        observer.tracers.remove(tracer)
    assert asked.cancelled() and heard == [event.type for event in TURN]  # type: ignore[attr-defined]


def test_words_that_operators_choose_are_bounded() -> None:
    models = Bounded(2)
    assert [models(name) for name in ("a", "b", "a", "c", "b")] == ["a", "b", "a", OTHER, "b"]
    assert (among("a", {"a"}), among("b", {"a"})) == ("a", OTHER)


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("/", "page"),
        ("/hooks/6590141b-d2b2-49bd-ad72-26b9b4b45124/secret", "hooks"),
        ("/feishu/x/events", "feishu"),
        ("/of-a-strangers-own-invention", OTHER),
        ("/readyz", "readyz"),
    ],
)
def test_an_area_is_the_first_part_of_a_path_of_ours(path: str, area: str) -> None:
    assert area_of({"path": path}) == area
    assert area_of({"path": f"/chat{path}", "root_path": "/chat"}) == area
