"""What Redis must allow is listed in docs/deployment.md, and enough: a whole Holdfast works with exactly that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import Stack
from tests.support.redis_rights import listed
from tests.support.waiting import wait_until
from tests.support.wire import Wire, login

FAST = {"HOLDFAST_LEASE_MS": "3000", "HOLDFAST_RENEW_MS": "1000"}


def allow(stack: Stack, *rights: str) -> None:
    """Give the user of this stack's processes exactly these rights."""
    with stack.valkey.client() as client:
        client.execute_command("ACL", "SETUSER", "app", "reset", "on", ">s@fe", *rights)
        client.execute_command("ACL", "LOG", "RESET")


def denied(stack: Stack) -> set[str]:
    """What was refused since then."""
    with stack.valkey.client() as client:
        log: Any = client.acl_log()
    return {f"{entry['reason']} {entry['object']}" for entry in log}


@pytest.fixture(params=[pytest.param("hf", marks=pytest.mark.exhaustive), "staging"])
def careful(database_template: Path, request: pytest.FixtureRequest) -> Iterator[Stack]:
    env = FAST | {"HOLDFAST_REDIS_PREFIX": request.param}
    with Stack(template=database_template, env=env) as stack:
        stack.env["REDIS_URL"] = stack.valkey.url.replace("redis://", "redis://app:s%40fe@")
        allow(stack, *listed(request.param))
        yield stack


@pytest.mark.slow
@pytest.mark.exhaustive
async def test_the_listed_rights_are_enough(careful: Stack) -> None:
    careful.up()
    async with Wire(careful.address, login(careful.address, "alice", "alice-password")) as wire:
        conversation = await wire.begin()
        await wire.open(conversation)
        assert (await wire.say(conversation, "research tides for 1 second"))["status"] == "applied"
        await wire.until(
            lambda frame: frame["type"] == "event" and frame["event"]["type"] == "run.finished", 30
        )
        careful.process("worker").kill()
        assert (await wire.say(conversation, "what is 6*7?"))["status"] == "applied"
        careful.process("worker").start()
        await wire.until(
            lambda frame: frame["type"] == "event" and frame["event"]["type"] == "run.finished", 30
        )
    refused = {entry for entry in denied(careful) if not re.fullmatch(r"key [0-9a-f]{32}", entry)}
    # We ask for INFO and go on without; streaQ tries XREADGROUP on a stream that is not there.
    assert refused == {"command info"}


@pytest.mark.slow
@pytest.mark.parametrize("careful", ["hf"], indirect=True)
@pytest.mark.exhaustive
def test_readiness_notices_what_is_missing(careful: Stack) -> None:
    prefix = careful.env["HOLDFAST_REDIS_PREFIX"]
    careful.up()
    lacking = {"-append": "redis", "-subscribe": "doorbell", "-publish": "doorbell", "-fcall": "queue"}
    for right, part in lacking.items():
        allow(careful, *listed(prefix), right)
        if right == "-subscribe":  # one that listens already needs it no more
            with careful.valkey.client() as client:
                client.client_kill_filter(_type="pubsub")
        wait_until(lambda part=part: part in careful.json("/readyz")["missing"], 20, f"{right} to be noticed")
        allow(careful, *listed(prefix))
        wait_until(lambda: careful.status("/readyz") == 200, 40, f"{right} to be forgotten")
