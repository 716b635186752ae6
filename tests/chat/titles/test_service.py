"""Workers write titles beside the runs: once, whoever dies, and never over a person's.

Run on SQLite and on PostgreSQL (tests/platform/test_postgres.py).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents.dialects.http import close_clients
from agents.models import Agent, ensure_default_agent
from agents.serving.models import ModelProvider, ProviderModel
from chat.commands import CreateBody, DeleteBody, RenameBody
from chat.limits import usage
from chat.limits.decide import day_of
from chat.limits.spending import Spender
from chat.models import Conversation, Event, Run, TitleWork
from chat.portable.writing import lines
from chat.runs import worker as worker_module
from chat.runs.queue import Queue
from chat.runtime import Runtime, use
from chat.session.errors import StoreUnavailable
from chat.session.sessions import Sessions
from chat.support.clock import now_ms
from chat.support.database import Database
from chat.support.tasks import end
from chat.titles.decide import MAX_TRIES, SYSTEM
from chat.titles.service import Titles
from chat.titles.store import LATELY_MS
from tests.chat.runs.test_runner import House
from tests.support.provider import Json, Provider, Reply, completion, json_reply
from tests.support.scripted import ScriptedModel, asks, says
from tests.support.waiting import eventually

ASKED = "How long does green tea have to steep in water that is not too hot, and does it matter?"
CUT = "How long does green tea have to steep in water that is not…"
COST = 50 * 1_000 + 4 * 2_000


def titled(path: str, body: Json) -> Reply:
    return completion('"Steeping green tea"', usage=(50, 4))


@pytest.fixture
async def house(sessions: Sessions, alice: Any, settings: Any) -> Any:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    await sync_to_async(ensure_default_agent)()
    house = House(sessions, alice.pk)
    yield house
    for task in house.tasks:
        task.cancel()
    await asyncio.gather(*house.tasks, return_exceptions=True)


@pytest.fixture
async def database() -> Any:
    made = Database()
    yield made
    await asyncio.to_thread(made.close)
    await close_clients()


@sync_to_async
def namer(address: str, **fields: Any) -> Agent:
    """The agent whose model writes titles, with prices."""
    row = ModelProvider(name="Mine", address=address, profile="openai-chat")
    row.set_key("sk-canary-01234567")
    row.save()
    ProviderModel.objects.create(provider=row, name="small", price_input=1, price_output=2)
    return Agent.objects.create(
        slug="namer", name="Namer", provider=row, model="small", prompt="Secret", **fields
    )


async def answered(house: House, text: str = ASKED, title: str = "", answer: Any = None) -> None:
    await house.submit(CreateBody(kind="create", title=title))
    await house.ask(text)
    await house.finish(house.worker(ScriptedModel(answer or says("Two minutes, at 70 °C."))))


def worker(house: House, database: Database, name: str = "w1") -> Titles:
    return Titles(house.sessions, database, name, "namer")


async def title(house: House) -> str:
    row = await Conversation.objects.aget(pk=house.conversation)
    assert row.title == (await house.state())["info"]["title"]
    return row.title


async def names(house: House) -> list[Json]:
    rows = Event.objects.filter(conversation=house.conversation, type="conversation.renamed").order_by("seq")
    return [json.loads(text) async for text in rows.values_list("text", flat=True)]


async def work() -> TitleWork:
    return await TitleWork.objects.aget()


async def test_an_answered_conversation_gets_a_title_once_and_what_it_took_is_counted(
    house: House, database: Database
) -> None:
    async with Provider(titled) as provider:
        await namer(provider.url)
        await answered(house)
        assert await title(house) == CUT
        before = await Conversation.objects.aget(pk=house.conversation)
        assert await worker(house, database).round() == 1
        assert await title(house) == "Steeping green tea"
        (_, told) = await names(house)
        assert told["model"] == "small" and "problem" not in told
        assert told["usage"] == {"input": 50, "output": 4, "cached": 0, "cost": COST}
        assert not await worker(house, database, "w2").round() and len(provider.requests) == 1
        (request,) = provider.requests
        assert request["messages"][0]["content"] == SYSTEM and "tools" not in request
        assert ASKED in request["messages"][1]["content"] and "70 °C" in request["messages"][1]["content"]
        assert provider.keys == ["Bearer sk-canary-01234567"]

        # Counted with the conversation, its run and so the day of who asked; and no news.
        row = await Conversation.objects.aget(pk=house.conversation)
        assert (row.input_tokens, row.output_tokens, row.cost) == (50, 4, COST)
        assert row.updated_at == before.updated_at
        run = await Run.objects.aget()
        assert (run.input_tokens, run.cost, run.status) == (50, COST, "finished")
        assert (await house.run())["usage"]["cost"] == COST
        me = Spender(f"user:{house.who.user_id}", "web")
        used = await sync_to_async(usage.of_day)(me, day_of(now_ms()))
        assert used == {"runs": 1, "tokens": 54, "money": COST}
        exported = await sync_to_async(lambda: "".join(lines(row)))()
        assert '\\"model\\":\\"small\\"' in exported

        # What is said later changes nothing of it.
        await house.ask("And black tea?")
        await house.finish(house.worker(ScriptedModel(says("Four minutes."))))
        assert not await worker(house, database).round() and len(provider.requests) == 1


async def test_two_workers_write_it_once(house: House, database: Database) -> None:
    async with Provider(titled) as provider:
        await namer(provider.url)
        await answered(house)
        done = await asyncio.gather(*(worker(house, database, f"w{n}").round() for n in range(3)))
        assert sorted(done) == [0, 0, 1]
        assert len(provider.requests) == 1 and len(await names(house)) == 2


class Held:
    """A provider that waits with its answer until it is let."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go = asyncio.Event()
        self.said: list[str] = ["First title", "Second title"]

    async def answer(self) -> Reply:
        said = self.said.pop(0)
        self.asked.set()
        await self.go.wait()
        return completion(said)

    def __call__(self, path: str, body: Json) -> Awaitable[Reply]:
        return self.answer()


async def test_one_that_was_paused_and_its_successor_give_one_title(house: House, database: Database) -> None:
    held = Held()
    async with Provider(held) as provider:
        await namer(provider.url)
        await answered(house)
        first = asyncio.create_task(worker(house, database, "w1").round())
        await asyncio.wait_for(held.asked.wait(), 10)
        await TitleWork.objects.aupdate(claimed_until=now_ms() - 1)  # it did not move for so long
        held.asked.clear()
        second = asyncio.create_task(worker(house, database, "w2").round())
        await asyncio.wait_for(held.asked.wait(), 10)
        held.go.set()
        assert await asyncio.gather(first, second) == [1, 1]
        told = [one for one in await names(house) if "model" in one]
        assert len(told) == 1 and told[0]["title"] == await title(house) != CUT
        assert (await work()).state == "over"


async def test_what_a_killed_worker_had_is_written_by_another_one_when_its_claim_has_run_out(
    house: House, database: Database
) -> None:
    async with Provider(titled) as provider:
        await namer(provider.url)
        await answered(house)
        lost = {"state": "waiting", "tries": 1, "claimed_by": "w1/titles"}
        await TitleWork.objects.acreate(
            conversation_id=house.conversation, claimed_until=now_ms() + 60_000, **lost
        )
        assert not await worker(house, database, "w2").round()
        await TitleWork.objects.aupdate(claimed_until=now_ms() - 1)
        assert await worker(house, database, "w2").round() == 1
        assert await title(house) == "Steeping green tea" and (
            (await work()).state,
            (await work()).tries,
        ) == ("over", 2)


async def test_what_was_written_by_one_that_died_before_it_said_so_is_not_written_again(
    house: House, database: Database
) -> None:
    async with Provider(titled) as provider:
        await namer(provider.url)
        await answered(house)
        await worker(house, database).round()
        await TitleWork.objects.aupdate(state="waiting", claimed_by="w1/titles", claimed_until=now_ms() - 1)
        assert await worker(house, database, "w2").round() == 1
        assert len(provider.requests) == 1 and len(await names(house)) == 2
        assert ((await work()).state, (await work()).why) == ("over", "named")


async def another(house: House) -> House:
    other = House(house.sessions, house.who.user_id)
    await answered(other)
    house.tasks += other.tasks
    return other


async def test_one_whose_workers_are_lost_again_and_again_is_left(house: House, database: Database) -> None:
    async with Provider(titled) as provider:
        await namer(provider.url)
        await answered(house)
        await TitleWork.objects.acreate(
            conversation_id=house.conversation, state="waiting", tries=MAX_TRIES, claimed_by="gone"
        )
        assert not await worker(house, database).round() and not provider.requests
        assert ((await work()).state, (await work()).why, await title(house)) == ("over", "lost", CUT)


@pytest.mark.parametrize("back", [False, True])
async def test_the_title_that_a_person_gives_while_the_model_writes_stands(
    house: House, database: Database, back: bool
) -> None:
    held = Held()
    async with Provider(held) as provider:
        await namer(provider.url)
        await answered(house)
        writing = asyncio.create_task(worker(house, database).round())
        await asyncio.wait_for(held.asked.wait(), 10)
        await house.submit(RenameBody(kind="rename", title="My tea"))
        if back:
            await house.submit(RenameBody(kind="rename", title=CUT))
        held.go.set()
        await writing
        mine = CUT if back else "My tea"
        assert await title(house) == mine
        last = (await names(house))[-1]
        assert (last["title"], last["model"], last["problem"]) == (mine, "small", "it was named meanwhile")
        assert (await Conversation.objects.aget()).input_tokens == 10, "what it took was not counted"


async def test_the_beginning_that_the_web_page_cuts_is_no_name(house: House, database: Database) -> None:
    async with Provider(titled) as provider:
        await namer(provider.url)
        await answered(house, title=f"{ASKED[:60]}…")
        await worker(house, database).round()
        assert await title(house) == "Steeping green tea" and len(await names(house)) == 1


async def test_what_has_a_name_or_no_answer_yet_is_not_asked_about(house: House, database: Database) -> None:
    async with Provider(titled) as provider:
        await namer(provider.url)
        await answered(house, title="Tea")
        renamed = await another(house)
        await renamed.submit(RenameBody(kind="rename", title="Mine"))
        gone = await another(house)
        await gone.submit(DeleteBody(kind="delete"))
        old = await another(house)
        await Run.objects.filter(conversation=old.conversation).aupdate(ended_at=now_ms() - LATELY_MS - 1)
        schedule = await another(house)
        await Conversation.objects.filter(pk=schedule.conversation).aupdate(entrance="schedule")
        waiting = House(house.sessions, house.who.user_id)
        await waiting.submit(CreateBody(kind="create"))
        await waiting.ask(ASKED)
        assert not await worker(house, database).round() and not provider.requests
        await waiting.finish(waiting.worker(ScriptedModel(says("Yes."))))
        house.tasks += waiting.tasks
        assert await worker(house, database).round() == 1
        assert await title(waiting) == "Steeping green tea" and await title(renamed) == "Mine"


async def due_now() -> None:
    await TitleWork.objects.filter(state="waiting").aupdate(claimed_until=0)


async def test_a_provider_that_fails_is_asked_a_few_times_and_the_title_is_left(
    house: House, database: Database
) -> None:
    async with Provider(lambda path, body: json_reply(503, {"error": {"message": "overloaded"}})) as provider:
        await namer(provider.url)
        await answered(house)
        for tries in range(1, MAX_TRIES + 1):
            assert await worker(house, database).round() == 1
            assert not await worker(house, database, "w2").round(), "it was asked again at once"
            assert ((await work()).tries, (await work()).state) == (
                tries,
                "over" if tries == MAX_TRIES else "waiting",
            )
            await due_now()
        assert not await worker(house, database).round()
        assert len(provider.requests) == MAX_TRIES and await title(house) == CUT
        assert "HTTP 503" in (await work()).why and len(await names(house)) == 1
        # The conversation goes on as ever.
        await house.ask("And black tea?")
        await house.finish(house.worker(ScriptedModel(says("Four minutes."))))
        assert (await house.run())["status"] == "finished"


@pytest.mark.parametrize("status", [400, 401])
async def test_what_was_refused_is_not_sent_again(house: House, database: Database, status: int) -> None:
    async with Provider(lambda path, body: json_reply(status, {"error": {"message": "no"}})) as provider:
        await namer(provider.url)
        await answered(house)
        await worker(house, database).round()
        await due_now()
        await worker(house, database).round()
        assert len(provider.requests) == 1
        assert ((await work()).state, await title(house)) == ("over", CUT)


@pytest.mark.parametrize("answer", [says("One.\nTwo."), says(" "), asks(("look", "{}"))])
async def test_an_answer_that_is_no_title_keeps_the_old_one_and_is_counted(
    house: House, database: Database, answer: Any
) -> None:
    await namer("http://127.0.0.1:9/v1")
    await answered(house)
    model = ScriptedModel(answer)
    titles = Titles(house.sessions, database, "w1", "namer", model=lambda spec: model)
    assert await titles.round() == 1 and not await titles.round()
    assert await title(house) == CUT and len(model.bodies) == 1
    assert (await names(house))[-1]["problem"] == "what came is no title"


async def test_a_mistake_of_ours_is_tried_a_few_times_and_hurts_nobody(
    house: House, database: Database
) -> None:
    await namer("http://127.0.0.1:9/v1")
    await answered(house)

    def broken(spec: Any) -> Any:
        raise ZeroDivisionError("ours")

    for _ in range(MAX_TRIES + 1):
        await Titles(house.sessions, database, "w1", "namer", model=broken).round()
        await due_now()
    assert ((await work()).state, (await work()).tries) == ("over", MAX_TRIES)
    assert (await work()).why == "ZeroDivisionError: ours"


async def test_an_outage_of_a_store_is_no_try(house: House, database: Database) -> None:
    await namer("http://127.0.0.1:9/v1")
    await answered(house)

    def away(spec: Any) -> Any:
        raise StoreUnavailable("Redis is away.")

    for _ in range(MAX_TRIES + 1):
        assert await Titles(house.sessions, database, "w1", "namer", model=away).round() == 1
        assert ((await work()).state, (await work()).tries) == ("waiting", 0)
        assert (await work()).claimed_until > now_ms()
        await due_now()


async def test_nobody_is_asked_again_and_again_whose_answers_cannot_be_kept(
    house: House, database: Database
) -> None:
    await namer("http://127.0.0.1:9/v1")
    await answered(house)
    model = ScriptedModel(says("Green tea"))

    class Full(Sessions):
        async def append(self, *args: Any, **kwargs: Any) -> Any:
            raise StoreUnavailable("Redis is full.")

    full = Full(house.sessions.store, house.sessions.journal)
    titles = Titles(full, database, "w1", "namer", model=lambda spec: model)
    for _ in range(MAX_TRIES + 2):
        await titles.round()
        await due_now()
    assert len(model.bodies) == MAX_TRIES and (await work()).state == "over"
    assert "Redis is full" in (await work()).why and await title(house) == CUT


async def test_nothing_is_asked_for_those_whose_day_is_spent(
    house: House, database: Database, settings: Any
) -> None:
    async with Provider(titled) as provider:
        await namer(provider.url)
        await answered(house)
        await Run.objects.aupdate(input_tokens=1_000)
        settings.HOLDFAST_TOKENS_PER_DAY = 1_000
        await worker(house, database).round()
        assert not provider.requests and (await work()).why == "spent"


async def test_a_worker_that_leaves_gives_it_back_at_once(house: House, database: Database) -> None:
    async with Provider(lambda path, body: Reply(hang=True)) as provider:
        await namer(provider.url)
        await answered(house)
        task = asyncio.create_task(worker(house, database).run(poll_s=0.05))

        async def sent() -> bool:
            return len(provider.requests) == 1

        await eventually(sent, 10, "the request")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert ((await work()).tries, (await work()).claimed_by) == (0, "")
        provider.answer = titled
        assert await worker(house, database, "w2").round() == 1
        assert await title(house) == "Steeping green tea"


async def test_without_its_agent_nothing_is_asked_until_it_is_there(
    house: House, database: Database, caplog: Any
) -> None:
    await answered(house)
    titles = worker(house, database)
    assert not await titles.round() and not await titles.round()
    assert caplog.text.count("HOLDFAST_TITLE_AGENT names no agent") == 1
    assert not await TitleWork.objects.aexists()
    async with Provider(titled) as provider:
        await namer(provider.url)
        assert await titles.round() == 1 and len(provider.requests) == 1


async def test_by_default_no_worker_writes_titles(house: House, database: Database, settings: Any) -> None:
    assert settings.HOLDFAST_TITLE_AGENT == ""
    runtime = use(Runtime(house.sessions, Queue()))
    async with Provider(titled) as provider:
        await namer(provider.url)
        await answered(house)
        assert worker_module._titles(runtime, "w1") == []
        settings.HOLDFAST_TITLE_AGENT = "namer"
        (task,) = worker_module._titles(runtime, "w1")

        async def written() -> bool:
            return await TitleWork.objects.filter(state="over").aexists()

        await eventually(written, 10, "the title")
        await end([task])
        assert await title(house) == "Steeping green tea" and len(provider.requests) == 1
