"""From the release before to this one, as docs/upgrading.md says, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from agents.lifecycle import RUN
from tests.recovery.carry_over.at_work import (
    Behind,
    Effectful,
    Probed,
    Queued,
    Reading,
    Removed,
    Repeatable,
    Retrying,
    Stopping,
    Streaming,
)
from tests.recovery.carry_over.automatic import Due, Paused, Poll, Regular, Webhook
from tests.recovery.carry_over.crowd import Crowd
from tests.recovery.carry_over.installation import Carried, settled
from tests.recovery.carry_over.people import FeishuAnswered, FeishuAsked, FeishuAtWork, Permissions
from tests.recovery.carry_over.states import (
    Asked,
    Failed,
    Idle,
    InDoubt,
    Refused,
    State,
    Stopped,
    WithFile,
)
from tests.support.ports import claim_port
from tests.support.processes import Stack
from tests.support.waiting import wait_until

Meanwhile = Callable[[], Awaitable[None]]

#: What rests at the switch; the worker that is killed comes first.
AT_REST: tuple[type[State], ...] = (
    *(InDoubt, Idle, WithFile, Stopped, Failed, Asked, Refused, Permissions),
    *(Webhook, Poll, Paused, FeishuAnswered, FeishuAsked, Regular),
)
#: What moves at the switch.
MOVING: tuple[type[State], ...] = (
    *(
        Crowd,
        Streaming,
        Reading,
        Repeatable,
        Probed,
        Effectful,
        Removed,
        Retrying,
        Stopping,
        Behind,
        FeishuAtWork,
    ),
    *(Queued, Due),
)
#: States of a run that nobody can wait for: a run is in it from the end of its worker to the next one.
_BETWEEN_WORKERS = {"recovering"}
#: States in which a call stays until somebody does something. The others pass by themselves.
_CALLS = {"running", "awaiting_approval", "in_doubt"}


@dataclass
class Seen:
    """What there was to be read under one release."""

    transcripts: dict[str, list[dict[str, Any]]]
    journal: dict[tuple[str, int], str]

    @classmethod
    async def of(cls, house: Carried) -> Seen:
        transcripts = await house.transcripts()
        return cls(transcripts, house.journal())

    async def is_read_alike(self, house: Carried) -> None:
        """Everything settled is shown as before, over HTTP and over the socket, and no event is another one."""
        now = house.journal()
        assert {key: now.get(key) for key in self.journal} == self.journal
        for conversation, before in self.transcripts.items():
            for shown in (await house.items(conversation), await house.snapshot(conversation)):
                had, has = settled(before), settled(shown)
                changed = [(text, has.get(seq)) for seq, text in had.items() if has.get(seq) != text]
                assert not changed, f"{conversation} shows something else: {changed[0]}"


async def begin(states: list[State]) -> None:
    """One after another, as the states need it."""
    for state in states:
        try:
            await state.begin()
        except Exception as problem:
            faults = state.house.stack.sql("SELECT kind, text FROM chat_fault")
            problem.add_note(f"in the state: {state.name}; requests that were refused: {faults}")
            raise


async def look(house: Carried, states: list[State]) -> Seen:
    """What there is to be read when the switch begins; nothing that is to be carried over may be over."""
    seen = await Seen.of(house)
    over = [state.name for state in states if not state.stands()]
    assert not over, f"not so any more when the switch begins (a slow machine?): {over}"
    runs, calls = statuses(house, "chat_run"), statuses(house, "chat_call")
    missing = (set(RUN.states) - _BETWEEN_WORKERS - runs) | (_CALLS - calls)
    assert not missing, f"nothing is in these states when the switch begins: {missing}"
    return seen


def statuses(house: Carried, table: str) -> set[str]:
    """The states in which runs or calls are."""
    return {status for (status,) in house.stack.sql(f"SELECT DISTINCT status FROM {table}")}


def start_before(house: Carried) -> None:
    """The processes of the release before."""
    house.start_worker_of_before("worker")
    house.stack.start("web", folder=house.before)
    house.stack.wait("web", lambda: house.stack.status("/readyz") == 200, 30)


def migrate(stack: Stack) -> None:
    """As an operator does whose bot is to go on as it was: strangers are trusted, as in the release before."""
    stack.manage("migrate", "--no-input")
    stack.sql("UPDATE chat_feishuapp SET trusts_strangers = ?", True)


async def stopped(house: Carried, states: list[State], meanwhile: Meanwhile) -> Seen:
    """All processes end, then the database is migrated, then all start again."""
    stack = house.stack
    await begin(states)
    seen = await look(house, states)
    await asyncio.to_thread(stack.process("worker2").stop)
    assert statuses(house, "chat_run") >= _BETWEEN_WORKERS
    await meanwhile()
    await asyncio.to_thread(stack.process("web").stop)
    await asyncio.to_thread(migrate, stack)
    await asyncio.to_thread(stack.start, "worker", "new-worker")
    await asyncio.to_thread(serve, house, "new-web")
    return seen


async def rolling(house: Carried, states: list[State], meanwhile: Meanwhile) -> Seen:
    """Migrated while the release before is at work and goes on; then workers change, then web servers."""
    stack = house.stack
    resting, moving = states[: len(AT_REST)], states[len(AT_REST) :]
    await begin(resting)
    await asyncio.to_thread(migrate, stack)
    await begin(moving)
    seen = await look(house, states)
    await asyncio.to_thread(stack.start, "worker", "new-worker")
    await meanwhile()
    await asyncio.to_thread(stack.process("worker2").stop)
    await asyncio.to_thread(serve, house, "new-web")
    await asyncio.to_thread(stack.process("web").stop)
    return seen


def serve(house: Carried, label: str, **of: Any) -> None:
    """One more web server, which everybody asks from now on."""
    port = claim_port()
    house.serve_at(port)
    house.stack.start("web", label, HOLDFAST_PORT=str(port), **of)
    wait_until(lambda: house.stack.status("/readyz") == 200, 30, f"{label} to be ready")


async def back(house: Carried) -> None:
    """The release before again, on the migrated database."""
    stack = house.stack
    await asyncio.to_thread(house.start_worker_of_before, "old-worker")
    await asyncio.to_thread(stack.process("new-worker").stop)
    await asyncio.to_thread(serve, house, "old-web", folder=house.before)
    await asyncio.to_thread(stack.process("new-web").stop)


WAYS = {"stopped": stopped, "rolling": rolling}
