"""A worker is seen while it beats, and not before."""

import asyncio

from chat.runs.presence import beat, worker_seen
from chat.session.sessions import Sessions
from chat.support.tasks import end
from tests.support.waiting import eventually


async def test_a_worker_is_seen_while_it_beats(sessions: Sessions):
    assert not await worker_seen(sessions)
    beating = [asyncio.create_task(beat(sessions)) for _ in range(2)]
    await eventually(lambda: worker_seen(sessions), 5, "the worker to be seen")
    await end(beating[:1])
    assert await worker_seen(sessions), "another one is still there"
    await end(beating)
