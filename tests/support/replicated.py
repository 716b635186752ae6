"""A Redis with a replica, and one address for both that a failover moves: real servers, real replication.

    Holdfast ──► front (the address) ──► primary ◄── wire ── replica

`lag` stalls the wire: what the primary takes from then on, the replica never gets. `promote` makes the replica the
primary nevertheless, as a failover does that comes too early: the same epochs, older seqs, another server (rule S6).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redis

from tests.support.proxy import Proxy
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until


class Replicated:
    """`with Replicated() as store: Stack(valkey=store)`. What can be done to a `Valkey` is done to the primary."""

    def __init__(self) -> None:
        self.primary = Valkey(aof=True)
        self.replica: Valkey | None = None
        #: Primaries of before that were left running.
        self.former: list[Valkey] = []
        self._front = Proxy(self.primary.port)
        self._wire: Proxy | None = None

    @property
    def url(self) -> str:
        """The address for clients, whoever is the primary."""
        return f"redis://127.0.0.1:{self._front.port}/0"

    def __enter__(self) -> Replicated:
        self._front.__enter__()
        self.primary.start()
        self._follow()
        return self

    def __exit__(self, *_: object) -> None:
        self._unfollow()
        for server in (*self.former, self.primary):
            server.stop()
        self._front.__exit__()

    # ---- what can be done to any Valkey ----

    def start(self) -> None:
        self.primary.start()

    def kill(self) -> None:
        self.primary.kill()

    def pause(self) -> None:
        self.primary.pause()

    def resume(self) -> None:
        self.primary.resume()

    def flush(self) -> None:
        self.primary.flush()

    def snapshot(self) -> Path:
        return self.primary.snapshot()

    def restore(self, copy: Path) -> None:
        self.primary.restore(copy)

    def client(self) -> redis.Redis:
        return self.primary.client()

    # ---- failover ----

    def lag(self) -> None:
        """From now on the replica gets nothing any more. Waits until it has all that was written before."""
        assert self.replica is not None and self._wire is not None
        self.level()
        self._wire.stall()

    def level(self) -> None:
        """Wait until the replica has what the primary has (at most 10 s)."""
        with self.primary.client() as client:
            offset = client.info("replication")["master_repl_offset"]
        wait_until(lambda: self._copied() >= offset, 10, "the replica to have everything")

    def promote(self, *, demote: bool = False) -> None:
        """The replica takes the address over. The primary dies; with `demote` it becomes a replica of the new one and
        keeps its clients, which nobody tells."""
        former = self.primary
        if not demote:
            former.kill()
        self.part_ways()
        if demote:
            with former.client() as client:
                client.execute_command("REPLICAOF", "127.0.0.1", self.primary.port)

    def part_ways(self) -> None:
        """The replica takes the address over for new connections; the primary goes on with those it has."""
        assert self.replica is not None and self._wire is not None
        self._wire.cut()
        with self.replica.client() as client:
            client.execute_command("REPLICAOF", "NO", "ONE")
        self._front.lead_to(self.replica.port, keep=True)
        self._wire.__exit__()
        self.former.append(self.primary)
        self.replica.copies = None  # when it is started again, it is a primary
        self.primary, self.replica, self._wire = self.replica, None, None

    def recruit(self) -> None:
        """Give the primary a new replica, so that the next failover can come."""
        self._follow()

    def _follow(self) -> None:
        self._wire = Proxy(self.primary.port)
        self._wire.__enter__()
        self.replica = Valkey(aof=True, copies=self._wire.port)
        self.replica.start()
        wait_until(self._linked, 20, "the replica to have copied the primary")

    def _unfollow(self) -> None:
        if self.replica is not None:
            self.replica.stop()
        if self._wire is not None:
            self._wire.__exit__()
        self.replica = self._wire = None

    def _info(self) -> dict[str, Any]:
        assert self.replica is not None
        with self.replica.client() as client:
            found: dict[str, Any] = client.info("replication")
            return found

    def _linked(self) -> bool:
        return bool(self._info()["master_link_status"] == "up")

    def _copied(self) -> int:
        return int(self._info()["slave_repl_offset"])
