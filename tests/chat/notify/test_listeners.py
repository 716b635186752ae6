"""The owner's bell rings for what changes the list, whoever writes it; it is no part of the write."""

import uuid
from typing import Any

import pytest

from agents import events as e
from chat.notify import doorbell
from chat.notify.listeners import Bells
from chat.session.sessions import Sessions

RUN = str(uuid.uuid4())
NOTED = e.NoteAdded(at=1, message=str(uuid.uuid4()), text="from elsewhere")
STATUSES: list[e.Event] = [
    e.RunQueued(at=1, run=RUN, cause="m"),
    e.RunStarted(at=1, run=RUN, attempt=1, fence=1, worker="w"),
    e.RunRecovering(at=1, run=RUN, reason="lease_lost"),
    e.RunWaiting(at=1, run=RUN, reason="in_doubt"),
    e.RunResumed(at=1, run=RUN),
    e.RunFinished(at=1, run=RUN),
    e.RunFailed(at=1, run=RUN, code="internal", detail=""),
    e.RunStopped(at=1, run=RUN),
]


@pytest.fixture
async def user_bells(settings: Any, alice: Any) -> Any:
    """Counts the rings of Alice's bell since the last call."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    layer = doorbell._layer()
    assert layer is not None
    channel = await layer.new_channel()
    await doorbell.join(doorbell.user_group(alice.pk), channel)

    def count() -> int:
        queue = layer.channels.get(channel)
        rung = 0
        while queue is not None and not queue.empty():
            queue.get_nowait()
            rung += 1
        return rung

    return count


@pytest.mark.parametrize("event", STATUSES, ids=lambda event: event.type)
async def test_each_change_of_a_runs_status_rings_for_the_owner(
    event: e.Event, sessions: Sessions, alice: Any, user_bells: Any
) -> None:
    conversation = str(uuid.uuid4())
    await sessions.create(conversation, alice.pk, "assistant", "", "web", None)
    bells = Bells(sessions.journal)
    await bells.ring(conversation, [NOTED])
    assert user_bells() == 0
    await bells.ring(conversation, [NOTED, event])
    assert user_bells() == 1


async def test_an_append_by_anybody_rings(sessions: Sessions, alice: Any, user_bells: Any) -> None:
    conversation = str(uuid.uuid4())
    heard = Sessions(sessions.store, sessions.journal, on_change=Bells(sessions.journal).ring)
    await heard.create(conversation, alice.pk, "assistant", "", "web", None)
    assert user_bells() == 0, "whoever creates it rings, once it is there"
    await heard.append(conversation, lambda view: [STATUSES[0]])
    await heard.append(conversation, lambda view: [STATUSES[1]])
    assert user_bells() == 2
