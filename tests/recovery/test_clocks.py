"""Machines whose clocks are ten minutes off, by libfaketime: what one of them writes is as old for all others as it is.

A web server that is ahead, a worker that is behind, and a worker whose clock is right, on the same Redis. All of it:
`python -m pytest -m "" tests/recovery/test_clocks.py`; the clock by itself: tests/chat/support/test_clock.py.
"""

from __future__ import annotations

import itertools
import json
import re
import time
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support import faketime
from tests.support.processes import Stack
from tests.support.waiting import eventually, wait_until
from tests.support.wire import Wire, login

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

OFF_S = 600
FAST = {
    "HOLDFAST_LEASE_MS": "2000",
    "HOLDFAST_RENEW_MS": "600",
    "HOLDFAST_SWEEP_MS": "500",
    "HOLDFAST_SCHEDULE_LEAST_S": "1",
}
#: What a full machine may take for what takes a moment, far from the ten minutes of a wrong clock (seconds).
SOON_S = 60.0


@pytest.fixture
def stack(database_template: Path) -> Iterator[Stack]:
    with Stack(template=database_template, env=FAST) as own:
        own.start("demo")
        own.start("web", **faketime.off_by(OFF_S))
        yield own


def statuses(stack: Stack) -> list[str]:
    return [status for (status,) in stack.sql("SELECT status FROM chat_run ORDER BY id")]


def assert_written_by_one_clock(stack: Stack, begun: float) -> None:
    """Every event was decided between the test's beginning and now, and none before the one ahead of it."""
    rows = stack.sql("SELECT conversation_id, at FROM chat_event ORDER BY conversation_id, seq")
    times: dict[str, list[int]] = {}
    for conversation, at in rows:
        times.setdefault(conversation, []).append(at)
    for told in times.values():
        assert begun * 1000 - 500 <= min(told) and max(told) <= time.time() * 1000 + 500, told
        assert all(later - earlier > -500 for earlier, later in itertools.pairwise(told)), told


@pytest.mark.exhaustive
async def test_a_run_that_was_lost_on_its_way_is_found_at_once(stack: Stack) -> None:
    """It was queued by the web server that is ahead, and Redis lost the entry before there was a worker."""
    begun = time.time()
    async with Wire(stack.address, login(stack.address, "alice", "alice-password")) as wire:
        assert abs(wire.frames[0]["now"] / 1000 - time.time()) < 2, "the page counts by the same clock"
        conversation = await wire.begin()
        assert (await wire.say(conversation, "what is 6*7?"))["status"] == "applied"
    stack.valkey.flush()
    started = time.monotonic()
    stack.start("worker")
    await eventually(lambda: statuses(stack) == ["finished"], 60, "the run to be found")
    assert time.monotonic() - started < SOON_S
    assert_written_by_one_clock(stack, begun)


@pytest.mark.exhaustive
async def test_R4_a_crash_is_noticed_after_one_lease_whoever_is_off(stack: Stack) -> None:
    begun = time.time()
    stack.start("worker", **faketime.off_by(-OFF_S))
    stack.start("worker", "worker2")
    async with Wire(stack.address, login(stack.address, "alice", "alice-password")) as wire:
        conversation = await wire.begin()
        for label, other in (("worker", "worker2"), ("worker2", "worker")):
            await wire.say(conversation, "research tides for 3 seconds")
            await eventually(lambda: statuses(stack)[-1:] == ["running"], 60, "the run to be performed")
            (name,) = stack.sql("SELECT worker FROM chat_run ORDER BY id DESC LIMIT 1")[0]
            owner = label if f"-{stack.process(label).pid}-" in name else other
            stack.process(owner).kill()
            killed = time.monotonic()
            await eventually(
                lambda: statuses(stack)[-1:] == ["finished"], SOON_S, "the other worker to go on"
            )
            assert time.monotonic() - killed < SOON_S
            stack.start("worker", owner)
    assert_written_by_one_clock(stack, begun)


@pytest.mark.exhaustive
async def test_a_schedule_is_due_by_the_same_clock_everywhere(stack: Stack) -> None:
    """A person says “at this time”, by a clock that is right; the web server and the worker have neither it nor each
    other's."""
    cookies = login(stack.address, "alice", "alice-password")
    at = int(time.time() * 1000) + 10_000
    draft = {"name": "Once", "prompt": "what is 6*7?", "kind": "once", "at": at}
    assert post(stack, cookies, "/api/schedules", draft)["next"] == [at]
    stack.start("worker", **faketime.off_by(-OFF_S))
    await eventually(lambda: statuses(stack) == ["finished"], 60, "the schedule to fire")
    ((fired,),) = stack.sql("SELECT started_at FROM chat_run")
    assert at <= fired < at + SOON_S * 1000


@pytest.mark.exhaustive
async def test_a_difference_is_told_in_readiness_in_the_log_and_in_the_admin(stack: Stack) -> None:
    stack.start("worker", **faketime.off_by(-OFF_S))
    wait_until(lambda: stack.status("/readyz") == 200, 60, "the system to be ready")
    await eventually(lambda: "600 s behind" in stack.process("worker").output(), 20, "the worker to say so")
    wait_until(lambda: stack.json("/readyz")["warnings"] == ["clocks"], 20, "readiness to tell")
    assert "600 s ahead of" in stack.process("web").output()
    page = admin_page(stack)
    assert "600 s ahead of" in page and "600 s behind" in page


def admin_page(stack: Stack) -> str:
    """The admin's first page as Charlie sees it, by a browser whose own clock does not matter."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    address = f"{stack.address}/admin/login/?next=/admin/"
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', opener.open(address, timeout=10).read().decode())
    assert token
    form = {"username": "charlie", "password": "charlie-password", "csrfmiddlewaretoken": token[1]}
    request = urllib.request.Request(address, urlencode(form).encode(), {"Referer": address})
    return opener.open(request, timeout=10).read().decode()


def post(stack: Stack, cookies: str, path: str, body: object) -> Any:
    """What the API answers to whom the cookies belong."""
    token = re.search(r"csrftoken=(\w+)", cookies)
    assert token
    headers = {"Content-Type": "application/json", "Cookie": cookies, "X-CSRFToken": token[1]}
    request = urllib.request.Request(stack.address + path, json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request, timeout=10))
