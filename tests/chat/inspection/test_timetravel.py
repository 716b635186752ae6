"""Time travel: the state at any seq is what the session was then, and differences tell all that differs."""

from __future__ import annotations

import copy
import uuid
from random import Random
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from hypothesis import given
from hypothesis import strategies as st

from agents import events as e
from chat.inspection import base
from chat.inspection.timetravel import TooFar, difference, folded, states_at
from chat.models import Event
from chat.session.sessions import Sessions
from chat.session.state import EMPTY, merge, reduce
from tests.support import rows
from tests.support.histories import flat, tell


def states(events: list[e.Event]) -> list[Any]:
    """The reducer's state before the first event and after each."""
    found: list[Any] = [EMPTY]
    for seq, event in enumerate(events, start=1):
        found.append(merge(found[-1], reduce(found[-1], event, seq)))
    return found


def journal(owner: Any, events: list[e.Event]) -> Any:
    row = rows.conversation(owner)
    row.events.all().delete()
    Event.objects.bulk_create(
        Event(
            conversation=row,
            seq=seq,
            type=event.type,  # type: ignore[attr-defined]
            at=event.at,
            text=e.to_json(event),
            tag=f"tag{seq}",
        )
        for seq, event in enumerate(events, start=1)
    )
    row.head_seq = len(events)
    row.save()
    return row


@pytest.mark.parametrize("seed", range(12))
def test_S3_the_state_at_every_seq_is_the_reducers(alice: Any, seed: int) -> None:
    events = flat(tell(Random(seed), runs=3))
    row = journal(alice, events)
    wanted = states(events)
    assert states_at(row.pk, *range(len(events) + 1)) == wanted
    for seq in (0, 1, len(events) // 2, len(events)):
        assert states_at(row.pk, seq) == [wanted[seq]]
    assert states_at(row.pk, len(events) + 5) == [wanted[-1]]


@pytest.mark.parametrize("seed", range(2))
async def test_S3_the_state_at_a_seq_is_what_the_session_showed_then(
    sessions: Sessions, alice: Any, seed: int
) -> None:
    conversation = str(uuid.uuid4())
    appends = tell(Random(seed), runs=2)
    await sessions.create(conversation, alice.pk, "assistant", "A chat", "web")
    seen = {}
    for events in appends[1:]:
        await sessions.append(conversation, lambda view, events=events: list(events))
        view = await sessions.load(conversation)
        seen[view.position.seq] = copy.deepcopy(view.state)
    found = await sync_to_async(states_at)(uuid.UUID(conversation), *seen)
    assert found == list(seen.values())


@given(st.randoms(use_true_random=False))
def test_a_difference_is_empty_for_the_same_and_otherwise_leads_from_one_to_the_other(random: Random) -> None:
    every = states(flat(tell(random)))
    one, other = random.choice(every), random.choice(every)
    assert difference(one, one) == []
    changes = difference(one, other)
    assert bool(changes) == (one != other)
    back = difference(other, one)
    assert [(c.path, c.before, c.after, c.had, c.has) for c in back] == [
        (c.path, c.after, c.before, c.has, c.had) for c in changes
    ]


def test_a_difference_knows_false_from_zero_and_sorts_items_by_seq() -> None:
    one: Any = {"i:10": {"a": 0}, "i:9": {"a": 1}, "run": None}
    other: Any = {"i:10": {"a": False}, "i:9": {"a": 2}, "run": {"id": "r"}}
    assert [change.path for change in difference(one, other)] == ["run", "run.id", "i:9.a", "i:10.a"]


def test_folding_goes_on_from_a_state() -> None:
    events = flat(tell(Random(5), runs=2))
    numbered = list(enumerate(events, start=1))
    half = folded(numbered[:7])
    assert folded(numbered[7:], half) == states(events)[-1]


class TestPage:
    def page(self, client: Any, row: Any, seq: int, **query: Any) -> str:
        answer = client.get(base.address("chat_conversation_moment", row.pk, seq), query)
        assert answer.status_code == 200
        return str(answer.content.decode())

    def test_a_moment_shows_its_event_its_state_and_what_it_changed(
        self, admin_client: Any, alice: Any
    ) -> None:
        events = flat(tell(Random(3), runs=2))
        row = journal(alice, events)
        seq = next(n for n, event in enumerate(events, start=1) if isinstance(event, e.RunQueued))
        html = self.page(admin_client, row, seq)
        assert "run.queued" in html and f"tag{seq}" in html
        assert "run.status" in html and "queued" in html
        assert base.address("chat_conversation_moment", row.pk, seq - 1) in html
        assert base.address("chat_conversation_moment", row.pk, seq + 1) in html

    def test_two_moments_are_compared(self, admin_client: Any, alice: Any) -> None:
        row = journal(
            alice,
            [
                e.ConversationCreated(at=1, title="One", agent="a"),
                e.ConversationRenamed(at=2, title="Two"),
                e.ConversationRenamed(at=3, title="<b>Three</b>"),
            ],
        )
        html = self.page(admin_client, row, 3, other=1)
        assert "info.title" in html and "One" in html and "&lt;b&gt;Three" in html and "<b>Three" not in html
        assert "info.title" in self.page(admin_client, row, 3)
        assert "Two" not in self.page(admin_client, row, 1)
        # An address that somebody has typed: the nearest moment there is.
        assert "conversation.renamed" in self.page(admin_client, row, 99, other="x")

    def test_who_may_not_read_it_is_refused(self, client: Any, alice: Any, bob: Any) -> None:
        row = journal(alice, [e.ConversationCreated(at=1, title="One", agent="a")])
        bob.is_staff = True
        bob.save()
        client.force_login(bob)
        assert client.get(base.address("chat_conversation_moment", row.pk, 1)).status_code == 403

    def test_what_lies_too_far_is_said_and_not_folded(
        self, admin_client: Any, alice: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from chat.inspection import timetravel

        row = journal(alice, flat(tell(Random(3), runs=2)))
        monkeypatch.setattr(timetravel, "MAX_FOLDED", 3)
        with pytest.raises(TooFar):
            states_at(row.pk, 4)
        assert "3 events" in self.page(admin_client, row, 4)
