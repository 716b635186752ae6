"""A replica is promoted although it lacks the newest writes (S6), on real servers with real replication."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from agents import events as e
from chat.journal.journal import Journal
from chat.session.contract import LOST, Command
from chat.session.errors import StoreUnavailable
from chat.session.sessions import Sessions
from chat.session.store import RedisStore
from tests.chat.session.test_sessions import said, start, texts
from tests.support.histories import START
from tests.support.replicated import Replicated
from tests.support.waiting import eventually
from tests.support.worlds import IDLE_MS, LOG_ENTRIES

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def servers() -> Iterator[Replicated]:
    with Replicated() as servers:
        yield servers


@pytest.fixture
async def sessions(servers: Replicated, sqlite_journal: Journal) -> AsyncIterator[Sessions]:
    store = RedisStore(servers.url, idle_ttl_ms=IDLE_MS, log_entries=LOG_ENTRIES)
    yield Sessions(store, sqlite_journal)
    await store.aclose()


@pytest.mark.parametrize(
    "demote", [False, True], ids=["the former one died", "the former one became a replica"]
)
async def test_S6_a_promoted_replica_without_the_tail_is_rebuilt_under_a_new_epoch(
    sessions: Sessions, servers: Replicated, alice: Any, demote: bool
) -> None:
    """Many connections are open, and one that was made demoted leaves them so: none may stay with it."""
    conversation = await start(sessions, alice)
    await sessions.append(conversation, lambda view: [said("kept")])
    await asyncio.gather(*(sessions.load(conversation) for _ in range(8)))
    await asyncio.to_thread(servers.lag)
    command = Command("c1", "d", '"done"')
    before = (await sessions.append(conversation, lambda view: [said("acknowledged")], command=command)).view
    await asyncio.to_thread(servers.promote, demote=demote)

    after = await answered(lambda: sessions.load(conversation))
    assert texts(after) == ["kept", "acknowledged"]
    assert after.position.epoch != before.position.epoch
    assert (after.position.seq, after.position.tag) == (before.position.seq, before.position.tag)
    read = await sessions.store.read({conversation: (before.position.epoch, before.loaded.log_id)})
    assert read == {conversation: LOST}
    again = await sessions.append(conversation, lambda view: [said("twice")], command=command)
    assert again.duplicate and texts(again.view) == ["kept", "acknowledged"]
    with servers.client() as promoted:
        assert promoted.hget(f"hf:{{{conversation}}}:meta", "epoch") == after.position.epoch


async def test_S6_connections_that_a_failover_did_not_break_are_let_go(
    sessions: Sessions, servers: Replicated, alice: Any
) -> None:
    """Only what is new reaches the promoted server; the former one answers as before, and takes writes as before."""
    conversation = await start(sessions, alice)
    await asyncio.gather(*(sessions.load(conversation) for _ in range(8)))
    await asyncio.to_thread(servers.lag)
    await sessions.append(conversation, lambda view: [said("acknowledged")])
    await asyncio.to_thread(servers.part_ways)
    # More at once than there are connections: some of them are new.
    await asyncio.gather(*(sessions.store.head(conversation) for _ in range(20)))
    after = await sessions.append(conversation, lambda view: [said("on the new one")])
    assert texts(after.view) == ["acknowledged", "on the new one"]
    with servers.client() as promoted, servers.former[0].client() as former:
        assert promoted.hget(f"hf:{{{conversation}}}:meta", "seq") == str(after.view.position.seq)
        await eventually(lambda: len(former.client_list()) == 1, 5, "nobody but us to ask the former one")
    views = await asyncio.gather(*(sessions.load(conversation) for _ in range(20)))
    assert {view.position for view in views} == {after.view.position}


async def test_R2_an_owner_whose_lease_the_promoted_replica_lacks_gets_a_whole_one(
    sessions: Sessions, servers: Replicated, alice: Any
) -> None:
    """Whoever took over at once would work beside tools that still have their effects."""
    careful = Sessions(sessions.store, sessions.journal, lease_ms=1_500)
    conversation = await start(careful, alice)
    await asyncio.to_thread(servers.lag)
    fence = await careful.take(conversation, "owner", 1_500)
    assert fence is not None
    await careful.append(conversation, lambda view: running(fence), fence=fence)
    await asyncio.to_thread(servers.promote)
    begun = asyncio.get_running_loop().time()
    assert await answered(lambda: careful.take(conversation, "other", 1_500)) is None
    assert await careful.renew(conversation, "owner", 1_500), "nobody has taken the run"
    await careful.append(conversation, lambda view: [said("goes on")], fence=fence)
    # The owner dies now: the run is taken over when the lease that it got back has run out.
    taken = await eventually(
        lambda: careful.take(conversation, "other", 1_500), 10, "the run to be taken over"
    )
    assert taken == fence + 1 and asyncio.get_running_loop().time() - begun >= 1.5


def running(fence: int) -> list[e.Event]:
    """A run that was queued and started."""
    cause = said("go")
    return [
        cause,
        e.RunQueued(at=START, run="r", cause=cause.message),
        e.RunStarted(at=START, run="r", attempt=1, fence=fence, worker="w"),
    ]


async def answered(ask: Callable[[], Awaitable[Any]]) -> Any:
    """What it returns, once the promoted server is found."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await ask()
            except StoreUnavailable:
                await asyncio.sleep(0.02)
