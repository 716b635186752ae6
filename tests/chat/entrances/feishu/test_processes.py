"""Feishu with real processes: everything delivered three times, two workers, one of them killed in the middle."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.feishu_bot import Bot, installation
from tests.support.feishu_server import FeishuServer

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

ENV = {"HOLDFAST_LEASE_MS": "2000", "HOLDFAST_SWEEP_MS": "300"}
RUNS = "SELECT worker FROM chat_run WHERE status = 'running' AND worker != ''"
LANES = "SELECT claimed_by FROM chat_feishulane WHERE claimed_until > 0 AND claimed_by != ''"
CALLS = "SELECT 1 FROM chat_call WHERE status = 'running'"


@pytest.fixture
def bot(request: pytest.FixtureRequest, database_template: Path) -> Iterator[Bot]:
    kind = request.param
    postgres = request.getfixturevalue("postgres") if kind == "postgres" else None
    with FeishuServer() as feishu, installation(kind, database_template, postgres, ENV) as stack:
        yield Bot(stack, feishu)


@pytest.mark.parametrize(
    ("bot", "query"),
    [("postgres", RUNS), ("sqlite", LANES)],
    ids=["of the run", "of the chat"],
    indirect=["bot"],
)
def test_R4_a_killed_worker_changes_nothing_of_the_answer(bot: Bot, query: str) -> None:
    began = time.monotonic()
    bot.say("research whales for 3 seconds", times=3)
    bot.until(lambda: bot.feishu.cards_of("oc_a"), 10, "a card")
    assert time.monotonic() - began < 2 + 2  # margin: two cores are shared, and three posts come first
    bot.until(lambda: bot.stack.sql(CALLS), 20, "the tool to run")
    bot.worker_of(query).kill()
    bot.until(bot.answers, 60, "the answer")
    bot.until(
        lambda: not bot.stack.sql("SELECT 1 FROM chat_feishumessage WHERE answered_at IS NULL"),
        20,
        "its mark",
    )
    assert len(bot.answers()) == 1
    assert bot.stack.sql("SELECT status FROM chat_run") == [("finished",)]
    bot.until(lambda: not any(card.streaming for card in bot.feishu.cards_of("oc_a")), 20, "settled cards")


@pytest.mark.parametrize("bot", ["sqlite"], indirect=True)
def test_R7_a_run_begun_in_feishu_is_stopped_there_after_its_worker_was_killed(bot: Bot) -> None:
    bot.say("research whales for 30 seconds", times=3)
    bot.until(lambda: bot.stack.sql(CALLS), 30, "the tool to run")
    bot.until(lambda: bot.feishu.cards_of("oc_a"), 10, "a card")
    bot.worker_of(RUNS).kill()
    posted = bot.press("Stop")
    assert posted.status == 200 and posted.seconds < 3, posted
    bot.until(lambda: any("Stopped" in text for text in bot.answers()), 30, "the end")
    assert bot.stack.sql("SELECT status FROM chat_run") == [("stopped",)]
