"""The worker as a process: it is killed, told to leave, and loses Redis; runs go on."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import Process, Stack
from tests.support.waiting import wait_until

LEASE_MS = 2_000
ENV = {"HOLDFAST_LEASE_MS": str(LEASE_MS), "HOLDFAST_SWEEP_MS": "300"}

ASK = """
import asyncio, uuid
from django.contrib.auth import get_user_model
from chat.commands import CreateBody, SendBody
from chat.inbox import Sender
from chat.runtime import current

async def ask(user):
    inbox, conversation = current().inbox, str(uuid.uuid4())
    for body in (
        CreateBody(kind="create"),
        SendBody(kind="send", message=str(uuid.uuid4()), text={text!r}),
    ):
        result = await inbox.submit(Sender(user), conversation, str(uuid.uuid4()), body)
        assert result.status == "applied", result

asyncio.run(ask(get_user_model().objects.get(username="alice").pk))
"""

pytestmark = [pytest.mark.recovery, pytest.mark.slow]


class Works:
    """A stack with workers, and what its one run is at."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def ask(self, text: str) -> None:
        self.stack.manage("shell", "-v", "0", "-c", ASK.format(text=text))

    def run(self) -> tuple[str, int, str]:
        """(status, attempt, worker) of the run."""
        rows = self.stack.sql("SELECT status, attempt, worker FROM chat_run")
        return rows[0] if rows else ("", 0, "")

    def until(self, condition: Any, seconds: float, what: str) -> Any:
        try:
            return wait_until(condition, seconds, what)
        except AssertionError as failure:
            raise AssertionError(f"{failure} {self.run()}\n{self.stack.outputs()}") from None

    def until_tool_runs(self) -> Process:
        """Wait for the tool to run; the process that runs it."""

        def running() -> list[Any]:
            return self.stack.sql("SELECT 1 FROM chat_call WHERE status = 'running'")

        self.until(running, 30, "the tool to run")
        name = self.run()[2]
        return next(p for p in self.stack.processes.values() if f"-{p.pid}-" in name)

    def events(self) -> list[str]:
        return [row[0] for row in self.stack.sql("SELECT type FROM chat_event ORDER BY seq")]


@pytest.fixture
def works(database_template: Path) -> Iterator[Works]:
    with Stack(template=database_template, env=ENV) as stack:
        stack.start("demo")
        stack.start("worker", "one")
        stack.start("worker", "two")
        yield Works(stack)


def test_R4_a_killed_worker_is_replaced(works: Works):
    works.ask("research whales for 3 seconds")
    owner = works.until_tool_runs()
    owner.kill()
    killed = time.monotonic()
    works.until(lambda: "run.recovering" in works.events(), 10, "viewers to see it")
    works.until(lambda: works.run()[:2] == ("running", 2), 10, "another worker")
    assert time.monotonic() - killed < 2 * LEASE_MS / 1000 + 3  # margin: two cores are shared
    works.until(lambda: works.run()[0] == "finished", 30, "the end")
    assert works.stack.sql("SELECT status, attempt FROM chat_call") == [("succeeded", 2)]
    assert works.events().count("step.finished") == 2


def test_R4_a_worker_that_is_told_to_leave_hands_over_at_once(works: Works):
    works.ask("research whales for 3 seconds")
    owner = works.until_tool_runs()
    began = time.monotonic()
    assert owner.stop() == 0, owner.output()
    assert time.monotonic() - began < 8
    works.until(lambda: works.run()[1] == 2, 10, "another worker")
    works.until(lambda: works.run()[0] == "finished", 30, "the end")
    reasons = works.stack.sql("SELECT text FROM chat_event WHERE type = 'run.recovering'")
    assert len(reasons) == 1 and '"handed_over"' in reasons[0][0]


def test_R2_a_paused_worker_comes_back_and_writes_nothing(works: Works):
    works.ask("research whales for 3 seconds")
    owner = works.until_tool_runs()
    works.stack.pause(owner)
    works.until(lambda: works.run()[0] == "finished", 30, "another worker to finish")
    before = works.events()
    said = owner.written
    owner.resume()
    works.until(lambda: owner.lets_go(said), 20, "the owner to notice")
    assert works.events() == before
    assert owner.alive


@pytest.mark.exhaustive
def test_S7_runs_outlive_a_redis_that_restarts_empty(works: Works):
    works.ask("research whales for 6 seconds")
    works.until_tool_runs()
    works.stack.valkey.flush()
    works.until(lambda: works.run()[0] == "finished", 40, "the end")
    assert works.run()[1] == 1, "a living owner lost its run"
    works.stack.sql("DELETE FROM chat_event WHERE 0")
    works.ask("hello")
    works.until(
        lambda: works.stack.sql("SELECT count(*) FROM chat_run WHERE status = 'finished'") == [(2,)],
        30,
        "a run that is asked for afterwards",
    )
