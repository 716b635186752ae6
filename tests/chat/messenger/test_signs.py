"""Who in a chat has seen nothing yet comes first: what is decided, and what becomes of it in a lane."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asgiref.sync import sync_to_async

from chat.feed import Feed
from chat.messenger import lanes
from chat.messenger.answers import Answers
from chat.messenger.follow import Follower
from chat.messenger.lanes import Todo, in_turn
from chat.messenger.run_cards import RunCards
from chat.messenger.signs import FirstSign
from chat.session.contract import Position
from chat.session.memory import MemoryStore
from chat.session.sessions import Sessions
from chat.support.clock import now_ms
from chat.support.rush import FEW, MOST_S, rush
from tests.chat.messenger.house import PagerHouse, make_pager_app, prepare
from tests.support.scripted import ScriptedModel, says
from tests.support.waiting import eventually
from tests.support.worlds import MemoryWorld

CHATS, EACH = 8, 6


class Heard:
    """What a sign says to its keeper."""

    def __init__(self, since: float | None = 1.0) -> None:
        self.told: list[str] = []
        self.sign = FirstSign(
            since, wake=lambda: self.told.append("wake"), over=lambda: self.told.append("over")
        )

    @property
    def hurry(self) -> tuple[bool, bool]:
        """Whether what comes in is in a hurry, and what goes out."""
        return self.sign.hurry_in is not None, self.sign.hurry_out is not None


# ---- what is decided ----


def test_the_first_message_is_in_a_hurry_and_then_its_card_is() -> None:
    heard = Heard()
    assert heard.hurry == (True, True)
    heard.sign.begun("r1", "om_1")
    assert heard.hurry == (False, True) and heard.told == ["wake"]
    assert [heard.sign.run(), heard.sign.run()] == [("r1", "om_1"), ("", "")], "it is shown once"
    heard.sign.shown()
    assert heard.hurry == (False, False) and heard.told == ["wake", "over"]


def test_a_second_message_is_in_no_hurry() -> None:
    heard = Heard()
    heard.sign.begun("r1", "om_1")
    heard.sign.begun("r2", "om_2")
    assert heard.sign.run() == ("r1", "om_1") and heard.told == ["wake"]


def test_what_was_no_message_of_a_conversation_may_have_a_reply_that_is_in_a_hurry() -> None:
    heard = Heard()
    heard.sign.tried()
    heard.sign.tried()
    assert heard.hurry == (False, True) and heard.sign.run() == ("", "") and heard.told == ["wake"]


def test_a_round_before_anything_was_taken_shows_nothing() -> None:
    heard = Heard()
    heard.sign.shown()
    assert heard.hurry == (True, True) and heard.told == []


def test_where_nobody_has_written_nothing_is_in_a_hurry() -> None:
    heard = Heard(since=None)
    heard.sign.begun("r1", "om_1")
    heard.sign.tried()
    heard.sign.shown()
    assert heard.hurry == (False, False) and heard.sign.run() == ("", "") and heard.told == []


def test_a_lane_that_is_let_go_holds_up_nobody() -> None:
    heard = Heard()
    heard.sign.end()
    assert heard.hurry == (False, False) and heard.told == ["over"]


def test_chats_that_have_been_told_nothing_are_seen_to_first_and_by_each_worker_in_its_own_order() -> None:
    new = [(1, f"oc_{n}", "") for n in range(9)]
    todo = Todo(new=list(new), mail={1, 2, 3}, out={3, 4, 5}, news={5, 6})
    orders = [in_turn(todo, me) for me in ("a", "b")]
    for chats, found in orders:
        assert set(chats) == set(new) and len(chats) == 9
        assert set(found[:3]) == {1, 2, 3} and set(found[3:]) == {4, 5, 6}
        assert len(found) == 6
    assert orders[0] != orders[1] and orders[0] == in_turn(todo, "a")


# ---- what becomes of it ----


class Unattended(PagerHouse):
    """A house whose runs nobody performs."""

    async def enqueue(self, conversation: str, run: str) -> bool:
        return True


@asynccontextmanager
async def unattended(journal: Any) -> AsyncIterator[Unattended]:
    await prepare()
    sessions = Sessions(MemoryWorld.make(600_000).store, journal)
    house = Unattended(sessions, await make_pager_app(), ScriptedModel(says("Hello!")))
    try:
        yield house
    finally:
        await house.close()


async def test_the_first_card_of_every_chat_comes_before_further_messages(
    transactional_db: None, redis_url: str, sqlite_journal: Any
) -> None:
    async with unattended(sqlite_journal) as house:
        for number in range(EACH):
            for chat in range(CHATS):
                await house.speak(f"{number}", f"oc_{chat}", at_ms=now_ms() + number)
        house.serve()

        async def shown() -> bool:
            return all(house.cards(f"oc_{chat}") for chat in range(CHATS))

        await eventually(shown, 20, "the first cards", every=0.005)
        messages = house.messenger.tables.messages
        taken = await messages.filter(state="taken").acount()
        assert taken <= 2 * CHATS, f"{taken} of {CHATS * EACH} messages were taken before"

        async def all_taken() -> bool:
            return await messages.filter(state="taken").acount() == CHATS * EACH

        await eventually(all_taken, 20, "the other messages")
        replied = [page.reply_to for page in house.tower.pages if page.card]
        assert len(replied) == len(set(replied)) == CHATS, "one card each"


class Elsewhere(PagerHouse):
    """A house whose runs another worker, which has nobody to wait for, performs at once."""

    async def enqueue(self, conversation: str, run: str) -> bool:
        await self.runner.perform(conversation, run)
        return True


async def test_an_answer_that_is_there_before_the_card_waits_for_nobody(
    transactional_db: None, redis_url: str, sqlite_journal: Any
) -> None:
    """Its run has no card any more, and the answer is the first sign of life: it was told behind everybody's."""
    await prepare()
    sessions = Sessions(MemoryWorld.make(600_000).store, sqlite_journal)
    house = Elsewhere(sessions, await make_pager_app(), ScriptedModel(says("Hello!")))
    others = [rush().begin() for _ in range(2 * FEW)]
    try:
        await house.speak("hello")
        began = time.monotonic()
        house.serve()
        await house.answered("Hello!")
        assert time.monotonic() - began < MOST_S / 2
        assert house.cards() == []
    finally:
        for over in others:
            over()
        await house.close()


async def test_one_of_two_workers_has_a_new_chat(pager: Any) -> None:
    await pager.speak("hello", "oc_new")
    todo = await sync_to_async(lanes.look)(pager.messenger, "one", now_ms())
    assert todo.lanes == set() and len(todo.new) == 1
    taken = await sync_to_async(lanes.take)(pager.messenger, todo.new[0], "one", now_ms())
    assert taken is not None and taken.chat_id == "oc_new" and taken.claimed_by == "one"
    assert await sync_to_async(lanes.take)(pager.messenger, todo.new[0], "two", now_ms()) is None
    assert await sync_to_async(lanes.take)(pager.messenger, taken.pk, "two", now_ms()) is None
    todo = await sync_to_async(lanes.look)(pager.messenger, "one", now_ms())
    assert todo.mail == {taken.pk} and todo.new == []


async def test_a_message_that_joined_another_run_gets_no_card_of_its_own(pager: Any) -> None:
    """The run that is named after it is none."""
    await pager.speak("hello", "oc_a")
    todo = await sync_to_async(lanes.look)(pager.messenger, "one", now_ms())
    lane = await sync_to_async(lanes.take)(pager.messenger, todo.new[0], "one", now_ms())
    assert lane is not None

    async def turn() -> bool:
        return True

    messenger = pager.messenger
    follower = Follower(Feed(pager.sessions.store, pager.sessions.look), str(lane.conversation))
    answers = Answers(messenger, lane, "one")
    made = RunCards(
        messenger, lane, messenger.client(pager.app), follower, answers, now_ms, lambda: True, turn
    )
    assert not await made.begin(uuid.uuid4().hex, "om_1", now_ms())
    assert pager.tower.pages == [] and not await messenger.tables.turns.aexists()


async def test_a_reader_whom_no_bell_reaches_is_told_to_read_on() -> None:
    """The feed looks at a conversation at rest every few seconds, and a lane may be kept while it is: the card of the
    next run was late by that."""
    store, conversation = MemoryStore(), str(uuid.uuid4())
    await store.seed(conversation, Position("e0", 0, ""), {"run": "null"}, fence=0, archived=0, replaces=None)

    async def load(asked: str) -> Any:
        return await store.load(asked)

    feed = Feed(store, load, slow_poll_s=6_000)
    task = asyncio.create_task(feed.run())
    try:
        follower = Follower(feed, conversation)
        await follower.follow()
        await asyncio.sleep(0.2)
        event = '{"at":1,"type":"run.queued","run":"r","cause":"m"}'
        await store.append(conversation, Position("e0", 0, ""), [event], {})
        await asyncio.sleep(0.2)
        assert follower.seq == 0, "nobody has told it"
        await follower.follow(1)
        await eventually(lambda: follower.seq == 1, 5, "the event")
        assert follower.run == ("r", False)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
