"""/readyz goes the way that a message takes, within three seconds, whatever hangs."""

from __future__ import annotations

import resource
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import Stack
from tests.support.waiting import wait_until

FAST = {"HOLDFAST_LEASE_MS": "3000", "HOLDFAST_RENEW_MS": "1000", "HOLDFAST_WORKER_CONCURRENCY": "1"}


@pytest.fixture
def up(database_template: Path) -> Iterator[Stack]:
    with Stack(template=database_template, env=FAST) as stack:
        stack.start("worker")
        stack.start("web")
        stack.wait("web", lambda: stack.status("/readyz") == 200, 30)
        yield stack


def timed(stack: Stack) -> list[str]:
    """What is missing, found out in time; anew, not what was found for somebody a moment ago."""
    time.sleep(1.1)
    began = time.monotonic()
    missing: list[str] = stack.json("/readyz")["missing"]
    took = time.monotonic() - began
    # A busy machine is late with every answer, also with one that looks at nothing.
    began = time.monotonic()
    assert stack.status("/healthz") == 200
    late = time.monotonic() - began
    assert took < 3.0 + 3 * late, (took, late)
    return missing


def comes_back(stack: Stack) -> None:
    wait_until(lambda: stack.status("/readyz") == 200, 30, "it to be ready again")


def config(stack: Stack, name: str, value: Any) -> None:
    with stack.valkey.client() as client:
        client.config_set(name, value)


@pytest.mark.exhaustive
@pytest.mark.slow
def test_readiness_notices_what_keeps_a_message_from_its_worker(up: Stack) -> None:
    # The database hangs: somebody holds its one write lock. However often it is asked, and by how many.
    lock = sqlite3.connect(up.data / "holdfast.sqlite3", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    for _ in range(3):
        assert timed(up) == ["database"]
    lock.execute("ROLLBACK")
    lock.close()
    comes_back(up)

    # The disk is full: the kernel refuses what grows (RLIMIT_FSIZE), the web server's writes or the worker's.
    for name in ("web", "worker"):
        process = up.process(name)
        before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, before[1]))
        assert timed(up) == ["database"]
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)
        comes_back(up)

    # Redis reads and does not write.
    config(up, "min-replicas-to-write", 1)
    assert "redis" in timed(up)
    config(up, "min-replicas-to-write", 0)
    comes_back(up)
    with up.valkey.client() as client:
        used = int(client.info("memory")["used_memory"])
    config(up, "maxmemory", used // 2)
    assert "redis" in timed(up)
    config(up, "maxmemory", 0)
    comes_back(up)

    # The worker is there, as its lease says, and does nothing.
    up.pause(up.process("worker"))
    assert timed(up) == ["worker"]
    up.process("worker").resume()
    comes_back(up)

    # Redis hangs.
    up.valkey.pause()
    assert timed(up) == ["redis", "queue", "doorbell", "worker"]
    up.valkey.resume()
    comes_back(up)

    said = up.process("web").output(100_000)
    assert "Not ready, database: " in said and "Not ready, worker: no answer within 2.5 s." in said
    assert "NOREPLICAS" in said and "OOM" in said
    assert said.count("Not ready, redis: no answer") == 1, "once, and not with each question"


@pytest.mark.slow
@pytest.mark.exhaustive
def test_askers_share_what_was_found(up: Stack) -> None:
    time.sleep(1.1)
    with ThreadPoolExecutor(20) as pool:
        began, before = time.monotonic(), entries(up)
        answers = list(pool.map(lambda _: up.status("/readyz"), range(60)))
        took, after = time.monotonic() - began, entries(up)
    assert set(answers) == {200}
    assert after - before <= took + 1.5


def entries(stack: Stack) -> int:
    """How many entries were ever put into the queue."""
    with stack.valkey.client() as client:
        found: Any = client.xinfo_stream("streaq:holdfast:queues:normal")
    return int(found["entries-added"])


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_policy_that_evicts_is_told_at_start_and_in_readiness(up: Stack) -> None:
    config(up, "maxmemory-policy", "allkeys-lru")
    wait_until(lambda: up.json("/readyz")["warnings"] == ["redis_evicts"], 5, "the warning")
    assert up.status("/readyz") == 200
    assert "redis_evicts: Redis evicts keys" in up.process("web").output()
    for name in ("worker", "web"):
        up.process(name).stop()
        before = up.process(name).written
        up.process(name).start()
        wait_until(
            lambda name=name, before=before: (
                "Redis evicts keys" in up.process(name).log.read_bytes()[before:].decode()
            ),
            20,
            f"{name} to say so",
        )
