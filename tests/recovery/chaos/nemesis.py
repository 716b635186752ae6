"""What breaks things: seeded, one fault after another and at times two at once, each repaired after a while.

A process that ends though nobody told it to is written down as `died`: that is a violation, not a fault of ours.
"""

from __future__ import annotations

import heapq
import itertools
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.postgres import Postgres
from tests.support.processes import Stack
from tests.support.proxy import Proxy
from tests.support.replicated import Replicated

#: Named places where a worker may die; what follows the colon is the how-manieth passing.
WORKER_PLACES = (
    "lease.taken",
    "append.begin",
    "append.stored",
    "journal.written",
    "append.archived",
    "session.rebuilt",
    "effect.before",
    "effect.after",
)
WEB_PLACES = (
    "append.begin",
    "append.stored",
    "journal.written",
    "append.archived",
    "inbox.applied",
    "reply.written",
)


@dataclass
class Fault:
    """One thing that was done. Times in milliseconds since the Unix epoch; `until`: when it was repaired."""

    action: str
    target: str
    at: int
    pid: int = 0
    until: int = 0
    detail: str = ""


@dataclass(order=True)
class _Later:
    at: float
    number: int
    act: Callable[[], None] = field(compare=False)


class Nemesis:
    """Works on a stack through `run(seconds)`; `repair` brings everything back."""

    def __init__(
        self,
        stack: Stack,
        *,
        webs: list[str],
        workers: list[str],
        proxies: list[Proxy],
        seed: int,
        lease_ms: int,
        gap_s: tuple[float, float] = (0.3, 2.5),
        postgres: Postgres | None = None,
        store: Replicated | None = None,
        only: tuple[str, ...] = (),
        patience_s: float = 12.0,
    ) -> None:
        self.stack = stack
        self.webs = webs
        self.workers = workers
        self.proxies = proxies
        self.random = random.Random(seed)
        self.lease_s = lease_ms / 1000
        self.gap_s = gap_s
        self.postgres = postgres
        self.store = store
        #: How long a process may take to come by the place where it is to die.
        self.patience_s = patience_s
        self.faults: list[Fault] = []
        self._later: list[_Later] = []
        self._number = itertools.count()
        self._busy: set[str] = set()
        #: Processes that will die by themselves, at a named place.
        self._doomed: dict[str, Fault] = {}
        self._locks: list[sqlite3.Connection] = []
        self._actions: list[tuple[int, str, Callable[[], None]]] = [
            (6, "kill_worker", lambda: self._kill(self._free(self.workers))),
            (5, "doom_worker", lambda: self._doom(self._free(self.workers), WORKER_PLACES)),
            (3, "term_worker", lambda: self._term(self._free(self.workers))),
            (3, "stop_worker", lambda: self._pause(self._free(self.workers), (1.2, 3.0))),
            (3, "kill_web", lambda: self._kill(self._free(self.webs))),
            (2, "doom_web", lambda: self._doom(self._free(self.webs), WEB_PLACES)),
            (2, "term_web", lambda: self._term(self._free(self.webs))),
            (1, "stop_web", lambda: self._pause(self._free(self.webs), (0.2, 1.5))),
            (3, "cut_link", lambda: self._link(stall=False)),
            (2, "stall_link", lambda: self._link(stall=True)),
            (3, "mangle_link", self._mangle_link),
            (2, "flush_store", self._flush),
            (2, "evict_keys", self._evict),
            (2, "restart_store", self._restart_store),
            (2, "lose_tail", self._lose_tail),
            (1, "stall_store", self._stall_store),
            *([(3, "promote_replica", self._promote_replica)] if store is not None else []),
            (1, "stop_database", self._stop_database),
        ]
        if only:
            self._actions = [one for one in self._actions if one[1] in only]
            assert self._actions, f"No such faults: {only}"

    def run(self, seconds: float) -> None:
        """Break and repair for this long."""
        end = time.monotonic() + seconds
        due = time.monotonic() + self.random.uniform(*self.gap_s)
        while time.monotonic() < end:
            self._tick()
            if time.monotonic() >= due and len(self._busy) < 2:
                weights, names, acts = zip(*self._actions, strict=True)
                chosen = self.random.choices(range(len(names)), weights)[0]
                self._name = names[chosen]
                try:
                    acts[chosen]()
                except _Occupied:
                    pass
                due = time.monotonic() + self.random.uniform(*self.gap_s)
            time.sleep(0.02)

    def repair(self) -> None:
        """Everything runs again."""
        while self._later:
            heapq.heappop(self._later).act()
            time.sleep(0.02)
        for name, fault in list(self._doomed.items()):
            process = self.stack.process(name)
            process.resume() if process.alive else None
            self._reborn(name, fault)
        for proxy in self.proxies:
            proxy.restore()
        for name in (*self.webs, *self.workers):
            if not self.stack.process(name).alive:
                self.stack.process(name).start()

    # ---- time ----

    def _tick(self) -> None:
        now = time.monotonic()
        while self._later and self._later[0].at <= now:
            heapq.heappop(self._later).act()
        for name, fault in list(self._doomed.items()):
            if not self.stack.process(name).alive:
                del self._doomed[name]
                fault.at = _now()
                self.faults.append(fault)
                self._after(self.random.uniform(0.2, 1.5), lambda n=name, f=fault: self._reborn(n, f))
        for name in (*self.webs, *self.workers):
            process = self.stack.process(name)
            if name not in self._busy and not process.alive:
                self._name = "died"
                fault = self._began(name, process.pid, detail=process.output(2_000))
                self._after(self.random.uniform(0.2, 1.5), lambda n=name, f=fault: self._reborn(n, f))

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._later, _Later(time.monotonic() + seconds, next(self._number), act))

    def _free(self, names: list[str]) -> str:
        free = [name for name in names if name not in self._busy and self.stack.process(name).alive]
        if not free:
            raise _Occupied
        return self.random.choice(free)

    def _began(self, target: str, pid: int = 0, detail: str = "") -> Fault:
        if target in self._busy:
            raise _Occupied
        self._busy.add(target)
        fault = Fault(self._name, target, _now(), pid, detail=detail)
        self.faults.append(fault)
        return fault

    def _ended(self, fault: Fault) -> None:
        fault.until = _now()
        self._busy.discard(fault.target)

    # ---- processes ----

    def _kill(self, name: str) -> None:
        process = self.stack.process(name)
        fault = self._began(name, process.pid)
        process.kill()
        self._after(self.random.uniform(0.2, 1.5), lambda: self._reborn(name, fault))

    def _term(self, name: str) -> None:
        process = self.stack.process(name)
        fault = self._began(name, process.pid)
        process.signal(signal.SIGTERM)
        until = time.monotonic() + 15

        def look() -> None:
            if process.alive and time.monotonic() < until:
                self._after(0.1, look)
                return
            if process.alive:
                process.kill()
                self.faults.append(Fault("did_not_end", name, _now(), process.pid))
            self._reborn(name, fault)

        self._after(0.2, look)

    def _pause(self, name: str, leases: tuple[float, float]) -> None:
        process = self.stack.process(name)
        fault = self._began(name, process.pid)
        process.pause()

        def resume() -> None:
            process.resume()
            self._ended(fault)

        self._after(self.lease_s * self.random.uniform(*leases), resume)

    def _doom(self, name: str, places: tuple[str, ...]) -> None:
        """Start it anew so that it dies by itself: gently first, so that only its own end is a crash."""
        process = self.stack.process(name)
        place = f"{self.random.choice(places)}:{self.random.randint(1, 12)}"
        if name in self._busy:
            raise _Occupied
        self._busy.add(name)
        gentle = Fault("term_to_doom", name, _now(), process.pid, detail=place)
        self.faults.append(gentle)
        process.signal(signal.SIGTERM)
        until = time.monotonic() + 15

        def dead() -> None:
            if process.alive and time.monotonic() < until:
                self._after(0.1, dead)
                return
            if process.alive:
                process.kill()
                self.faults.append(Fault("did_not_end", name, _now(), process.pid))
            process.env = {**process.env, "HOLDFAST_DIE_AT": place}
            process.start()
            gentle.until = _now()
            fault = Fault("die_at", name, 0, process.pid, detail=place)
            self._doomed[name] = fault
            # Not every place is passed often enough.
            self._after(self.patience_s, lambda: self._pardon(name, fault))

        self._after(0.2, dead)

    def _pardon(self, name: str, fault: Fault) -> None:
        # It may have died, come back and been doomed anew: that one's time is not up.
        if self._doomed.get(name) is fault:
            del self._doomed[name]
            process = self.stack.process(name)
            if process.alive:
                process.kill()
            fault.at = _now()
            fault.action = "kill_worker" if name in self.workers else "kill_web"
            self.faults.append(fault)
            self._reborn(name, fault)

    def _reborn(self, name: str, fault: Fault) -> None:
        process = self.stack.process(name)
        process.env = {**process.env, "HOLDFAST_DIE_AT": ""}
        if process.alive and self._doomed.pop(name, None) is not None:
            process.kill()
        if not process.alive:
            process.start()
        self._ended(fault)

    # ---- links and stores ----

    def _link(self, *, stall: bool) -> None:
        number = self.random.randrange(len(self.proxies))
        proxy = self.proxies[number]
        fault = self._began(f"link{number + 1}")
        proxy.stall() if stall else proxy.cut()

        def restore() -> None:
            proxy.restore()
            self._ended(fault)

        self._after(self.random.uniform(0.1, 4.0), restore)

    def _mangle_link(self) -> None:
        """A bad link: frames are lost, repeated and overtaken, in both directions."""
        number = self.random.randrange(len(self.proxies))
        proxy = self.proxies[number]
        fault = self._began(f"link{number + 1}")
        mishaps = proxy.mangle(self.random.uniform(0.05, 0.4), self.random.randrange(2**31))

        def restore() -> None:
            proxy.restore()
            fault.detail = " ".join(f"{what}:{n}" for what, n in mishaps.met.items())
            self._ended(fault)

        self._after(self.random.uniform(1.0, 5.0), restore)

    def _flush(self) -> None:
        fault = self._began("store")
        self.stack.valkey.flush()
        self._ended(fault)

    def _evict(self) -> None:
        """Some keys vanish and the others stay, as a policy that evicts leaves them."""
        fault = self._began("store")
        with self.stack.valkey.client() as client:
            keys = sorted(client.scan_iter(count=1000))
            gone = self.random.sample(keys, min(len(keys), self.random.randint(1, 8)))
            fault.detail = " ".join(gone)
            if gone:
                client.delete(*gone)
        self._ended(fault)

    def _restart_store(self) -> None:
        fault = self._began("store")
        self.stack.valkey.kill()
        self._after(self.random.uniform(0.1, 2.0), lambda: self._store_back(fault))

    def _lose_tail(self) -> None:
        """The store comes back as it was a moment ago, as a replica does that was promoted too early."""
        fault = self._began("store")
        copy = self.stack.valkey.snapshot()

        def lose() -> None:
            self.stack.valkey.kill()
            self.stack.valkey.restore(copy)
            self._after(self.random.uniform(0.1, 1.0), lambda: self._store_back(fault))

        self._after(self.random.uniform(0.2, 1.5), lose)

    def _promote_replica(self) -> None:
        """A replica that lags becomes the primary (the same epochs, older seqs); the former one dies, or becomes a
        replica of it and keeps its clients."""
        assert self.store is not None
        store = self.store
        fault = self._began("store", detail=self.random.choice(("dead", "demoted")))
        store.lag()

        def promote() -> None:
            store.promote(demote=fault.detail == "demoted")
            self._after(self.random.uniform(0.5, 1.5), recruit)

        def recruit() -> None:
            store.recruit()
            self._ended(fault)

        self._after(self.random.uniform(0.2, 1.5), promote)

    def _store_back(self, fault: Fault) -> None:
        self.stack.valkey.start()
        self._ended(fault)

    def _stall_store(self) -> None:
        fault = self._began("store")
        self.stack.valkey.pause()

        def resume() -> None:
            self.stack.valkey.resume()
            self._ended(fault)

        self._after(self.random.uniform(0.5, 4.0), resume)

    def _stop_database(self) -> None:
        """PostgreSQL restarts; an SQLite file is locked by another program."""
        fault = self._began("database")
        if self.postgres is not None:
            server = self.postgres
            server.halt()

            def again() -> None:
                server.resume()
                self._ended(fault)

            self._after(self.random.uniform(0.2, 3.0), again)
            return
        lock = sqlite3.connect(self.stack.data / "holdfast.sqlite3", timeout=20, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")

        def unlock() -> None:
            lock.execute("ROLLBACK")
            lock.close()
            self._ended(fault)

        self._after(self.random.uniform(0.5, 4.0), unlock)


class _Occupied(Exception):
    """What was to be broken is broken already."""


def _now() -> int:
    return time.time_ns() // 1_000_000
