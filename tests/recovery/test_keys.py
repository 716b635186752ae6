"""Any key of Redis vanishes alone, as a policy that evicts or a hand does it: nobody notices more than a moment (S6).

Real processes and people with the real TypeScript engine. Which keys there are is seen in the running system, so that a
new one is lost here, too; what must hold in the end is held by the checker of the chaos runs.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from chat.session.contract import KEYS
from tests.recovery.chaos.run import Plan, Scene
from tests.recovery.scenes import Writer, assert_whole, people, writer
from tests.support.waiting import eventually

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

#: Ids within the names of keys: of conversations, runs, tasks and processes.
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{6,}")
WRITERS = 3


@pytest.fixture(scope="module")
def scene(database_template: Path) -> Iterator[Scene]:
    plan = Plan(seed=12, conversations=2, pace_ms=2_500, rest_s=60)
    with Scene(plan, database_template, replicated=False) as scene:
        yield scene


class Keys:
    """The keys of the running system, by kind; each kind is lost once."""

    def __init__(self, scene: Scene) -> None:
        self._client = scene.system.valkey.client()
        self.lost: set[str] = set()

    def present(self) -> dict[str, list[str]]:
        """kind → its keys. The keys of conversations are of the kinds that the contract names."""
        found: dict[str, list[str]] = {}
        for key in self._client.scan_iter(count=1000):
            found.setdefault(self._kind(key), []).append(key)
        return found

    @staticmethod
    def _kind(key: str) -> str:
        name = key.rpartition(":")[2]
        of_a_conversation = re.search(r"\{[0-9a-f]{8}-[0-9a-f-]{27}\}", key) is not None
        return f"conversation:{name}" if of_a_conversation else ID.sub("*", key)

    def lose_of(self, conversation: str) -> str | None:
        """Lose one key of this conversation, of a kind that was not lost before."""
        for kind, keys in self.present().items():
            mine = [key for key in keys if conversation in key]
            if mine and kind not in self.lost:
                return self._lose(kind, mine[0])
        return None

    def lose_another(self) -> str | None:
        """Lose one key that is no conversation's: of the queue, of sweepers, of whoever."""
        for kind, keys in self.present().items():
            if not kind.startswith("conversation:") and kind not in self.lost:
                return self._lose(kind, keys[0])
        return None

    def lose(self, kind: str) -> bool:
        """Lose a key of this kind, if there is one at this moment."""
        keys = self.present().get(kind, [])
        return bool(keys) and self._client.delete(keys[0]) == 1 and self._lose(kind, keys[0]) is not None

    def _lose(self, kind: str, key: str) -> str:
        self._client.delete(key)
        self.lost.add(kind)
        return kind


async def _writers(scene: Scene, stack: AsyncExitStack) -> list[Writer]:
    return [await stack.enter_async_context(writer(scene)) for _ in range(WRITERS)]


async def _go_on(one: Writer) -> None:
    asked = one.asks("say 3")
    await one.gets_through(asked)
    await one.ends_well(asked)


@pytest.mark.exhaustive
async def test_S6_any_key_vanishes_while_nobody_works_on_its_conversation(scene: Scene) -> None:
    keys = Keys(scene)
    with people(scene) as clients:
        async with AsyncExitStack() as stack:
            writers = await _writers(scene, stack)
            await asyncio.gather(*(_go_on(one) for one in writers))
            lost: list[str | None] = ["all"]
            while any(lost):
                lost = [keys.lose_of(one.conversation) for one in writers]
                await asyncio.gather(*(_go_on(one) for one in writers))
        await assert_whole(scene, clients)
    assert {f"conversation:{name}" for name in KEYS} - keys.lost <= {
        "conversation:lease",
        "conversation:part",
    }


@pytest.mark.exhaustive
async def test_S6_any_key_vanishes_in_the_middle_of_a_run(scene: Scene) -> None:
    keys = Keys(scene)
    with people(scene) as clients:
        async with AsyncExitStack() as stack:
            writers = await _writers(scene, stack)
            lost: list[str | None] = ["all"]
            while any(lost):
                await asyncio.gather(*(one.sees_a_run_work() for one in writers))
                lost = [*(keys.lose_of(one.conversation) for one in writers), keys.lose_another()]
                await asyncio.gather(*(_go_on(one) for one in writers))
            # Text streams for moments only.
            await eventually(
                lambda: keys.lose("conversation:part"), 30, "somebody's text to stream", every=0.005
            )
            await asyncio.gather(*(_go_on(one) for one in writers))
        await assert_whole(scene, clients)
    assert {f"conversation:{name}" for name in KEYS} <= keys.lost
    assert len(keys.lost) > len(KEYS) + 3, f"the queue's are not among {sorted(keys.lost)}"
