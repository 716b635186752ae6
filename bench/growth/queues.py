"""A small simulation of waiting: lines with servers, and flows that go from one to the next.

A flow is a generator. It yields seconds to let them pass, or `line.ask(seconds)` to be served there in its turn.
Nothing here knows what is simulated.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from random import Random
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Visit:
    """A flow wants to be served for so long."""

    line: Line
    seconds: float


Flow: TypeAlias = Generator["float | Visit", None, None]


class Simulation:
    """The clock, and all that is to happen."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.random = Random(seed)
        self._coming: list[tuple[float, int, Flow]] = []
        self._count = 0

    def start(self, flow: Flow, after: float = 0.0) -> None:
        """Let a flow begin."""
        self._count += 1
        heapq.heappush(self._coming, (self.now + after, self._count, flow))

    def chance(self, mean: float) -> float:
        """A time of chance with this mean, exponentially distributed."""
        return -math.log(1.0 - self.random.random()) * mean

    def run(self, until: float) -> None:
        """Let all of it happen up to this moment."""
        while self._coming and self._coming[0][0] <= until:
            self.now, _, flow = heapq.heappop(self._coming)
            self.proceed(flow)
        self.now = until

    def proceed(self, flow: Flow) -> None:
        """Let a flow go on until it waits for something."""
        for wanted in flow:
            if isinstance(wanted, Visit):
                wanted.line.join(flow, wanted.seconds)
            else:
                self.start(flow, wanted)
            return


class Line:
    """Whoever comes first is served first, by one of so many servers."""

    def __init__(self, simulation: Simulation, servers: int = 1) -> None:
        self.servers = servers
        #: Seconds that servers have worked, or will have when what is begun is done.
        self.busy = 0.0
        self._simulation = simulation
        self._free = servers
        self._waiting: deque[tuple[Flow, float]] = deque()

    def ask(self, seconds: float) -> Visit:
        """What a flow yields to be served here."""
        return Visit(self, seconds)

    def join(self, flow: Flow, seconds: float) -> None:
        """The simulation's: somebody comes."""
        if self._free:
            self._serve(flow, seconds)
        else:
            self._waiting.append((flow, seconds))

    def _serve(self, flow: Flow, seconds: float) -> None:
        self._free -= 1
        self.busy += seconds
        self._simulation.start(self._served(flow), seconds)

    def _served(self, flow: Flow) -> Flow:
        self._free += 1
        if self._waiting:
            self._serve(*self._waiting.popleft())
        self._simulation.proceed(flow)
        return
        yield 0.0  # so that this is a flow, too


class Places:
    """So many may be in at the same time; who comes later waits, however long those inside stay."""

    def __init__(self, simulation: Simulation, number: int) -> None:
        self.free = number
        self.most_waiting = 0
        self._simulation = simulation
        self._waiting: deque[Flow] = deque()

    def enter(self, flow: Flow) -> None:
        """Have a flow begin once there is a place; it must call `leave` in the end."""
        if self.free:
            self.free -= 1
            self._simulation.start(flow)
        else:
            self._waiting.append(flow)
            self.most_waiting = max(self.most_waiting, len(self._waiting))

    def leave(self) -> None:
        """A place is free again."""
        if self._waiting:
            self._simulation.start(self._waiting.popleft())
        else:
            self.free += 1
