"""A person with very many conversations is deleted for good while others chat: how long do the others wait?

    python -m bench.erasing                       # 5,000 conversations on SQLite
    python -m bench.erasing --postgres
    python -m bench.erasing --conversations 200   # as in `make test`

Web, worker and demo model are processes of their own, as in production; the deletion is a worker's. Two people talk and
look at their lists all the time, before the deletion and during it; each request is timed until it is answered.
Beside them a thread that needs nothing is timed, too: how much later than it asked for it gets the processor. On a
machine with other work no request can be quicker than that allows.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.support import template
from tests.support.postgres import Postgres
from tests.support.processes import Stack
from tests.support.tab import Tab, log_in

#: Seconds for which the others are timed before anything is deleted.
BEFORE_S = 20.0
#: What no request is to take longer than (seconds).
AIM_S = 0.2
#: Seconds between two requests of one person.
PAUSE_S = 0.25
#: Seconds for which the thread that needs nothing asks to sleep.
NAP_S = 0.01
FILL = """
from bench import large
from chat.support.clock import now_ms
from django.contrib.auth import get_user_model
from chat.entrances.feishu.models import FeishuApp
large.fill(large.Size({conversations}, people=1), now_ms())
FeishuApp.objects.update(owner=get_user_model().objects.get(username="charlie"))
"""
ASK = """
from django.contrib.auth import get_user_model
from chat.retention.rounds import ask_for
ask_for("person", str(get_user_model().objects.get(username="person-0").pk))
"""


@dataclass
class Times:
    """Seconds that requests took, by their kind."""

    of: dict[str, list[float]] = field(default_factory=dict)

    def add(self, kind: str, began: float) -> None:
        """A request of this kind was answered now."""
        self.of.setdefault(kind, []).append(time.monotonic() - began)

    @property
    def all(self) -> list[float]:
        """All of them, sorted."""
        return sorted(one for some in self.of.values() for one in some)

    def told(self) -> str:
        """Each kind in one line, and all of them."""
        lines = [_line(kind, sorted(some)) for kind, some in sorted(self.of.items())]
        return "\n".join([*lines, _line("all", self.all)])


def _spread(some: list[float]) -> dict[str, float]:
    return {"p50": some[len(some) // 2], "p95": some[int(len(some) * 0.95)], "worst": some[-1]}


def _line(kind: str, some: list[float]) -> str:
    told = "   ".join(f"{name} {took * 1000:6.1f} ms" for name, took in _spread(some).items())
    over = sum(took > AIM_S for took in some)
    return f"  {kind:<8} {len(some):>6} times   {told}   {over} over {AIM_S * 1000:.0f} ms"


class Machine:
    """How much later than asked for a thread of this process goes on (seconds), while it is entered."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._nap, daemon=True)

    def _nap(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            time.sleep(NAP_S)
            self.late.append(time.monotonic() - began - NAP_S)

    def __enter__(self) -> Machine:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def told(self) -> str:
        """In one line, with the load of the last minute."""
        return f"{_line('machine', sorted(self.late))}   load {os.getloadavg()[0]:.1f}"


@dataclass(frozen=True)
class Found:
    """What came of it: the others before and during the deletion, and how long that took (seconds)."""

    before: Times
    during: Times
    took: float
    #: What is to be told of the machine, before and during it.
    machine: tuple[str, str]

    def ratio(self) -> str:
        """The same requests, during the deletion against before it."""
        before, during = _spread(self.before.all), _spread(self.during.all)
        return "   ".join(f"{name} × {during[name] / before[name]:.2f}" for name in before)


class Person:
    """Somebody who talks and looks at their list."""

    def __init__(self, tab: Tab, web: httpx.AsyncClient) -> None:
        self.tab, self.web = tab, web
        self.times = Times()

    async def live(self) -> None:
        """Until cancelled."""
        conversation = await self.tab.create()
        while True:
            began = time.monotonic()
            done = await self.tab.message(conversation, "what is 6*7?")
            self.times.add("say", began)
            if done["status"] != "applied":
                conversation = await self.tab.create()  # too many wait in this one
            began = time.monotonic()
            answer = await self.web.get("/api/conversations?limit=20")
            assert answer.status_code == 200, answer.text
            self.times.add("list", began)
            began = time.monotonic()
            await self.tab.create()
            self.times.add("begin", began)
            await asyncio.sleep(PAUSE_S)


async def measure(stack: Stack, conversations: int, limit_s: float = 1_800) -> Found:
    """Fill the stack's database, start everything, and delete the person while others chat."""
    await asyncio.to_thread(stack.manage, "shell", "-v", "0", "-c", FILL.format(conversations=conversations))
    await asyncio.to_thread(stack.up)
    async with contextlib.AsyncExitStack() as open_ones:
        people = []
        for name in ("alice", "bob"):
            cookies = await log_in(stack, name)
            tab = await open_ones.enter_async_context(Tab(stack, cookies))
            web = await open_ones.enter_async_context(
                httpx.AsyncClient(base_url=stack.address, cookies=cookies)
            )
            people.append(Person(tab, web))
        living = [asyncio.create_task(one.live()) for one in people]
        await asyncio.sleep(2)
        before, during = Times(), Times()
        for one in people:
            one.times = before
        with Machine() as machine:
            await asyncio.sleep(BEFORE_S)
        told_before = machine.told()
        for one in people:
            one.times = during
        began = time.monotonic()
        with Machine() as machine:
            await asyncio.to_thread(stack.manage, "shell", "-v", "0", "-c", ASK)
            while stack.sql("SELECT COUNT(*) FROM retention_erasure WHERE state = 'over'") != [(1,)]:
                assert time.monotonic() < began + limit_s, stack.sql("SELECT * FROM retention_erasure")
                for task in living:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.2)
        took = time.monotonic() - began
        for task in living:
            task.cancel()
    assert stack.sql("SELECT COUNT(*) FROM auth_user WHERE username = 'person-0'") == [(0,)]
    return Found(before, during, took, (told_before, machine.told()))


@contextlib.contextmanager
def stack_on(postgres: bool) -> Iterator[Stack]:
    """A stack with Alice, Bob and Charlie."""
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="holdfast-erasing-")))
        if postgres:
            server = held.enter_context(Postgres())
            server.execute("CREATE DATABASE erasing")
            template.fill(server.url("erasing"), folder)
            yield held.enter_context(Stack(database=server.url("erasing")))
        else:
            yield held.enter_context(Stack(template=template.make_sqlite(folder)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--conversations", type=int, default=5_000)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    with stack_on(given.postgres) as stack:
        found = asyncio.run(measure(stack, given.conversations))
    print(f"before\n{found.before.told()}\n{found.machine[0]}")
    print(f"while {given.conversations:,} conversations were deleted ({found.took:.1f} s)")
    print(f"{found.during.told()}\n{found.machine[1]}\n  during against before: {found.ratio()}")


if __name__ == "__main__":
    main()
