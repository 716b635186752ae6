"""Every door leads into the same house: the same tools, recovery and stop, whoever asked and whoever looks.

On PostgreSQL, with two web servers, two workers and a model server that refuses what a strict provider would.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.recovery.chaos import tools
from tests.recovery.chaos.model import Model
from tests.recovery.chaos.run import give_tools
from tests.recovery.doors import DOORS, STOPS, Door, Feishu, House, Stop, Web, words
from tests.support.feishu_bot import Bot, installation
from tests.support.feishu_server import FeishuServer
from tests.support.postgres import Postgres

pytestmark = [pytest.mark.recovery, pytest.mark.slow]


def doors(*always: str) -> pytest.MarkDecorator:
    """These with every `make test`, all with `make doors`."""
    return pytest.mark.parametrize(
        "enter",
        [
            pytest.param(enter, id=door, marks=() if door in always else pytest.mark.exhaustive)
            for door, enter in DOORS.items()
        ],
    )


#: With every `make test` each door and each stop once; all thirty pairs with `make doors`.
PAIRS = pytest.mark.parametrize(
    ("enter", "halt"),
    [
        pytest.param(
            enter, halt, id=f"{door}-{stop}", marks=() if far == near % len(STOPS) else pytest.mark.exhaustive
        )
        for near, (door, enter) in enumerate(DOORS.items())
        for far, (stop, halt) in enumerate([*list(STOPS.items())[1:], *list(STOPS.items())[:1]])
    ],
)
RUNNING = "SELECT worker FROM chat_run WHERE status = 'running' AND worker != ''"
OUTCOMES = "SELECT name, status FROM chat_call WHERE conversation_id = ? ORDER BY step, ordinal"


@pytest.fixture(scope="module")
def standing(postgres: Postgres) -> Iterator[House]:
    with Model() as model, FeishuServer() as feishu:
        env = {
            "HOLDFAST_TOOL_MODULES": "tests.recovery.chaos.tools",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_MODEL": "plan",
            "HOLDFAST_LEASE_MS": "2000",
            "HOLDFAST_RENEW_MS": "600",
            "HOLDFAST_SWEEP_MS": "300",
        }
        with installation("postgres", None, postgres, env) as stack:
            give_tools(stack)
            yield House(Bot(stack, feishu, webs=2, workers=2), model)


@pytest.fixture
def house(standing: House) -> Iterator[House]:
    """The house with everybody in it; at the end the model must have refused nothing."""
    for label in ("worker", "worker2"):
        if not standing.stack.process(label).alive:
            standing.stack.start("worker", label)
    yield standing
    assert standing.model.refused == []
    assert not standing.stack.sql("SELECT 1 FROM chat_feishudelivery WHERE state = 'dead'")


@doors("web", "feishu", "api")
async def test_R9_a_message_goes_in_parallel_tools_run_and_the_answer_comes_out(
    house: House, enter: type[Door]
) -> None:
    async with enter(house) as door:
        conversation = await door.say("[look 50 50, put 50 50] [post 0 50] say 7")
        assert await door.answer() == words(7)
        assert house.rows(OUTCOMES, conversation) == [(name, "succeeded") for name in ("look", "put", "post")]
        assert await door.say("say 2", conversation) == conversation
        assert await door.answer() == words(2)


@doors("web", "feishu")
async def test_R4_the_worker_is_killed_in_the_middle_and_the_answer_comes_all_the_same(
    house: House, enter: type[Door]
) -> None:
    async with enter(house) as door:
        conversation = await door.say("[look 0 1500, put 300 1500] say 9")
        await house.calls(conversation, 2)
        house.bot.worker_of(RUNNING).kill()
        assert await door.answer() == words(9)
        assert house.rows(OUTCOMES, conversation) == [("look", "succeeded"), ("put", "succeeded")]
        # A repeated effect has the key of the first, by which its receiver knows it.
        ledger = tools.entries(house.stack.data / tools.NAME)
        assert len({line["key"] for line in ledger if line["conversation"] == conversation}) == 1
        # What the crash has left behind is a history that a strict provider takes.
        await door.say("[look 0 0] say 3", conversation)
        assert await door.answer() == words(3)


@PAIRS
async def test_R7_a_run_begun_at_any_door_is_stopped_at_any_other(
    house: House, enter: type[Door], halt: type[Stop]
) -> None:
    async with Feishu(house) as chat, Web(house) as tab:
        conversation = await chat.say("say 1")
        await chat.answer()
        await tab.watch(conversation)
        async with chat if enter is Feishu else enter(house) as door, halt(house) as other:
            await door.say("[look 0 25000, pay 25000 0] say 5", conversation)
            await house.calls(conversation, 2)
            await other.stop(conversation)
            await house.run(conversation, "stopped")
            # Nothing is left open, and the effect that had not happened will not.
            assert {status for _, status in house.rows(OUTCOMES, conversation)} == {"cancelled"}
            assert not [
                line for line in tools.entries(house.stack.data / tools.NAME) if line["tool"] == "pay"
            ]
            # Both sides are told.
            await house.until(lambda: tab.told("run.stopped"), "the web chat to be told", 20)
            told = house.bot.answers
            await house.until(
                lambda: any("Stopped" in text for text in told(chat.chat)), "Feishu to be told", 20
            )
            # And it goes on, at the door where it was begun.
            await door.say("say 4", conversation)
            assert await door.answer() == words(4)
