"""What each event adds to which total: pure, and for every event of the vocabulary."""

from __future__ import annotations

from typing import get_args

import pytest

from agents import events as e
from agents.events.facts import RunRecovering
from agents.lifecycle import RUN
from chat.telemetry.tally import CALL_CODES, COUNTED, LOSSES, TOTALS, increments

ENTRANCES = frozenset({"web", "feishu"})


def added(event: e.Event, entrance: str = "web") -> dict[tuple[str, tuple[str, ...]], int]:
    return {(name, labels): amount for name, labels, amount in increments(event, entrance, ENTRANCES)}


def test_a_run_is_begun_once_and_ends_once_in_each_of_its_last_states() -> None:
    ends = [
        e.RunFinished(at=1, run="r"),
        e.RunFailed(at=1, run="r", code="model_auth"),
        e.RunStopped(at=1, run="r"),
    ]
    states = {
        labels[0] for end in ends for (name, labels) in added(end) if name == "holdfast_runs_ended_total"
    }
    assert states == RUN.final
    queued = added(e.RunQueued(at=1, run="r", cause="m"), "feishu")
    assert queued == {("holdfast_runs_begun_total", ("feishu",)): 1}


def test_labels_are_of_words_that_are_known_whatever_an_event_says() -> None:
    failed = e.from_json('{"at":1,"type":"run.failed","run":"r","code":"of_a_later_release","detail":""}')
    assert added(failed)["holdfast_runs_failed_total", ("other",)] == 1
    said = e.MessageAdded(at=1, message="m", text="hi", origin=e.Origin(entrance="somebody-invented-this"))
    assert added(said) == {("holdfast_messages_total", ("other",)): 1}
    assert added(e.RunQueued(at=1, run="r", cause="m"), "gone") == {
        ("holdfast_runs_begun_total", ("other",)): 1
    }
    unread = e.from_json('{"at":1,"type":"run.danced","run":"r"}')
    assert isinstance(unread, e.UnknownEvent) and added(unread) == {}


def test_every_total_is_added_to_by_an_event_whose_text_is_read_and_has_its_labels() -> None:
    usage = e.Usage(input=5, output=3, cached=2, cost=7)
    events: list[e.Event] = [
        e.MessageAdded(at=1, message="m", text="hi"),
        e.RunQueued(at=1, run="r", cause="m"),
        e.RunStarted(at=1, run="r", attempt=2, fence=2, worker="w"),
        e.RunRecovering(at=1, run="r", reason="crashed"),
        e.RunRetrying(at=1, run="r", code="model_busy", retry_at=2),
        e.RunFinished(at=1, run="r"),
        e.RunFailed(at=1, run="r", code="model_auth"),
        e.RunStopped(at=1, run="r"),
        e.StepStarted(at=1, run="r", step="s"),
        e.StepFinished(at=1, run="r", step="s", text="", usage=usage),
        e.StepStopped(at=1, run="r", step="s", text=""),
        e.StepDiscarded(at=1, run="r", step="s"),
        e.HistoryCompacted(at=1, run="r", upto=1, summary="", usage=usage),
        e.ConversationRenamed(at=1, title="x", model="m", usage=usage),
        e.ApprovalAsked(at=1, step="s", call="c", digest="d"),
        e.ApprovalDecided(at=1, step="s", call="c", digest="d", decision="refused"),
        e.CallStarted(at=1, step="s", call="c", attempt=1, fence=1, worker="w"),
        e.CallSettled(
            at=1,
            step="s",
            call="c",
            attempt=1,
            status="failed",
            result="",
            preview="",
            size=0,
            code="timeout",
        ),
        e.CallInDoubt(at=1, step="s", call="c", attempt=1),
    ]
    assert {event.type for event in events} == set(COUNTED)  # type: ignore[attr-defined]
    found = {name: labels for event in events for name, labels in added(event)}
    assert found.keys() == TOTALS.keys()
    assert {name: len(labels) for name, labels in found.items()} == {
        name: len(total.labels) for name, total in TOTALS.items()
    }
    assert "timeout" in CALL_CODES


def test_a_first_attempt_is_no_takeover() -> None:
    assert added(e.RunStarted(at=1, run="r", attempt=1, fence=1, worker="w")) == {}


@pytest.mark.parametrize("reason", sorted(LOSSES))
def test_each_reason_for_which_an_owner_is_lost_is_told(reason: str) -> None:
    assert added(e.RunRecovering(at=1, run="r", reason=reason)) == {
        ("holdfast_run_losses_total", (reason,)): 1
    }
    told = get_args(get_args(RunRecovering.model_fields["reason"].annotation)[0] or ()) or LOSSES
    assert set(told) <= LOSSES
