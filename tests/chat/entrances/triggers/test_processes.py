"""Triggers with real processes and a strict model server: from a webhook to the answer, and whoever dies in between."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.recovery.chaos.model import Model
from tests.recovery.chaos.run import give_tools
from tests.recovery.chaos.tools import NAME, entries
from tests.support.ports import claim_port
from tests.support.processes import Process, Stack
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

MAKE = """
from django.contrib.auth import get_user_model
from chat.entrances.triggers import editing
from chat.support.clock import now_ms
alice = get_user_model().objects.get(username="alice")
def make(**fields):
    return editing.create(alice.pk, fields, now_ms())[0]
hook = make(name="Hook", kind="webhook", prompt="{{ payload.plan }}")
make(name="After", kind="run", prompt="say 2", after_trigger=hook.pk)
make(name="Heard", kind="message", prompt="say 2", speaker="agent", match="contains", pattern="word7")
print(hook.hook)
"""
#: A step with two calls at once, one with one call, and a text.
PLAN = "[put 100 {after}, look 50 {after}] [put 0 50] say 9"
FIRINGS = (
    "SELECT t.name, f.state, f.reason FROM chat_triggerfiring f JOIN chat_trigger t ON t.id = f.trigger_id "
    "ORDER BY f.id"
)
CALLS = "SELECT name, status FROM chat_call ORDER BY id"
#: Firings that are pending, runs that are not over, and conversations that were not read to their ends.
UNREST = """
SELECT (SELECT COUNT(*) FROM chat_triggerfiring WHERE state = 'pending')
     + (SELECT COUNT(*) FROM chat_run WHERE status != 'finished')
     + (SELECT COUNT(*) FROM chat_conversation c LEFT JOIN chat_triggerscan s ON s.conversation_id = c.id
        WHERE s.seq IS NULL OR s.seq < c.head_seq)
"""


class Door:
    """Two web servers, two workers, and the address of a trigger."""

    def __init__(self, stack: Stack, model: Model) -> None:
        self.stack, self.model = stack, model
        give_tools(stack)
        self.path = stack.manage("shell", "-v", "0", "-c", MAKE).strip().splitlines()[-1]
        self.ports = [stack.web_port, claim_port()]

    def up(self, *workers: str, **env: str) -> None:
        """Start web servers and these workers; `env` is for the first web server."""
        for label in workers:
            self.stack.start("worker", label)
        self.stack.start("web", **env)
        self.stack.start("web", "web2", HOLDFAST_PORT=str(self.ports[1]))
        self.stack.wait("web2", lambda: answers(self.ports[1]), 30)

    def post(self, plan: str, delivery: str, web: int = 0) -> dict[str, Any]:
        """A delivery, and the answer to it."""
        headers = {"Content-Type": "application/json", "X-Delivery-Id": delivery}
        address = f"http://127.0.0.1:{self.ports[web]}{self.path}"
        request = urllib.request.Request(address, json.dumps({"plan": plan}).encode(), headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            told: dict[str, Any] = json.load(answer)
            return told

    def until(self, condition: Any, what: str, seconds: float = 60) -> Any:
        try:
            return wait_until(condition, seconds, what, every=0.1)
        except AssertionError as failure:
            rows = [
                self.stack.sql(query) for query in (FIRINGS, CALLS, "SELECT run, status, code FROM chat_run")
            ]
            raise AssertionError(f"{failure}\n{rows}\n{self.stack.outputs()}") from None

    def rest(self) -> list[tuple[str, str, str]]:
        """Wait until nothing is pending or runs and what follows from the first run has been seen; all firings."""

        # One statement sees one moment: what follows from something is there when it is over.
        self.until(
            lambda: self.stack.sql(UNREST) == [(0,)] and self.stack.sql(FIRINGS), "everything to come to rest"
        )
        return self.stack.sql(FIRINGS)  # type: ignore[return-value]

    def worker_of_a_run(self) -> Process:
        query = "SELECT worker FROM chat_run WHERE status = 'running' AND worker != ''"
        names = self.until(lambda: self.stack.sql(query), "a worker")
        return next(p for p in self.stack.processes.values() if f"-{p.pid}-" in names[0][0])


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def door(database_template: Path) -> Iterator[Door]:
    with Model() as model:
        env = {
            "HOLDFAST_TOOL_MODULES": "tests.recovery.chaos.tools",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_MODEL": "chaos",
            "HOLDFAST_LEASE_MS": "2000",
            "HOLDFAST_SWEEP_MS": "300",
        }
        with Stack(template=database_template, env=env) as stack:
            yield Door(stack, model)


#: What follows from one delivery: its run fires what waits for it, and its answer fires what listens.
EXPECTED = {("Hook", "fired", ""): 1, ("After", "fired", ""): 1, ("Heard", "fired", ""): 1}


def fired(firings: list[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
    """The firings that count, and how many there are of each."""
    told = [one for one in firings if one[2] != "no_match"]
    return {one: told.count(one) for one in told}


@pytest.mark.exhaustive
def test_from_a_webhook_to_parallel_calls_to_the_answer_with_the_worker_killed_in_the_middle(
    door: Door,
) -> None:
    door.up("worker", "worker2")
    plan = PLAN.format(after=1_500)
    with ThreadPoolExecutor(6) as senders:  # the same delivery six times at once, to two web servers
        told = list(senders.map(lambda n: door.post(plan, "d1", n % 2), range(6)))
    assert len({answer["firing"] for answer in told}) == 1
    runs = {answer.get("run") for answer in told} - {None}
    assert len(runs) == 1
    running = "SELECT 1 FROM chat_call WHERE status = 'running'"
    door.until(lambda: len(door.stack.sql(running)) == 2, "both calls to run")
    door.worker_of_a_run().kill()
    firings = door.rest()
    assert fired(firings) == EXPECTED, firings
    assert door.post(plan, "d1", web=1)["run"] == runs.pop()
    calls = door.stack.sql("SELECT name, status FROM chat_call ORDER BY id")
    assert calls == [("put", "succeeded"), ("look", "succeeded"), ("put", "succeeded")]
    keys = [line["key"] for line in entries(door.stack.data / NAME)]
    assert len(set(keys)) == 2  # an idempotent call may run again, under the same key
    spoken = door.stack.sql("SELECT entrance, COUNT(*) FROM chat_conversation GROUP BY entrance")
    assert spoken == [("trigger", 3)]
    assert door.model.refused == []


@pytest.mark.exhaustive
def test_whoever_dies_between_the_event_and_its_message_loses_and_doubles_nothing(door: Door) -> None:
    # The first web server dies once it has journalled a delivery; the worker carries it out.
    door.up("worker", HOLDFAST_DIE_AT="trigger.journalled")
    plan = PLAN.format(after=50)
    with pytest.raises((urllib.error.URLError, http.client.HTTPException, ConnectionError)):
        door.post(plan, "d1")
    door.until(lambda: not door.stack.process("web").alive, "the web server to die")
    door.rest()
    again = door.post(plan, "d1", web=1)  # the sender had no answer and repeats itself
    assert again["status"] == "fired" and again["run"]
    # Then a worker dies with a claimed firing in its hands, and another one finds it.
    door.stack.process("worker").kill()
    door.stack.start("worker", HOLDFAST_DIE_AT="trigger.claimed")
    assert door.post(plan, "d2", web=1)["status"] == "fired"
    door.until(lambda: not door.stack.process("worker").alive, "the worker to die")
    door.stack.start("worker", "worker2")
    firings = door.rest()
    assert fired(firings) == dict.fromkeys(EXPECTED, 2), firings
    assert door.model.refused == []
