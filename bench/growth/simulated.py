"""Holdfast as queues: web processes, workers with their places, one Redis, one PostgreSQL.

A web process, a worker and Redis have one core each, and do one thing after another. What each thing takes is measured
(`costs.json`); how things follow each other is written here as in docs/architecture.md. What the simulation adds to
the arithmetic of `plan.py` is waiting.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.growth.costs import Costs
from bench.growth.plan import COALESCE_S, PLACES, Load, Use
from bench.growth.queues import Flow, Line, Places, Simulation

#: Appends of a turn: the first by the web process, the others by the worker.
APPENDS = 8
#: A feed's tick, by which the small things that a process does all the time are gathered here.
TICK_S = 0.02
#: Of a reconnect's cost the share that comes before the server can make anybody wait (the handshake), and how many it
#: serves at the same time after that.
HANDSHAKE, AT_ONCE = 0.4, 32
#: Simulated seconds, and those at the beginning that do not count.
SECONDS, WARM_UP_S = 40.0, 15.0
#: Simulated seconds after which a storm is not waited for any more.
GIVE_UP_S = 300.0


@dataclass
class Seen:
    """Seconds that people waited for us, without what models and tools took."""

    acknowledged: list[float] = field(default_factory=list)
    #: From sending to the moment at which the model is asked.
    asked: list[float] = field(default_factory=list)
    #: From a token's place in a worker to the socket.
    text: list[float] = field(default_factory=list)
    turns: int = 0
    back: list[float] = field(default_factory=list)
    #: Share of the time that each kind of part was busy.
    busy: dict[str, float] = field(default_factory=dict)


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of them lies; 0 if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Holdfast:
    """So many processes under a load."""

    def __init__(
        self,
        load: Load,
        costs: Costs,
        use: Use,
        *,
        web: int,
        worker: int,
        sql_cores: int,
        seed: int = 1,
    ) -> None:
        self.load, self.costs, self.use, self.seen = load, costs, use, Seen()
        self.simulation = simulation = Simulation(seed)
        self.web = [Line(simulation) for _ in range(web)]
        self.worker = [Line(simulation) for _ in range(worker)]
        self.redis = Line(simulation)
        self.sql = Line(simulation, sql_cores)
        self.places = Places(simulation, worker * PLACES)
        self.opens = [Places(simulation, AT_ONCE) for _ in range(web)]
        #: Runs whose text comes now, of each worker.
        self.streams = [0] * worker
        self.runs = [0] * worker
        #: How often each store is asked in a turn, and how much each time (seconds).
        self._redis_s = costs.redis_turn_ms / 1000 / APPENDS
        self._sql_s = costs.sql_turn_ms / 1000 / APPENDS
        self._store_s = 2 * use.round_trip_s + use.commit_s

    def run(self, seconds: float = SECONDS) -> Seen:
        """What people saw after the first WARM_UP_S of so many seconds."""
        for number in range(len(self.web)):
            self.simulation.start(self._listening(number), TICK_S * number / len(self.web))
            self.simulation.start(self._coming_back(number))
        for number in range(len(self.worker)):
            self.simulation.start(self._writing(number), COALESCE_S * number / len(self.worker))
        self.simulation.start(self._redis_polled())
        self.simulation.start(self._sql_polled())
        self.simulation.start(self._people())
        self.simulation.run(WARM_UP_S)
        before, self.seen = self._worked(), Seen()
        self.simulation.run(seconds)
        self.seen.busy = {
            name: (worked - before[name]) / (seconds - WARM_UP_S) for name, worked in self._worked().items()
        }
        return self.seen

    def storm(self, sockets: int, spread_s: float) -> tuple[float, Seen]:
        """Seconds until the last of so many sockets was back that came at once, spread over some seconds by the
        browsers' chance, and what people saw meanwhile."""
        self.run(WARM_UP_S + 0.1)
        self.seen = Seen()
        chance, now = self.simulation.random, self.simulation.now
        for number in range(sockets):
            self.simulation.start(self._back(number % len(self.web)), chance.random() * spread_s)
        while len(self.seen.back) < sockets and self.simulation.now < now + GIVE_UP_S:
            self.simulation.run(self.simulation.now + 0.1)
        return self.simulation.now - now, self.seen

    def _worked(self) -> dict[str, float]:
        return {
            "web": sum(one.busy for one in self.web) / len(self.web),
            "worker": sum(one.busy for one in self.worker) / len(self.worker),
            "redis": self.redis.busy,
            "sql": self.sql.busy / self.sql.servers,
        }

    # ---- what happens ----

    def _people(self) -> Flow:
        while True:
            yield self.simulation.chance(1 / self.load.turns)
            self.simulation.start(self._message())

    def _message(self) -> Flow:
        """Said by somebody: stored, acknowledged, and a run for it queued."""
        began = self.simulation.now
        web = self.simulation.random.choice(self.web)
        yield web.ask(self.simulation.chance(self.costs.web_turn_ms / 1000))
        yield from self._append()
        self.seen.acknowledged.append(self.simulation.now - began)
        self.places.enter(self._run(began))

    def _append(self) -> Flow:
        yield self.redis.ask(self._redis_s)
        yield self._store_s
        yield self.sql.ask(self.simulation.chance(self._sql_s))

    def _run(self, began: float) -> Flow:
        """Two requests of a model and a tool between them."""
        number = min(range(len(self.worker)), key=lambda one: self.runs[one])
        self.runs[number] += 1
        worker, use = self.worker[number], self.use
        each = self.costs.worker_turn_ms / 1000 / (APPENDS - 1)

        def append(times: int) -> Flow:
            for _ in range(times):
                yield worker.ask(self.simulation.chance(each))
                yield from self._append()

        yield from append(2)
        self.seen.asked.append(self.simulation.now - began)
        yield use.first_token_s
        yield from append(2)
        yield use.tool_s
        yield from append(1)
        yield use.first_token_s
        self.streams[number] += 1
        yield use.tokens / use.tokens_a_second
        self.streams[number] -= 1
        yield from append(2)
        self.runs[number] -= 1
        self.places.leave()
        self.seen.turns += 1

    def _writing(self, number: int) -> Flow:
        """A worker's text: all that has come since the last tick, in one pipeline."""
        a_tick = self.use.tokens_a_second * COALESCE_S
        last = self.simulation.now
        while True:
            yield COALESCE_S
            streams, late = self.streams[number], (self.simulation.now - last) / COALESCE_S
            last = self.simulation.now
            if streams:
                tokens = streams * a_tick * late
                yield self.worker[number].ask(tokens * self.costs.worker_token_ms / 1000)
                yield self.redis.ask(streams * self.costs.redis_part_ms / 1000)
                yield self.use.round_trip_s
                for web in self.web:
                    self.simulation.start(self._shown(web, tokens / len(self.web), last))

    def _shown(self, web: Line, tokens: float, born: float) -> Flow:
        yield TICK_S * self.simulation.random.random()
        yield web.ask(tokens * self.costs.web_token_ms / 1000)
        self.seen.text.append(self.simulation.now - born)

    def _listening(self, number: int) -> Flow:
        """Heartbeats and reads for sockets that only listen."""
        sockets = self.load.sockets / len(self.web)
        yield from self._again(self.web[number], sockets * self.costs.web_idle_ms)

    def _redis_polled(self) -> Flow:
        yield from self._again(self.redis, self.load.sockets * self.costs.redis_idle_ms)

    def _sql_polled(self) -> Flow:
        yield from self._again(self.sql, self.load.sockets * self.costs.sql_idle_ms)

    def _again(self, line: Line, ms_a_second: float) -> Flow:
        last = self.simulation.now
        while ms_a_second:
            yield TICK_S
            took, last = self.simulation.now - last, self.simulation.now
            yield line.ask(ms_a_second / 1000 * took)

    def _coming_back(self, number: int) -> Flow:
        while True:
            yield self.simulation.chance(len(self.web) / self.load.reconnects)
            self.simulation.start(self._back(number))

    def _back(self, number: int) -> Flow:
        """A socket comes back: the handshake at once, the rest with so many others at the same time."""
        began = self.simulation.now
        cost = self.costs.web_reconnect_ms / 1000
        yield self.web[number].ask(cost * HANDSHAKE)
        self.opens[number].enter(self._opened(number, began, cost * (1 - HANDSHAKE)))

    def _opened(self, number: int, began: float, cost: float) -> Flow:
        yield self.redis.ask(self.costs.redis_reconnect_ms / 1000)
        yield self.use.round_trip_s
        yield self.sql.ask(self.costs.sql_reconnect_ms / 1000)
        yield self.web[number].ask(cost)
        self.opens[number].leave()
        self.seen.back.append(self.simulation.now - began)
