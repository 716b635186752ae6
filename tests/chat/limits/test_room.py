"""The limits of a person at the inbox: what is refused, what is not lost by it, and when there is room again.

Run on SQLite and on PostgreSQL (tests/platform/test_postgres.py).
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents.models import ensure_default_agent
from chat import models as m
from chat.commands import CreateBody, DeleteBody, RenameBody, SendBody, StopBody, TryAgainBody
from chat.inbox import Inbox, Sender
from chat.journal import forks
from chat.journal.queries import Whose
from chat.limits import usage
from chat.limits.decide import DAY_MS, day_of
from chat.limits.rates import commands
from chat.limits.spending import Spender
from chat.session.sessions import Sessions
from chat.support.clock import now_ms
from tests.chat.test_inbox import Desk, uid


class Days:
    """A clock that goes on by days."""

    def __init__(self) -> None:
        self.ahead = 0

    def now(self) -> int:
        return now_ms() + self.ahead


@pytest.fixture(autouse=True)
def fresh(settings: Any) -> Any:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    commands.forget()
    yield
    commands.forget()


class DatedDesk(Desk):
    """A desk with a clock."""

    def __init__(self, sessions: Sessions, user_id: int) -> None:
        super().__init__(sessions, user_id)
        self.clock = Days()
        self.inbox = Inbox(sessions, self._enqueue, clock=self.clock)

    def through(self, entrance: str, actor: str = "") -> Sender:
        """Somebody who may do what the owner may, at another entrance."""
        owner = self.who.user_id
        standing = self.who.stands(Whose(owner, deleted=False, asker_active=True))
        return Sender(owner, entrance, actor=actor, standing=standing)


@pytest.fixture
async def desk(sessions: Sessions, alice: Any) -> DatedDesk:
    await sync_to_async(ensure_default_agent)()
    return DatedDesk(sessions, alice.pk)


async def over(desk: DatedDesk, conversation: str, **used: Any) -> None:
    """The run is over, and has taken this."""
    await desk.submit(conversation, StopBody(kind="stop"))
    if used:
        await m.Run.objects.filter(conversation_id=conversation).aupdate(**used)


@pytest.mark.parametrize(
    ("setting", "used", "code"),
    [
        ("HOLDFAST_RUNS_PER_DAY", {}, "runs_spent"),
        ("HOLDFAST_TOKENS_PER_DAY", {"input_tokens": 1, "output_tokens": 0}, "tokens_spent"),
        ("HOLDFAST_DOLLARS_PER_DAY", {"cost": 10**9}, "money_spent"),
    ],
)
async def test_what_is_spent_for_the_day_is_refused_before_it_is_stored_and_works_the_next_day(
    desk: DatedDesk, settings: Any, setting: str, used: dict[str, int], code: str
) -> None:
    setattr(settings, setting, 1)
    conversation = await desk.begin()
    send, id = SendBody(kind="send", message=uid(), text="one"), uid()
    assert (await desk.submit(conversation, send, id)).status == "applied"
    await over(desk, conversation, **used)
    later, second = SendBody(kind="send", message=uid(), text="two"), uid()
    refused = await desk.submit(conversation, later, second)
    left = DAY_MS - desk.clock.now() % DAY_MS
    assert (refused.status, refused.code, refused.retry) == ("rejected", code, False)
    assert abs(refused.after - left / 1000) < 5
    assert await m.Message.objects.filter(kind="message").acount() == 1
    assert not await m.Command.objects.filter(command=second).aexists()
    new = await desk.submit(uid(), CreateBody(kind="create"))
    assert (new.status, new.code) == ("rejected", code), "a conversation in which nothing could be said"
    # What was carried out stays so, and what frees or ends is always possible.
    assert (await desk.submit(conversation, send, id)).status == "duplicate"
    assert (await desk.submit(conversation, RenameBody(kind="rename", title="x"))).status == "applied"
    desk.clock.ahead = DAY_MS
    assert (await desk.submit(conversation, later, second)).status == "applied"


async def test_each_person_has_their_own_at_each_entrance(desk: DatedDesk, settings: Any) -> None:
    settings.HOLDFAST_RUNS_PER_DAY = 1
    conversation = await desk.begin()
    assert (await desk.send(conversation)).status == "applied"
    assert (await desk.send(conversation)).code == "runs_spent"
    await over(desk, conversation)
    owner = desk.who.user_id
    others = [("api", ""), ("schedule", ""), ("feishu", "guest:1"), ("feishu", "guest:2")]
    for entrance, actor in others:
        other = desk.through(entrance, actor)
        body = SendBody(kind="send", message=uid(), text="hello")
        one = await desk.inbox.submit(other, conversation, uid(), body)
        assert one.status == "applied", (other, one)
        await over(desk, conversation)
        again = SendBody(kind="send", message=uid(), text="hello")
        two = await desk.inbox.submit(other, conversation, uid(), again)
        assert two.code == "runs_spent", other
    counted = m.Run.objects.order_by("id").values_list("person", "entrance")
    user = f"user:{owner}"
    assert [row async for row in counted] == [
        (user, "web"),
        (user, "api"),
        (user, "schedule"),
        ("guest:1", "feishu"),
        ("guest:2", "feishu"),
    ]


async def test_a_message_that_waited_counts_for_who_said_it_when_its_run_begins(desk: DatedDesk) -> None:
    conversation = await desk.begin()
    await desk.send(conversation, "first")
    body = SendBody(kind="send", message=uid(), text="second")
    who = desk.through("api")
    assert (await desk.inbox.submit(who, conversation, uid(), body)).status == "applied"
    assert await m.Run.objects.acount() == 1
    await over(desk, conversation)
    assert [one async for one in m.Run.objects.order_by("id").values_list("entrance", flat=True)] == [
        "web",
        "api",
    ]


async def test_another_answer_counts_where_it_is_asked_for(desk: DatedDesk, settings: Any) -> None:
    conversation = await desk.begin()
    who = desk.through("api")
    body = SendBody(kind="send", message=uid(), text="hello")
    await desk.inbox.submit(who, conversation, uid(), body)
    await over(desk, conversation)
    settings.HOLDFAST_RUNS_PER_DAY = 1
    notice = await m.Message.objects.aget(kind="notice")
    again = TryAgainBody(kind="try_again", item=notice.message, branch=uid())
    assert await forks.of_answer(desk.sessions.journal, conversation, notice.message) is not None
    assert (await desk.submit(conversation, again)).status == "applied"
    await over(desk, conversation)
    more = TryAgainBody(kind="try_again", item=notice.message, branch=uid())
    assert (await desk.submit(conversation, more)).code == "runs_spent"
    today = day_of(now_ms())
    used = await sync_to_async(usage.of_day)(Spender(f"user:{desk.who.user_id}", "web"), today)
    assert used["runs"] == 1


async def test_conversations_are_counted_and_deleting_one_makes_room(desk: DatedDesk, settings: Any) -> None:
    settings.HOLDFAST_CONVERSATIONS_PER_USER = 2
    first, _ = await desk.begin(), await desk.begin()
    full = await desk.submit(uid(), CreateBody(kind="create"))
    assert (full.status, full.code, full.retry, full.after) == ("rejected", "conversations_full", False, 0)
    assert (await desk.submit(first, CreateBody(kind="create"))).status == "applied", "it is there already"
    other = Sender(desk.who.user_id, "api")
    made = await desk.inbox.submit(other, uid(), uid(), CreateBody(kind="create"))
    assert made.status == "applied", "what a program makes takes nothing from the web chat"
    assert (await desk.submit(first, DeleteBody(kind="delete"))).status == "applied"
    assert (await desk.submit(uid(), CreateBody(kind="create"))).status == "applied"


async def test_commands_within_a_minute_through_every_door_and_a_stop_passes(
    desk: DatedDesk, settings: Any
) -> None:
    conversation = await desk.begin()
    settings.HOLDFAST_COMMANDS_PER_MINUTE = 3
    commands.forget()
    told = [
        await desk.submit(conversation, RenameBody(kind="rename", title=str(number))) for number in range(5)
    ]
    assert [one.status for one in told] == ["applied"] * 3 + ["rejected"] * 2
    assert told[-1].code == "too_fast" and told[-1].retry and 0 < told[-1].after <= 60
    assert (await desk.submit(conversation, StopBody(kind="stop"))).code == "no_run"
    by_token = desk.through("api")
    rename = RenameBody(kind="rename", title="by a program")
    assert (await desk.inbox.submit(by_token, conversation, uid(), rename)).status == "applied"
    ticking = Sender(desk.who.user_id, "schedule")
    for _ in range(5):  # nobody is there who hammers: it has rates of its own
        body = SendBody(kind="send", message=uid(), text="tick")
        assert (await desk.inbox.submit(ticking, conversation, uid(), body)).status == "applied"


async def test_without_limits_nothing_is_refused(desk: DatedDesk, settings: Any) -> None:
    for name in ("RUNS_PER_DAY", "TOKENS_PER_DAY", "DOLLARS_PER_DAY", "CONVERSATIONS_PER_USER"):
        setattr(settings, f"HOLDFAST_{name}", 0)
    conversation = await desk.begin()
    assert (await desk.send(conversation)).status == "applied"
    await m.Run.objects.aupdate(cost=10**18, input_tokens=10**15)
    assert (await desk.send(conversation)).status == "applied"


async def test_many_at_once_pass_a_limit_by_no_more_than_they_are(desk: DatedDesk, settings: Any) -> None:
    settings.HOLDFAST_RUNS_PER_DAY = 3
    places = [await desk.begin() for _ in range(6)]
    told = await asyncio.gather(*(desk.send(place) for place in places))
    assert sum(one.status == "applied" for one in told) >= 3
    assert (await desk.send(places[0])).code == "runs_spent"


async def test_a_run_of_the_release_before_counts_for_nobody(desk: DatedDesk) -> None:
    conversation = await desk.begin()
    await desk.send(conversation)
    await m.Run.objects.aupdate(person="", entrance="")
    spender = Spender(f"user:{desk.who.user_id}", "web")
    assert (await sync_to_async(usage.of_day)(spender, 0))["runs"] == 0
