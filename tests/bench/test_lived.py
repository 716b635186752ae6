"""Conversations made for measuring are such as workers write: they can be read, searched and shown."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from agents import events as e
from bench import large, lived
from bench.search import Speech
from chat.inspection.timetravel import states_at
from chat.models import Call, Conversation, Event, Fault, Run
from chat.support.clock import now_ms

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def speech() -> Speech:
    return Speech(Random(1))


def test_each_kind_of_end_is_told_and_the_rows_are_the_reducers(admin_client: Any, speech: Speech) -> None:
    """Numbers 0 to 11 have one of each kind."""
    lived.keep_settings(now_ms())
    large.fill(large.Size(12, turns=2, people=2), now_ms(), 0, lived.Lives(speech))
    ends = {lived.end_of(number) for number in range(12)}
    assert ends == {"", *(name for name, _, _ in lived.ENDS)}
    for row in Conversation.objects.all():
        assert row.head_seq == Event.objects.filter(conversation=row).count()
        (state,) = states_at(row.pk, row.head_seq, row.head_seq)[:1]
        assert row.run == state["run"] and row.info["title"] == row.title
    texts = Event.objects.values_list("text", flat=True)
    assert not [one for one in texts if isinstance(e.from_json(one), e.UnknownEvent)]
    found = {(run.status, run.reason) for run in Run.objects.all()}
    assert found >= {("finished", ""), ("failed", ""), ("waiting", "approval"), ("waiting", "in_doubt")}
    assert ("running", "") in found and Call.objects.filter(attempt=2).exists()
    fault = Fault.objects.get()
    html = admin_client.get("/admin/chat/conversation/", {"q": f"Error: {fault.text}"}).content.decode()
    assert html.count(">About ") == 1 and f">About {fault.conversation.title.split()[-1]}<" in html


def test_a_long_one_is_told_in_several_appends(speech: Speech) -> None:
    large.fill(large.Size(2, turns=1, people=2), now_ms(), 0, lived.Lives(speech, long_turns=60))
    assert sorted(Conversation.objects.values_list("head_seq", flat=True)) == [
        lived.OF_BEGINNING + lived.OF_TURN,
        lived.OF_BEGINNING + 60 * lived.OF_TURN,
    ]
