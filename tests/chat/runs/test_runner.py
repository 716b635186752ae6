"""Runs performed over both stores: ownership, take-over, stops, messages in the middle, outages."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents import events as e
from agents.dialects.base import TextDelta
from agents.models import ensure_default_agent
from agents.spec import AgentSpec
from agents.tools import Toolbox, ToolContext, tool
from chat import models as m
from chat.commands import (
    ApproveBody,
    CreateBody,
    EditBody,
    SendBody,
    SettleBody,
    StopBody,
    WithdrawBody,
)
from chat.inbox import Inbox, Sender
from chat.runs.dependencies import RunDependencies
from chat.runs.ownership import MAX_INTERNAL_ERRORS
from chat.runs.runner import Runner, RunOutcome
from chat.session.errors import StoreUnavailable
from chat.session.sessions import Sessions
from chat.session.state import items
from tests.support.scripted import Pause, ScriptedModel, asks, says
from tests.support.waiting import eventually

SPEC = AgentSpec(slug="assistant", name="A", model="scripted", base_url="http://localhost/v1")
LEASE_MS = 60_000


def uid() -> str:
    return str(uuid.uuid4())


class Bench:
    """Tools that the tests hold in their hands."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.gate = asyncio.Event()
        self.busy = asyncio.Event()
        self.cancelled = 0

        @tool(effect="read_only")
        async def look(context: ToolContext) -> str:
            """Look at something."""
            return await self._run("look", context)

        @tool(effect="effectful")
        async def act(context: ToolContext) -> str:
            """Do something."""
            return await self._run("act", context)

        self.toolbox = Toolbox([look, act])

    async def _run(self, name: str, context: ToolContext) -> str:
        row = await m.Call.objects.aget(conversation_id=context.conversation, call=context.call)
        assert row.status == "running", "R3: a tool was started before the journal had its call"
        self.started.append(name)
        self.busy.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return f"{name} done"


class House:
    """One conversation, an inbox, and as many workers as a test wants."""

    def __init__(self, sessions: Sessions, user_id: int) -> None:
        self.sessions = sessions
        self.bench = Bench()
        self.queue: list[tuple[str, str]] = []
        self.inbox = Inbox(sessions, self._enqueue)
        self.who = Sender(user_id, name="alice")
        self.conversation = uid()
        self.tasks: list[asyncio.Task[Any]] = []
        self.spec: AgentSpec | None = replace(SPEC, tools=("look", "act"))

    async def _enqueue(self, conversation: str, run: str) -> bool:
        self.queue.append((conversation, run))
        return True

    async def submit(self, body: Any) -> None:
        result = await self.inbox.submit(self.who, self.conversation, uid(), body)
        assert result.status == "applied", result

    async def ask(self, text: str = "hello") -> str:
        await self.submit(SendBody(kind="send", message=uid(), text=text))
        return text

    def worker(self, model: Any, name: str = "w1", **options: Any) -> Runner:
        async def agent(slug: str) -> AgentSpec | None:
            return self.spec

        kit = RunDependencies(agent=agent, model=lambda spec: model, tools=self.bench.toolbox)
        settings: dict[str, Any] = {"lease_ms": LEASE_MS, "renew_ms": 50, **options}
        runner = Runner(self.sessions, self._enqueue, kit, worker=name, **settings)
        self.tasks.append(asyncio.create_task(runner.watch(20)))
        return runner

    def start(self, runner: Runner) -> asyncio.Task[RunOutcome]:
        conversation, run = self.queue.pop(0)
        task = asyncio.create_task(runner.perform(conversation, run))
        self.tasks.append(task)
        return task

    async def finish(self, runner: Runner) -> None:
        """Perform what is queued until nothing is."""
        async with asyncio.timeout(20):
            while self.queue:
                conversation, run = self.queue[0]
                if await self.start(runner) == "isolated":
                    runner.isolated = True  # as the supervisor has it done
                    await runner.perform(conversation, run)
                    runner.isolated = False

    async def state(self) -> Any:
        return (await self.sessions.load(self.conversation)).state

    async def run(self) -> Any:
        return (await self.state())["run"]

    async def steps(self) -> list[Any]:
        return [item for item in items(await self.state()) if item["kind"] == "step"]

    async def call(self, name: str) -> Any:
        return next(c for step in await self.steps() for c in step["calls"] if c["name"] == name)

    async def events(self) -> list[str]:
        rows = m.Event.objects.filter(conversation_id=self.conversation).order_by("seq")
        seqs, types = [], []
        async for row in rows:
            seqs.append(row.seq)
            types.append(row.type)
        assert seqs == list(range(1, len(seqs) + 1)), "a hole in the journal"
        return types

    async def until(self, status: str) -> None:
        async def there() -> bool:
            return (await self.run())["status"] == status

        await eventually(there, 10, f"the run to be {status}")


@pytest.fixture(autouse=True)
def bells_in_memory(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
async def house(sessions: Sessions, alice: Any) -> AsyncIterator[House]:
    await sync_to_async(ensure_default_agent)()
    made = House(sessions, alice.pk)
    await made.submit(CreateBody(kind="create", title="T"))
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)


async def test_a_question_is_answered(house: House):
    await house.ask()
    await house.finish(house.worker(ScriptedModel(says("Good day"))))
    assert (await house.events())[2:] == [
        "run.queued",
        "run.started",
        "step.started",
        "step.finished",
        "run.finished",
    ]
    (step,) = await house.steps()
    assert step["text"] == "Good day"
    assert await house.sessions.store.lease(house.conversation) is None


async def test_R3_R9_calls_are_journalled_before_they_start_and_settled_each(house: House):
    house.bench.gate.set()
    await house.ask()
    await house.finish(house.worker(ScriptedModel(asks(("look", "{}"), ("act", "{}")), says("Done"))))
    assert sorted(house.bench.started) == ["act", "look"]
    first, last = await house.steps()
    assert [call["status"] for call in first["calls"]] == ["succeeded", "succeeded"]
    assert last["text"] == "Done"


async def test_R2_a_run_that_somebody_owns_is_left_alone(house: House):
    await house.ask()
    assert await house.sessions.take(house.conversation, "somebody", LEASE_MS)
    before = await house.events()
    await house.finish(house.worker(ScriptedModel(says("never"))))
    assert await house.events() == before


async def test_R2_the_same_task_twice_is_one_run(house: House):
    await house.ask()
    model = ScriptedModel(says("once"))
    house.queue *= 3
    one, other = house.worker(model), house.worker(model, "w2")
    tasks = [house.start(one), house.start(other), house.start(one)]
    await asyncio.gather(*tasks)
    assert (await house.events()).count("run.started") == 1
    assert len(model.bodies) == 1


async def test_R2_an_owner_whose_fence_is_old_writes_nothing(house: House, caplog: Any):
    pause = Pause()
    await house.ask()
    model = ScriptedModel([TextDelta("Half "), pause, *says("an answer")])
    task = house.start(house.worker(model, renew_ms=60_000))
    await pause.reached.wait()
    # The owner sleeps past its lease; another takes over, and has not even begun.
    await house.sessions.store.delete(house.conversation)
    assert await house.sessions.take(house.conversation, "other", LEASE_MS)
    before = await house.events()
    pause.release.set()
    await asyncio.wait_for(task, 10)
    assert await house.events() == before
    assert await house.sessions.store.lease(house.conversation) == "other"


async def test_R2_an_owner_that_lost_its_lease_stops_working(house: House, caplog: Any):
    await house.ask()
    task = house.start(house.worker(ScriptedModel(asks(("act", "{}")))))
    await house.bench.busy.wait()

    async def somebody_else_takes_it() -> int | None:
        # The owner may be faster, and rightly has its lease again; then the store loses it once more.
        await house.sessions.store.delete(house.conversation)
        return await house.sessions.take(house.conversation, "other", LEASE_MS)

    await eventually(somebody_else_takes_it, 10, "somebody else to be faster than the owner")
    before = await house.events()
    await asyncio.wait_for(task, 10)
    assert house.bench.cancelled == 1
    assert await house.events() == before
    assert "the lease was lost" in caplog.text


async def dead(house: House, *calls: tuple[str, e.Effect]) -> None:
    """A run whose owner died while these tools ran."""
    await house.ask()
    run = (await house.run())["id"]
    step = f"{run}.1"
    ids = [e.call_id(house.conversation, step, n) for n in range(len(calls))]
    at: dict[str, Any] = {"at": time.time_ns() // 1_000_000}
    proposed = tuple(
        e.ProposedCall(call=ids[n], ordinal=n, name=name, arguments="{}", effect=effect)
        for n, (name, effect) in enumerate(calls)
    )
    told: list[e.Event] = [
        e.RunStarted(**at, run=run, attempt=1, fence=1, worker="dead"),
        e.StepStarted(**at, run=run, step=step),
    ]
    if calls:
        told.append(e.StepFinished(**at, run=run, step=step, text="", calls=proposed))
    told += [e.CallStarted(**at, step=step, call=id, attempt=1, fence=1, worker="dead") for id in ids]
    await house.sessions.append(house.conversation, lambda view: told)


async def test_R4_what_may_run_twice_is_run_again(house: House):
    house.bench.gate.set()
    await dead(house, ("look", "read_only"))
    await house.finish(house.worker(ScriptedModel(says("Found it"))))
    call, run = await house.call("look"), await house.run()
    assert (call["status"], call["attempt"]) == ("succeeded", 2)
    assert (run["status"], run["attempt"]) == ("finished", 2)
    types = await house.events()
    assert types.index("run.recovering") < types.index("call.retried")


@pytest.mark.parametrize("decision", ["happened", "did_not_happen", "run_again"])
async def test_R4_what_may_have_had_an_effect_waits_for_a_person(house: House, decision: Any):
    house.bench.gate.set()
    await dead(house, ("act", "effectful"))
    worker = house.worker(ScriptedModel(says("Good")))
    await house.finish(worker)
    assert house.bench.started == [], "an effect may have happened twice"
    assert (await house.run())["status"] == "waiting"
    assert await house.sessions.store.lease(house.conversation) is None, "a waiting run holds a worker"
    call = await house.call("act")
    assert call["status"] == "in_doubt"
    await house.submit(SettleBody(kind="settle", call=call["id"], decision=decision, result="I looked"))
    await house.finish(worker)
    assert (await house.run())["status"] == "finished"
    outcome = {"happened": "succeeded", "did_not_happen": "failed", "run_again": "succeeded"}
    assert (await house.call("act"))["status"] == outcome[decision]
    assert house.bench.started == (["act"] if decision == "run_again" else [])


def approve(call: Any, decision: Any = "approve", note: str = "") -> ApproveBody:
    digest = call["approval"]["digest"]
    return ApproveBody(kind="approve", call=call["id"], digest=digest, decision=decision, note=note)


async def test_W8_of_two_words_at_the_same_moment_one_wins_and_it_is_done(house: House):
    house.bench.gate.set()
    house.spec = replace(SPEC, tools=("look", "act"), approval_tools=("act",))
    model = ScriptedModel(asks(("act", "{}")), says("Good"))
    worker = house.worker(model)
    await house.ask()
    await house.finish(worker)
    assert house.bench.started == [], "it ran before anybody had allowed it"
    assert ((await house.run())["status"], (await house.run())["reason"]) == ("waiting", "approval")
    assert await house.sessions.store.lease(house.conversation) is None, "a waiting run holds a worker"
    row = await m.Call.objects.aget(conversation_id=house.conversation)
    assert row.status == "awaiting_approval", "the admin must see it"
    call = await house.call("act")
    bob = replace(house.who, name="bob")
    yes, no = await asyncio.gather(
        house.inbox.submit(house.who, house.conversation, uid(), approve(call)),
        house.inbox.submit(bob, house.conversation, uid(), approve(call, "refuse", "not now")),
    )
    assert sorted([yes.status, no.status]) == ["applied", "rejected"]
    assert {yes.code, no.code} == {None, "already_decided"}
    won = yes.status == "applied"
    await house.finish(worker)
    assert (await house.run())["status"] == "finished"
    call = await house.call("act")
    assert call["status"] == ("succeeded" if won else "cancelled")
    assert call["approval"]["by"] == ("alice" if won else "bob"), "the loser is told who decided"
    assert house.bench.started == (["act"] if won else [])
    read = model.bodies[-1]["messages"][-1]["content"]
    assert read == "act done" if won else read.endswith("not now")
    row = await m.Call.objects.aget(conversation_id=house.conversation)
    assert (row.status, row.code) == (("succeeded", "") if won else ("cancelled", "refused"))


async def test_W8_what_is_allowed_while_another_call_runs_starts_beside_it(house: House):
    house.spec = replace(SPEC, tools=("look", "act"), approval_tools=("act",))
    worker = house.worker(ScriptedModel(asks(("act", "{}"), ("look", "{}")), says("Both")))
    await house.ask()
    work = house.start(worker)
    async with asyncio.timeout(10):
        await house.bench.busy.wait()
    assert house.bench.started == ["look"]
    await house.submit(approve(await house.call("act")))
    await eventually(lambda: _is(house.bench.started == ["look", "act"]), 10, "the allowed call to start")
    house.bench.gate.set()
    await work
    assert (await house.run())["status"] == "finished"
    assert house.queue == [], "a run that works needs no resumption"


async def test_W8_each_allowed_call_runs_without_waiting_for_the_other_decisions(house: House):
    house.bench.gate.set()
    house.spec = replace(SPEC, tools=("look", "act"), approval_tools=("look", "act"))
    worker = house.worker(ScriptedModel(asks(("act", "{}"), ("look", "{}"), ("act", "{")), says("Done")))
    await house.ask()
    await house.finish(worker)
    step = (await house.steps())[0]
    assert [call["status"] for call in step["calls"]] == ["awaiting_approval", "awaiting_approval", "failed"]
    await house.submit(approve(step["calls"][0]))
    await house.finish(worker)
    assert house.bench.started == ["act"]
    assert ((await house.run())["status"], (await house.run())["reason"]) == ("waiting", "approval")
    await house.submit(StopBody(kind="stop"))
    assert (await house.run())["status"] == "stopped"
    assert (await house.call("look"))["status"] == "cancelled"


async def _is(true: bool) -> bool:
    return true


async def test_R4_a_stray_entry_for_a_waiting_run_changes_nothing(house: House):
    await dead(house, ("act", "effectful"))
    worker = house.worker(ScriptedModel(says("Good")))
    entry = house.queue[0]
    await house.finish(worker)
    before = await house.events()
    house.queue.append(entry)
    await house.finish(worker)
    assert await house.events() == before


async def test_R5_a_cut_answer_is_replaced(house: House):
    await dead(house)
    await house.finish(house.worker(ScriptedModel(says("Whole"))))
    (step,) = await house.steps()
    assert (step["text"], step["attempt"], step["survived"]) == ("Whole", 2, True)


async def test_R6_a_message_joins_at_the_next_step(house: House):
    await house.ask("first")
    model = ScriptedModel(asks(("look", "{}")), says("Both"))
    task = house.start(house.worker(model))
    await house.bench.busy.wait()
    await house.ask("second")
    house.bench.gate.set()
    await asyncio.wait_for(task, 10)
    told = [message.get("content") for message in model.bodies[-1]["messages"]]
    assert told.index("first") < told.index("second")
    assert (await house.events()).count("run.queued") == 1


async def test_R6_a_message_during_the_last_answer_is_answered(house: House):
    pause = Pause()
    await house.ask("first")
    model = ScriptedModel([TextDelta("One"), pause, *says("!")], says("Two"))
    worker = house.worker(model)
    task = house.start(worker)
    await pause.reached.wait()
    await house.ask("second")
    pause.release.set()
    await asyncio.wait_for(task, 10)
    await house.finish(worker)
    assert [step["text"] for step in await house.steps()] == ["One!", "Two"]
    assert (await house.run())["status"] == "finished"


async def test_R7_stop_in_the_middle_of_an_answer_keeps_what_was_said(house: House):
    pause = Pause()
    await house.ask()
    task = house.start(house.worker(ScriptedModel([TextDelta("Half"), pause])))
    await pause.reached.wait()

    async def streamed() -> bool:
        part = (await house.sessions.load(house.conversation)).part
        return part is not None and part.text == "Half"

    await eventually(streamed, 5, "the text")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await house.submit(StopBody(kind="stop"))
    await asyncio.wait_for(task, 10)
    assert loop.time() - began < 1
    assert pause.cancelled
    (step,) = await house.steps()
    assert (step["status"], step["text"]) == ("stopped", "Half")
    assert (await house.run())["status"] == "stopped"


async def test_R7_a_stop_swallows_no_message_and_what_was_changed_meanwhile_is_what_is_answered(house: House):
    pause = Pause()
    await house.ask("first")
    model = ScriptedModel([TextDelta("Half"), pause], says("Second."))
    worker = house.worker(model)
    task = house.start(worker)
    await pause.reached.wait()
    waiting, gone = uid(), uid()
    await house.submit(SendBody(kind="send", message=waiting, text="seocnd"))
    await house.submit(SendBody(kind="send", message=gone, text="never mind"))
    await house.submit(EditBody(kind="edit", message=waiting, text="second"))
    await house.submit(WithdrawBody(kind="withdraw", message=gone))
    await house.submit(StopBody(kind="stop"))
    await asyncio.wait_for(task, 10)
    await house.finish(worker)
    assert [(step["status"], step["text"]) for step in await house.steps()][-1] == ("finished", "Second.")
    run = await house.run()
    assert (run["status"], run["cause"]) == ("finished", waiting)
    said = [one["content"] for one in model.bodies[-1]["messages"] if one["role"] == "user"]
    assert said[-1] == "second" and not any("never mind" in one for one in said)


async def test_R7_stop_cancels_tools_and_closes_their_calls(house: House):
    await house.ask()
    task = house.start(house.worker(ScriptedModel(asks(("look", "{}"), ("act", "{}")))))
    await eventually(lambda: len(house.bench.started) == 2, 5, "both tools")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await house.submit(StopBody(kind="stop"))
    await asyncio.wait_for(task, 10)
    assert loop.time() - began < 1
    assert house.bench.cancelled == 2
    statuses = {(await house.call(name))["status"] for name in ("look", "act")}
    assert statuses == {"cancelled"}
    assert (await house.run())["status"] == "stopped"


async def test_R7_a_stop_that_nobody_heard_is_carried_out_by_the_next_owner(house: House):
    await dead(house, ("act", "effectful"))
    await house.submit(StopBody(kind="stop"))
    assert (await house.run())["stopping"]
    await house.finish(house.worker(ScriptedModel(says("never"))))
    assert (await house.run())["status"] == "stopped"
    assert (await house.call("act"))["status"] == "cancelled"


async def test_R4_a_worker_that_leaves_hands_over_at_once(house: House):
    await house.ask()
    first = house.worker(ScriptedModel(asks(("look", "{}"))))
    task = house.start(first)
    await house.bench.busy.wait()
    loop = asyncio.get_running_loop()
    began = loop.time()
    first.leave()
    await asyncio.wait_for(task, 10)
    assert loop.time() - began < 1
    run = await house.run()
    assert (run["status"], run["reason"]) == ("recovering", "handed_over")
    assert await house.sessions.store.lease(house.conversation) is None
    house.bench.gate.set()
    await house.finish(house.worker(ScriptedModel(says("Done")), "w2"))
    run = await house.run()
    assert (run["status"], run["attempt"], run["worker"]) == ("finished", 2, "w2")


async def test_a_worker_that_leaves_begins_nothing(house: House):
    await house.ask()
    worker = house.worker(ScriptedModel(says("never")))
    worker.leave()
    before = await house.events()
    await house.finish(worker)
    assert await house.events() == before


async def test_S7_a_run_goes_on_when_the_store_lost_everything(house: House, world: Any):
    pause = Pause()
    await house.ask()
    model = ScriptedModel(asks(("look", "{}")), [TextDelta("One "), pause, TextDelta("two "), *says("three")])
    task = house.start(house.worker(model))
    await house.bench.busy.wait()
    await world.flush()
    house.bench.gate.set()
    await pause.reached.wait()
    await world.flush()
    pause.release.set()
    await asyncio.wait_for(task, 10)
    assert house.bench.started == ["look"]
    assert (await house.steps())[-1]["text"] == "One two three"
    run = await house.run()
    assert (run["status"], run["attempt"]) == ("finished", 1)


async def test_S7_streamed_text_is_whole_again_after_the_store_lost_it(house: House, world: Any):
    before, after = Pause(), Pause()
    await house.ask()
    model = ScriptedModel([TextDelta("One "), before, TextDelta("two"), after, *says("!")])
    house.start(house.worker(model))

    def streamed(text: str) -> Any:
        async def look() -> bool:
            part = (await house.sessions.load(house.conversation)).part
            return part is not None and part.text == text

        return look

    await before.reached.wait()
    await eventually(streamed("One "), 5, "the first piece")
    await world.flush()
    before.release.set()
    await eventually(streamed("One two"), 5, "all that was said")


async def test_S7_an_outage_in_the_middle_costs_time_and_nothing_else(house: House, monkeypatch: Any):
    """Every operation of the store fails for half a second while a tool runs, appends after having been done:
    the answer is lost, not the event."""
    store, away = house.sessions.store, False
    real = {name: getattr(store, name) for name in ("append", "load", "part", "heads", "head", "renew")}

    def failing(name: str) -> Any:
        async def operation(*args: Any, **options: Any) -> Any:
            if name == "append" and away:
                await real[name](*args, **options)
            if away:
                raise StoreUnavailable
            return await real[name](*args, **options)

        return operation

    for name in real:
        monkeypatch.setattr(store, name, failing(name))
    await house.ask()
    task = house.start(house.worker(ScriptedModel(asks(("act", "{}")), says("Done"))))
    await house.bench.busy.wait()
    away = True
    house.bench.gate.set()
    await asyncio.sleep(0.5)
    away = False
    await asyncio.wait_for(task, 20)
    types = await house.events()
    assert types.count("call.settled") == 1
    assert (types.count("call.started"), types.count("run.finished")) == (1, 1)
    assert house.bench.started == ["act"]


async def crashes(house: House, lost: int, crashed: int = 0) -> str:
    """The run of `house` has lost so many owners among others, and so many of its own. It is running no more."""
    run = (await house.run())["id"]
    reasons = ["lease_lost"] * lost + ["crashed"] * crashed
    for attempt, reason in enumerate(reasons, start=1):
        told: list[e.Event] = [
            e.RunStarted(at=1, run=run, attempt=attempt, fence=attempt, worker="dead"),
            e.RunRecovering(at=2, run=run, reason=reason),
        ]
        await house.sessions.append(house.conversation, lambda view, told=told: told)
    return run


async def test_poison_a_suspect_is_not_performed_among_others(house: House):
    await house.ask()
    run = await crashes(house, 2)
    model = ScriptedModel(says("never"))
    before = await house.events()
    assert await house.worker(model).perform(house.conversation, run) == "isolated"
    assert await house.events() == before
    assert model.bodies == []
    fence = (await m.Conversation.objects.aget()).fence
    assert fence == 0, "the lease was taken, although the process that is to have the run may be about to"


async def test_poison_a_suspect_that_somebody_performs_already_is_left_alone(house: House):
    await house.ask()
    run = await crashes(house, 2)
    assert await house.sessions.take(house.conversation, "a process of its own", LEASE_MS)
    assert await house.worker(ScriptedModel(says("never"))).perform(house.conversation, run) != "isolated"


async def test_poison_the_loss_that_makes_it_a_suspect_may_be_the_one_just_found(house: House):
    await house.ask()
    run = await crashes(house, 0)
    told: list[e.Event] = [e.RunStarted(at=4, run=run, attempt=1, fence=1, worker="dead")]
    await house.sessions.append(house.conversation, lambda view: told)
    assert await house.worker(ScriptedModel(says("never"))).perform(house.conversation, run) == "isolated"
    assert (await house.events())[-1] == "run.recovering"
    assert (await house.run())["reason"] == "lease_lost"


async def test_poison_a_bystander_finishes_alone(house: House):
    await house.ask()
    run = await crashes(house, 7)
    alone = house.worker(ScriptedModel(says("Innocent")), isolated=True)
    assert await alone.perform(house.conversation, run) != "isolated"
    ended = await house.run()
    assert (ended["status"], ended["attempt"]) == ("finished", 8)


async def test_poison_ends_after_it_has_been_alone_with_two_deaths(house: House):
    await house.ask("first")
    run = await crashes(house, 2, crashed=2)
    handed = e.RunRecovering(at=3, run=run, reason="handed_over")
    await house.sessions.append(house.conversation, lambda view: [handed])
    await house.ask("second")
    model = ScriptedModel(says("Second"))
    assert await house.worker(model).perform(house.conversation, run) != "isolated"
    ended = next(item for item in items(await house.state()) if item["kind"] == "notice")
    assert ended["code"] == "crashed_too_often" and "4 times, 2 of them" in ended["detail"]
    assert model.bodies == []
    # What waited behind it is answered (R6), but not at the risk of others: it may be the same again.
    assert await house.worker(model, isolated=True).perform(*house.queue[-1]) != "isolated"
    assert (await house.run())["status"] == "finished"


async def test_poison_the_next_run_of_such_a_conversation_is_alone_from_the_start(house: House):
    await house.ask()
    run = await crashes(house, 2, crashed=2)
    worker = house.worker(ScriptedModel(says("Again")))
    await worker.perform(house.conversation, run)
    await house.ask("once more")
    assert await worker.perform(*house.queue[-1]) == "isolated"
    assert (
        await house.worker(ScriptedModel(says("Again")), isolated=True).perform(*house.queue[-1])
        != "isolated"
    )
    await house.ask("and now")
    assert await worker.perform(*house.queue[-1]) != "isolated"
    assert (await house.run())["status"] == "finished"


async def test_R7_a_suspect_that_was_stopped_is_closed_by_anybody(house: House):
    await house.ask()
    run = await crashes(house, 2)
    told: list[e.Event] = [e.RunStarted(at=4, run=run, attempt=3, fence=3, worker="dead")]
    await house.sessions.append(house.conversation, lambda view: told)
    await house.submit(StopBody(kind="stop"))
    assert await house.worker(ScriptedModel(says("never"))).perform(house.conversation, run) != "isolated"
    assert (await house.run())["status"] == "stopped"


@pytest.mark.parametrize(
    ("policy", "status"), [("wait", "waiting"), ("tell", "finished"), ("fail", "failed")]
)
async def test_R4_a_run_that_nobody_watches_follows_the_policy_of_its_agent(
    house: House, policy: Any, status: str
):
    house.who = replace(house.who, entrance="schedule")
    house.spec = replace(SPEC, tools=("look", "act"), unattended=policy)
    await dead(house, ("act", "effectful"))
    await house.finish(house.worker(ScriptedModel(says("Nobody knows."))))
    run, call = await house.run(), await house.call("act")
    assert run["status"] == status
    assert house.bench.started == []
    assert call["by"] == ("" if policy == "wait" else "policy")
    if policy == "fail":
        assert run["code"] == "outcome_unknown"


@pytest.mark.parametrize("entrance", ["web", "feishu"])
async def test_R4_a_run_that_somebody_watches_waits_whatever_the_policy(house: House, entrance: Any):
    house.who = replace(house.who, entrance=entrance)
    house.spec = replace(SPEC, tools=("look", "act"), unattended="fail")
    await dead(house, ("act", "effectful"))
    await house.finish(house.worker(ScriptedModel(says("never"))))
    assert (await house.run())["status"] == "waiting"


async def test_R4_a_run_that_waits_already_is_not_touched_by_a_new_policy(house: House):
    house.who = replace(house.who, entrance="trigger")
    await dead(house, ("act", "effectful"))
    entry = house.queue[0]
    await house.finish(house.worker(ScriptedModel(says("never"))))
    house.spec = replace(SPEC, tools=("look", "act"), unattended="fail")
    house.queue.append(entry)
    before = await house.events()
    await house.finish(house.worker(ScriptedModel(says("never"))))
    assert await house.events() == before


async def test_a_missing_agent_ends_the_run_with_a_message(house: House):
    house.spec = None
    await house.ask()
    await house.finish(house.worker(ScriptedModel(says("never"))))
    ended = await house.run()
    assert (ended["status"], ended["code"]) == ("failed", "agent_missing")


async def test_our_own_mistakes_end_the_run_and_tell_people_nothing_secret(house: House, caplog: Any):
    class Broken:
        def stream(self, body: Any) -> Any:
            raise RuntimeError("the key is hunter2")

    await house.ask()
    await house.finish(house.worker(Broken()))
    ended = await house.run()
    assert (ended["status"], ended["code"]) == ("failed", "internal")
    assert (await house.events()).count("run.started") == MAX_INTERNAL_ERRORS
    assert "hunter2" not in ended["detail"]
    assert "hunter2" in caplog.text


async def test_R10_an_attempt_that_fails_from_within_is_told_and_the_next_one_goes_on(house: House) -> None:
    class BrokenOnce:
        def __init__(self) -> None:
            self.asked = 0

        async def stream(self, body: Any) -> Any:
            self.asked += 1
            if self.asked == 1:
                raise RuntimeError("nobody foresaw this")
            for delta in says("Good day"):
                yield delta

    await house.ask()
    await house.finish(house.worker(BrokenOnce()))
    assert (await house.run())["status"] == "finished"
    assert (await house.events()).count("run.recovering") == 1
    assert [step["text"] for step in await house.steps()] == ["Good day"]


async def test_a_deleted_conversation_ends_its_work(house: House):
    await house.ask()
    task = house.start(house.worker(ScriptedModel(asks(("act", "{}")))))
    await house.bench.busy.wait()
    await house.sessions.delete(house.conversation)
    await asyncio.wait_for(task, 10)
    assert house.bench.cancelled == 1


async def test_R6_a_message_between_the_end_of_a_run_and_its_release_does_not_wait_for_the_sweeper(house):
    """Whoever takes its run from the queue finds the lease held; the owner looks once more when it has let go."""
    two = house.worker(ScriptedModel(says("Two.")), "w2")

    async def ended(conversation: str, events: Any) -> None:
        if any(isinstance(event, e.RunFinished) for event in events) and not house.queue:
            await house.ask("and this?")
            await house.start(two)  # finds the lease held

    sessions = Sessions(house.sessions.store, house.sessions.journal, on_change=ended)
    house.sessions = sessions
    one = house.worker(ScriptedModel(says("One.")), "w1")
    house.sessions = two.sessions
    await house.ask("first")
    await house.start(one)
    assert len(house.queue) == 1, "the second run waits for the sweeper"
    await house.finish(two)
    assert [step["text"] for step in await house.steps()] == ["One.", "Two."]
