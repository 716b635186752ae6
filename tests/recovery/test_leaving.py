"""Who is told to leave ends, whatever does not answer at that moment (W9, R4)."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chat.entrances.web import leaving
from chat.runs.pool import LEAVE_S
from chat.runs.worker import END_S
from tests.support.processes import Stack
from tests.support.waiting import eventually
from tests.support.wire import Wire, login, new_id

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

#: Two cores are shared.
MARGIN_S = 3


def redis_stands_still(stack: Stack) -> Callable[[], None]:
    stack.valkey.pause()
    return stack.valkey.resume


def the_database_is_locked(stack: Stack) -> Callable[[], None]:
    """As by a backup program; whoever writes waits for twenty seconds."""
    holder = sqlite3.connect(stack.data / "holdfast.sqlite3", timeout=20, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    return holder.close


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "happens", [redis_stands_still, pytest.param(the_database_is_locked, marks=pytest.mark.exhaustive)]
)
async def test_W9_R4_servers_and_workers_end_although_a_store_does_not_answer(
    database_template: Path, happens: Callable[[Stack], Callable[[], None]]
) -> None:
    with Stack(template=database_template) as stack:
        stack.up()
        cookies = login(stack.address, "alice", "alice-password")
        async with Wire(stack.address, cookies) as wire:
            conversation = await wire.begin()
            body = {"kind": "send", "message": new_id(), "text": "research whales for 30 seconds"}
            assert (await wire.command(conversation, body, new_id()))["status"] == "applied"
            await eventually(
                lambda: stack.sql("SELECT 1 FROM chat_call WHERE status = 'running'"), 20, "the tool to run"
            )
            undo = happens(stack)
            try:
                # Somebody asks in this very moment, and half a second later the server waits for the store.
                again = {**body, "message": new_id()}
                frame = {"type": "command", "id": new_id(), "conversation": conversation, "body": again}
                await wire.send(frame)
                time.sleep(0.5)
                web, worker = stack.process("web"), stack.process("worker")
                began = time.monotonic()
                for process in (web, worker):
                    process.signal(signal.SIGTERM)
                server_s = 5 + leaving.TIMEOUT_S + leaving.FLUSH_S + leaving.END_S
                for process, most in ((web, server_s), (worker, LEAVE_S + END_S)):
                    await eventually(lambda: not process.alive, 60, "its end")  # noqa: B023
                    assert time.monotonic() - began < most + MARGIN_S, process.output()
                    assert process.stop() == 0, process.output()
            finally:
                undo()
