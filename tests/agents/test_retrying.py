"""When a model does not answer: retries, another form, another model; over real HTTP, with a server that counts."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest

from agents import events as e
from agents.dialects.chat import ChatDialect
from agents.dialects.chat.stream import OpenAIChat
from agents.dialects.http import close_clients
from agents.dialects.rules import Violation
from agents.retrying import BACKOFF, MAX_WAIT, TRIES_BEFORE_FALLBACK
from agents.spec import AgentSpec, Fallback, Prices
from agents.tools import Toolbox, ToolContext, tool
from tests.support.provider import Json, Provider, Reply, completion, json_reply
from tests.support.shell import FastClock, QuickClock, Shell
from tests.support.strict_provider import strict
from tests.support.waiting import eventually

CALL = {"index": 0, "id": "x", "function": {"name": "act", "arguments": "{}"}}
Script = Callable[[Json], Reply]


class Bench:
    """One tool with an effect, counted."""

    def __init__(self) -> None:
        self.acted = 0
        bench = self

        @tool(effect="effectful")
        async def act(context: ToolContext) -> str:
            """Do something that must not be done twice."""
            bench.acted += 1
            return "done"

        self.toolbox = Toolbox([act])


def error(status: int, text: str, **headers: str) -> Reply:
    return json_reply(status, {"error": {"message": text}}, **headers)


def has_result(body: Json) -> bool:
    return any(message["role"] == "tool" for message in body["messages"])


def of(shell: Shell, kind: type[e.Event]) -> list[Any]:
    return [event for event in shell.log if isinstance(event, kind)]


@pytest.fixture
async def shell() -> Any:
    yield Shell()
    await close_clients()


class House:
    """An agent with a main model and one that stands in, at two strict servers of two providers."""

    def __init__(self, main: Script, spare: Script | None = None) -> None:
        self.main = Provider(strict("openai-chat", lambda path, body: main(body)))
        self.spare = Provider(strict("mistral", lambda path, body: (spare or says("never"))(body)))
        self.bench = Bench()

    async def run(self, shell: Shell, *, stands_in: bool = True, until: Any = None) -> None:
        async with self.main, self.spare:
            await self.work(shell, stands_in=stands_in, until=until)

    async def work(self, shell: Shell, *, stands_in: bool = True, until: Any = None) -> None:
        """One owner's work; the servers must be there."""
        agent = AgentSpec(
            "a", "A", model="big", base_url=self.main.url, profile="openai-chat", tools=("act",)
        )
        agent = replace(agent, prices=Prices(Decimal(2), Decimal(10), Decimal(1)))
        fallbacks = []
        if stands_in:
            agent = replace(agent, fallbacks=(Fallback("mistral-small", self.spare.url),))
            fallbacks = [OpenAIChat(self.spare.url, "spare-key", include_usage=False)]
        model = OpenAIChat(self.main.url, "main-key")
        await shell.work(agent, model, self.bench.toolbox, fallbacks=fallbacks, until=until)


def says(text: str) -> Script:
    return lambda body: completion(text)


async def test_a_fallback_answers_the_same_step_and_no_tool_runs_twice(shell: Shell) -> None:
    """The main model dies for good after the tool has run: the spare one gets the result, and goes on from there."""

    def main(body: Json) -> Reply:
        return error(503, "overloaded") if has_result(body) else completion(calls=[CALL])

    house = House(main, says("All done."))
    shell.say("do it")
    await house.run(shell)
    assert house.bench.acted == 1
    assert len(house.main.requests) == 1 + 1 + TRIES_BEFORE_FALLBACK and len(house.spare.requests) == 1
    assert has_result(house.spare.requests[0]) and house.spare.requests[0]["model"] == "mistral-small"
    steps = shell.steps()
    assert [(step.id, step.model, step.text) for step in steps] == [
        ("run1.1", "big", ""),
        ("run1.2", "mistral-small", "All done."),
    ]
    last = of(shell, e.RunRetrying)[-1]
    assert (last.code, last.retry_at) == (
        "model_busy",
        last.at,
    ) and "mistral-small stands in" in last.detail
    assert isinstance(shell.last(), e.RunFinished)
    assert house.main.keys[0] == "Bearer main-key" and house.spare.keys == ["Bearer spare-key"]


async def test_the_price_is_of_the_model_that_answered(shell: Shell) -> None:
    house = House(
        lambda body: (
            error(402, "no credit") if has_result(body) else completion(calls=[CALL], usage=(1000, 100))
        ),
        says("ok"),
    )
    shell.say("do it")
    await house.run(shell)
    first, second = (event.usage for event in of(shell, e.StepFinished))
    assert first.cost == 1000 * 2_000 + 100 * 10_000 and second.cost is None
    assert shell.history.run is not None and shell.history.run.usage.cost == first.cost


@pytest.mark.parametrize(
    ("status", "text", "code", "tries"),
    [
        (402, "You exceeded your current quota", "model_quota", 1),
        (429, "slow down", "model_busy", 1 + TRIES_BEFORE_FALLBACK),
        (500, "internal", "model_error", 1 + TRIES_BEFORE_FALLBACK),
        (529, "overloaded", "model_busy", 1 + TRIES_BEFORE_FALLBACK),
    ],
)
async def test_what_the_fallback_helps_with(
    shell: Shell, status: int, text: str, code: str, tries: int
) -> None:
    house = House(lambda body: error(status, text), says("I stand in."))
    shell.say("hello")
    await house.run(shell)
    assert len(house.main.requests) == tries
    assert {event.code for event in of(shell, e.RunRetrying)} == {code}
    assert [step.text for step in shell.steps()] == ["I stand in."]


async def test_a_server_that_is_not_there_has_a_stand_in(shell: Shell) -> None:
    house = House(says("never"), says("I am here."))
    async with house.spare:
        agent = AgentSpec("a", "A", model="m", base_url="http://127.0.0.1:9/v1")
        agent = replace(agent, fallbacks=(Fallback("mistral-small", house.spare.url),))
        shell.say("hello")
        main = OpenAIChat("http://127.0.0.1:9/v1")
        await shell.work(agent, main, house.bench.toolbox, fallbacks=[OpenAIChat(house.spare.url)])
    assert {event.code for event in of(shell, e.RunRetrying)} == {"model_unreachable"}
    assert [step.text for step in shell.steps()] == ["I am here."]


@pytest.mark.parametrize(
    ("status", "text", "code", "forms"),
    [
        (401, "Incorrect API key provided: sk-abcdefghijk", "model_auth", 1),
        (404, "The model `big` does not exist", "model_unknown", 1),
        (400, "temperature is out of range", "model_rejected", 5),
    ],
)
async def test_a_mistake_of_the_set_up_is_told_and_not_covered_up(
    shell: Shell, status: int, text: str, code: str, forms: int
) -> None:
    house = House(lambda body: error(status, text))
    shell.say("hello")
    await house.run(shell)
    failed = shell.last()
    assert isinstance(failed, e.RunFailed) and failed.code == code
    assert (
        "sk-abcdefghijk" not in failed.detail
        and len(house.main.requests) == forms
        and not house.spare.requests
    )
    assert shell.steps() == [], "never stored as if the assistant had said it"


async def test_a_fallback_that_fails_as_well_ends_the_run(shell: Shell) -> None:
    house = House(lambda body: error(503, "a"), lambda body: error(503, "b"))
    shell.say("hello")
    await house.run(shell)
    failed = shell.last()
    assert isinstance(failed, e.RunFailed) and failed.code == "model_busy"
    assert len(house.spare.requests) == 1 + len(BACKOFF)


async def test_the_next_run_asks_the_main_model_first(shell: Shell) -> None:
    broken = True
    house = House(lambda body: error(402, "quota") if broken else completion("back"), says("instead"))
    shell.say("one")
    await house.run(shell)
    broken = False
    shell.say("two")
    await house.run(shell)
    assert [step.text for step in shell.steps()] == ["instead", "back"]


async def test_retries_are_told_with_their_time_and_are_bounded(shell: Shell) -> None:
    house = House(lambda body: error(429, "slow down", retry_after="4"))
    shell.say("hello")
    await house.run(shell, stands_in=False)
    waits = [round((event.retry_at - event.at) / 1000) for event in of(shell, e.RunRetrying)]
    assert waits == [4, 4, 4, 8], "what the provider asks for, and no less than our own backoff"
    assert isinstance(shell.last(), e.RunFailed) and len(house.main.requests) == 1 + len(BACKOFF)


async def test_retry_after_as_a_date(shell: Shell) -> None:
    replies = iter(
        [
            error(
                429,
                "later",
                retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True),
            )
        ]
    )
    house = House(lambda body: next(replies, completion("here")))
    shell.say("hello")
    await house.run(shell, stands_in=False)
    (retrying,) = of(shell, e.RunRetrying)
    assert 20_000 < retrying.retry_at - retrying.at <= 30_000
    assert [step.text for step in shell.steps()] == ["here"]


async def test_a_longer_wait_asks_the_fallback_or_is_waited_for_and_is_no_work(shell: Shell) -> None:
    """Half an hour, of an agent that may work ten minutes: it is asked then, and not before."""
    wait = 1800
    shell.clock = FastClock(speed=2_000)
    replies = iter([error(429, "later", retry_after=str(wait))])
    house = House(lambda body: next(replies, completion("at last")), says("now"))
    shell.say("hello")
    await house.run(shell, stands_in=False)
    (retrying,) = of(shell, e.RunRetrying)
    assert retrying.retry_at - retrying.at == wait * 1000
    begun = of(shell, e.StepStarted)
    assert begun[1].at >= retrying.retry_at and [step.text for step in shell.steps()] == ["at last"]
    assert shell.history.run is not None and shell.history.run.worked(shell.clock.now()) < 600_000
    house.main.answer = strict("openai-chat", lambda path, body: error(429, "later", retry_after=str(wait)))
    shell.say("again")
    await house.run(shell)
    assert [step.text for step in shell.steps()] == ["at last", "now"]
    at_once = of(shell, e.RunRetrying)[1:]
    assert [event.retry_at - event.at for event in at_once] == [0], "who stands in is asked at once"


async def test_a_wait_of_days_ends_the_run_and_says_until_when(shell: Shell) -> None:
    house = House(lambda body: error(429, "next week", retry_after=str(int(MAX_WAIT) * 7)))
    shell.say("hello")
    await house.run(shell, stands_in=False)
    failed = shell.last()
    assert isinstance(failed, e.RunFailed) and failed.code == "model_busy" and len(house.main.requests) == 1
    assert re.search(r"before \d{4}-\d\d-\d\d \d\d:\d\d UTC", failed.detail)


async def test_a_worker_that_dies_while_it_waits_is_followed_by_one_that_waits(shell: Shell) -> None:
    replies = iter([error(429, "later", retry_after="40")])
    house = House(lambda body: next(replies, completion("here")))
    shell.say("hello")

    def told(one: object) -> bool:
        return isinstance(one, list) and isinstance(one[0], e.RunRetrying)

    async with house.main, house.spare:
        await house.work(shell, stands_in=False, until=told)
        await house.work(shell, stands_in=False)
    (retrying,) = of(shell, e.RunRetrying)
    assert of(shell, e.StepStarted)[1].at >= retrying.retry_at and len(house.main.requests) == 2


async def test_R7_a_stop_during_the_wait_works_at_once(shell: Shell) -> None:
    shell.clock = QuickClock(speed=1)
    house = House(lambda body: error(429, "later", retry_after="30"))
    shell.say("hello")
    work = asyncio.create_task(house.run(shell, stands_in=False))
    await eventually(lambda: of(shell, e.RunRetrying), 5, "the retry to be told")
    begun = time.monotonic()
    shell.ask_to_stop()
    await asyncio.wait_for(work, 10)
    assert time.monotonic() - begun < 5 and isinstance(shell.last(), e.RunStopped)


# faults (T5)


def refuses_results(body: Json) -> Reply:
    """A provider with an idea of its own: it refuses every body with tool messages."""
    if has_result(body):
        return error(400, "No tool call found for function call output with call_id call_1.")
    return completion(
        "as text" if "act" in str(body["messages"]) else "",
        calls=() if "act" in str(body["messages"]) else [CALL],
    )


async def test_T5_a_refusal_leaves_a_fault_and_is_asked_once_more_as_text(shell: Shell) -> None:
    house = House(refuses_results)
    shell.say("do it")
    await house.run(shell)
    (fault,) = shell.faults.kept
    assert (fault.kind, fault.status, fault.step, fault.text_only) == ("E1", 400, "run1.2", False)
    assert fault.body["messages"] == house.main.requests[1]["messages"] and "main-key" not in str(fault.body)
    assert shell.faults.outcomes == {fault.digest: "text_ok"}
    assert len(house.main.requests) == 3 and house.bench.acted == 1 and not house.spare.requests


async def test_T5_a_worker_that_dies_after_the_refusal_does_not_send_it_again(shell: Shell) -> None:
    house = House(refuses_results)
    shell.say("do it")

    def refusal_stored(one: object) -> bool:
        return isinstance(one, list) and isinstance(one[0], e.RunRetrying)

    async with house.main, house.spare:
        await house.work(shell, until=refusal_stored)
        assert len(house.main.requests) == 2
        await house.work(shell)
    requests = house.main.requests
    assert len({str(body) for body in requests}) == len(requests), "no body twice"
    assert house.bench.acted == 1 and isinstance(shell.last(), e.RunFinished)


async def test_T5_what_is_refused_in_every_form_ends_the_run_with_all_of_them_kept(shell: Shell) -> None:
    house = House(
        lambda body: (
            error(400, "messages 参数非法") if "act" in str(body["messages"]) else completion(calls=[CALL])
        )
    )
    shell.say("do it")
    await house.run(shell)
    first, second, *more = shell.faults.kept
    assert (first.kind, first.text_only, second.text_only) == ("E25", False, True) and more
    assert {fault.kind for fault in shell.faults.kept} == {"E25"}
    assert [shell.faults.outcomes[fault.digest] for fault in shell.faults.kept] == [
        *["text_refused"] * (len(more) + 1),
        "not_asked",
    ]
    failed = shell.last()
    assert isinstance(failed, e.RunFailed) and failed.code == "model_rejected"


async def test_T5_an_unknown_refusal_is_asked_in_each_other_form_once_and_kept(shell: Shell) -> None:
    house = House(lambda body: error(400, "temperature is out of range"))
    shell.say("hello")
    await house.run(shell)
    assert {fault.kind for fault in shell.faults.kept} == {"other"}
    assert (
        len(shell.faults.kept) == len(house.main.requests) == len({str(one) for one in house.main.requests})
    )
    assert not of(shell, e.RunFailed)[0].detail.endswith("without tools.")


async def test_T1_what_our_gate_stops_is_kept_and_not_sent(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no history that renders wrongly, so the gate is told to find one."""
    from agents import requesting

    class StrictGate(ChatDialect):
        def validate(self, body: Any, profile: Any) -> list[Violation]:
            if has_result(body):
                return [Violation("V3", "messages[2]", "not today")]
            return super().validate(body, profile)

    monkeypatch.setattr(requesting, "dialect_of", lambda profile: StrictGate())
    house = House(refuses_results)
    shell.say("do it")
    await house.run(shell)
    (fault,) = shell.faults.kept
    assert (fault.kind, fault.status) == ("V3", 0) and "not today" in fault.text
    assert len(house.main.requests) == 2 and not any(has_result(body) for body in house.main.requests)
    assert shell.faults.outcomes == {fault.digest: "text_ok"}
