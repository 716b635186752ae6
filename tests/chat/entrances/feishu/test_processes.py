"""Feishu with real processes: everything delivered three times, two workers, one of them killed in the middle."""

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.feishu_events import action_event, message_event, signed
from tests.support.feishu_server import FeishuServer
from tests.support.processes import Process, Stack
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

ENV = {"HOLDFAST_LEASE_MS": "2000", "HOLDFAST_SWEEP_MS": "300"}
MAKE_APP = """
from django.contrib.auth import get_user_model
from chat.models import FeishuApp
FeishuApp.objects.create(
    slug="bot", name="Bot", app_id="cli_1", secret="the-app-secret", encrypt_key="k1",
    verification_token="token-1", base_url={url!r}, owner=get_user_model().objects.get(username="alice"),
)
"""


class Bot:
    """A stack with an app, and the Feishu that it talks to."""

    def __init__(self, stack: Stack, feishu: FeishuServer) -> None:
        self.stack, self.feishu = stack, feishu
        stack.manage("shell", "-v", "0", "-c", MAKE_APP.format(url=feishu.url))
        stack.up(workers=2)

    def post(self, event: dict) -> None:
        raw, headers = signed(event, "k1")
        request = urllib.request.Request(f"{self.stack.address}/feishu/bot/events", raw, headers)
        began = time.monotonic()
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
        assert time.monotonic() - began < 1 + 1  # margin: two cores are shared

    def say(self, text: str, chat: str = "oc_a") -> None:
        event = message_event(text, chat=chat)
        self.feishu.receive(chat, event["event"]["message"]["message_id"])
        for _ in range(3):
            self.post(event)

    def until(self, condition, seconds: float, what: str):
        try:
            return wait_until(condition, seconds, what)
        except AssertionError as failure:
            shown = [one.content for one in self.feishu.messages]
            raise AssertionError(f"{failure}\n{shown}\n{self.stack.outputs()}") from None

    def worker_of(self, query: str) -> Process:
        names = self.until(lambda: self.stack.sql(query), 30, "a worker")
        return next(p for p in self.stack.processes.values() if f"-{p.pid}-" in names[0][0])

    def answers(self, chat: str = "oc_a") -> list[str]:
        return self.feishu.answers(chat)


@pytest.fixture
def bot(database_template: Path) -> Iterator[Bot]:
    with FeishuServer() as feishu, Stack(template=database_template, env=ENV) as stack:
        yield Bot(stack, feishu)


RUNS = "SELECT worker FROM chat_run WHERE status = 'running' AND worker != ''"
LANES = "SELECT claimed_by FROM chat_feishulane WHERE claimed_until > 0 AND claimed_by != ''"
CALLS = "SELECT 1 FROM chat_call WHERE status = 'running'"


@pytest.mark.parametrize("query", [RUNS, LANES], ids=["of the run", "of the chat"])
def test_R4_a_killed_worker_changes_nothing_of_the_answer(bot: Bot, query: str) -> None:
    began = time.monotonic()
    bot.say("research whales for 3 seconds")
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


def test_R7_a_run_begun_in_feishu_is_stopped_there_after_its_worker_was_killed(bot: Bot) -> None:
    bot.say("research whales for 30 seconds")
    bot.until(lambda: bot.stack.sql(CALLS), 30, "the tool to run")
    cards = bot.until(lambda: bot.feishu.cards_of("oc_a"), 10, "a card")
    bot.worker_of(RUNS).kill()
    button = next(one for one in cards[0].shown["body"]["elements"] if one["tag"] == "button")
    bot.post(action_event(json.loads(json.dumps(button["behaviors"][0]["value"])), chat="oc_a"))
    bot.until(lambda: any("Stopped" in text for text in bot.answers()), 30, "the end")
    assert bot.stack.sql("SELECT status FROM chat_run") == [("stopped",)]
