"""Stores together with what may happen to their servers."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass

from chat.session.contract import KEYS
from chat.session.memory import MemoryStore
from chat.session.store import RedisStore
from chat.support.clock import StoreClock
from tests.support.valkey import Valkey
from tests.support.waiting import eventually

#: A test module that wants sessions to leave has an IDLE_MS of its own.
IDLE_MS = 600_000
LOG_ENTRIES = 100


@dataclass
class MemoryWorld:
    """A store in memory, its clock turned by hand."""

    store: MemoryStore
    idle_ms: int
    now: int = 0

    @classmethod
    def make(cls, idle_ms: int) -> MemoryWorld:
        world = cls.__new__(cls)
        world.idle_ms, world.now = idle_ms, 0
        world.store = MemoryStore(idle_ttl_ms=idle_ms, log_entries=LOG_ENTRIES, clock=lambda: world.now)
        return world

    async def flush(self) -> None:
        self.store.flush()

    async def keys(self, conversation: str) -> set[str]:
        """What the store keeps of a conversation, by the names of the contract."""
        return set(KEYS)

    async def lose(self, conversation: str, key: str) -> None:
        """One key vanishes alone."""
        self.store.lose(conversation, key)

    async def save(self) -> None:
        self._copy = self.store.copy()

    async def restart_with_saved(self) -> None:
        self.store.restart(self._copy)

    async def wait(self, ms: int) -> None:
        self.now += ms

    async def gone(self, conversation: str) -> bool:
        """Whether the session leaves within two idle times."""
        self.now += 2 * self.idle_ms
        return await self.store.head(conversation) is None


@dataclass
class RedisWorld:
    """A store over a real Valkey."""

    store: RedisStore
    server: Valkey
    idle_ms: int

    def another(self, clock: StoreClock) -> RedisStore:
        """The store as another machine has it, with a clock of its own. The caller closes it."""
        return RedisStore(self.server.url, idle_ttl_ms=self.idle_ms, log_entries=LOG_ENTRIES, clock=clock)

    async def flush(self) -> None:
        self.server.flush()

    async def keys(self, conversation: str) -> set[str]:
        with self.server.client() as client:
            return {key.rpartition(":")[2] for key in client.scan_iter(f"*{conversation}*")}

    async def lose(self, conversation: str, key: str) -> None:
        with self.server.client() as client:
            for found in client.scan_iter(f"*{conversation}*:{key}"):
                client.delete(found)

    async def save(self) -> None:
        with self.server.client() as client:
            client.save()
        shutil.copy(self.server.folder / "dump.rdb", self.server.folder / "saved.rdb")

    async def restart_with_saved(self) -> None:
        """Kill the server and start it with the older copy of its data: a lost tail."""
        self.server.kill()
        shutil.copy(self.server.folder / "saved.rdb", self.server.folder / "dump.rdb")
        await asyncio.to_thread(self.server.start)

    async def wait(self, ms: int) -> None:
        await asyncio.sleep(ms / 1000)

    async def gone(self, conversation: str) -> bool:
        async def left() -> bool:
            return await self.store.head(conversation) is None

        try:
            return bool(await eventually(left, 2 * self.idle_ms / 1000, "the idle session to leave"))
        except AssertionError:
            return False


World = MemoryWorld | RedisWorld


def make_redis(server: Valkey, idle_ms: int) -> RedisWorld:
    """A store over `server`, emptied. The caller closes the store."""
    server.flush()
    return RedisWorld(RedisStore(server.url, idle_ttl_ms=idle_ms, log_entries=LOG_ENTRIES), server, idle_ms)
