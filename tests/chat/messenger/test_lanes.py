"""Which lanes there is something to do on: a page of each kind, and the next round behind it."""

from __future__ import annotations

import uuid
from typing import Any

from asgiref.sync import sync_to_async

from chat.messenger import lanes
from chat.messenger.lanes import START, Chat, Todo
from chat.support.clock import now_ms

CHATS = 7
PAGE = 3


async def arrive(pager: Any, *, sends: bool) -> list[Any]:
    """A message in each of some chats, whose lanes are made; and one that is to be sent to each."""
    made = []
    for number in range(CHATS):
        await pager.messenger.tables.messages.acreate(
            app=pager.app,
            message_id=uuid.uuid4().hex,
            chat_id=f"oc_{number}",
            sender="ou_x",
            event={},
            sent_at=1,
            received_at=1,
        )
        key = (pager.messenger, pager.app.pk, f"oc_{number}", "", 1)
        lane = await sync_to_async(lanes.make_lane)(*key)
        if sends:
            await pager.messenger.tables.deliveries.acreate(
                uuid=str(uuid.uuid4()), lane=lane, content="hi", created_at=1, next_at=0
            )
        made.append(lane)
    return made


async def rounds(pager: Any, count: int) -> list[Todo]:
    """What so many rounds of one worker find."""
    found, place = [], START
    for _ in range(count):
        found.append(await sync_to_async(lanes.look)(pager.messenger, "me", now_ms(), place, PAGE))
        place = found[-1].next
    return found


async def test_what_stays_does_not_hide_what_stands_behind_it(pager: Any) -> None:
    """Of seven chats six are another worker's; each page has three."""
    made = await arrive(pager, sends=True)
    for lane in made[:-1]:
        assert await sync_to_async(lanes.claim)(pager.messenger.tables, lane.pk, "other", now_ms())
    found = await rounds(pager, 3)
    assert [todo.lanes for todo in found] == [set(), set(), {made[-1].pk}]
    assert found[-1].mail == found[-1].out == {made[-1].pk}
    assert found[-1].next == START, "the next round begins anew"


async def test_rounds_go_over_everything_again_and_again(pager: Any) -> None:
    made = {lane.pk for lane in await arrive(pager, sends=True)}
    found = await rounds(pager, 6)
    for part in (found[:3], found[3:]):
        assert set().union(*(todo.mail for todo in part)) == made
        assert set().union(*(todo.out for todo in part)) == made
        assert sum(len(todo.mail) for todo in part) == len(made)


async def test_what_fits_a_page_is_seen_by_every_round(pager: Any) -> None:
    made = {lane.pk for lane in await arrive(pager, sends=False)}
    todo = await sync_to_async(lanes.look)(pager.messenger, "me", now_ms())
    assert todo.mail == made and todo.next == START


async def test_what_comes_in_is_for_the_newest_generation_of_its_own_topic(pager: Any) -> None:
    made = {}
    for thread, generations in (("", 3), ("topic", 1)):
        await pager.messenger.tables.messages.acreate(
            app=pager.app,
            message_id=uuid.uuid4().hex,
            chat_id="oc_a",
            thread_id=thread,
            sender="ou_x",
            event={},
            sent_at=1,
            received_at=1,
        )
        for generation in range(1, generations + 1):
            key = (pager.messenger, pager.app.pk, "oc_a", thread, generation)
            made[thread] = await sync_to_async(lanes.make_lane)(*key)
    delivers = {"owner": pager.app.owner_id}  # generation 0: it only delivers
    await sync_to_async(lanes.get_lane)(pager.messenger, pager.app.pk, "oc_a", "", 0, delivers)
    todo = await sync_to_async(lanes.look)(pager.messenger, "me", now_ms())
    assert todo.mail == {lane.pk for lane in made.values()} and todo.new == []


async def written(pager: Any, *chats: tuple[str, str]) -> list[Chat]:
    """Two messages in each chat (its name, and a topic), and how the chats are called."""
    for number, (chat, thread) in enumerate(chats * 2):
        await pager.messenger.tables.messages.acreate(
            app=pager.app,
            message_id=f"om_{number}",
            chat_id=chat,
            thread_id=thread,
            sender="ou_x",
            event={},
            sent_at=number,
            received_at=number,
        )
    return [(pager.app.pk, chat, thread) for chat, thread in chats]


async def test_lanes_that_are_made_together_are_those_that_would_be_made_one_by_one(pager: Any) -> None:
    chats = await written(pager, ("oc_1", ""), ("oc_1", "t"), ("oc_2", ""))
    made = await sync_to_async(lanes.take_new)(pager.messenger, chats, "me", now_ms())
    keys = {(lane.app_id, lane.chat_id, lane.thread_id): lane for lane in made}
    assert keys.keys() == set(chats)
    assert [keys[chat].anchor for chat in chats] == ["om_3", "om_4", "om_5"]
    for chat in chats:
        again = await sync_to_async(lanes.make_lane)(pager.messenger, *chat, 1)
        assert again.pk == keys[chat].pk and again.claimed_by == "me"
    assert not await sync_to_async(lanes.claim)(pager.messenger.tables, made[0].pk, "other", now_ms())


async def test_what_another_worker_has_made_is_left_to_it(pager: Any) -> None:
    chats = await written(pager, ("oc_1", ""), ("oc_2", ""), ("oc_3", ""))
    now = now_ms()
    theirs = await sync_to_async(lanes.take_new)(pager.messenger, chats[:2], "other", now)
    mine = await sync_to_async(lanes.take_new)(pager.messenger, chats, "me", now)
    assert [lane.chat_id for lane in mine] == ["oc_3"]
    assert {lane.chat_id for lane in theirs} == {"oc_1", "oc_2"}
    again = await sync_to_async(lanes.take_new)(pager.messenger, chats, "me", now + 1)
    assert again == []
