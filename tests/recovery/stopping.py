"""SIGTERM at every moment of a process's life: it is heard, and the process has ended in time (rules W9, R4).

`make stopping` (`python -m tests.recovery.stopping --times 200`) starts real processes, tells each to end at a chosen
moment, or at a random one of a phase, and says how long that took at most. `--moment WORDS` does some only. Status 1 if
one did not end in time, or with a status that it should not have.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from scripts.processes import command
from scripts.signals import STATUS, UNDO_S
from tests.support import template
from tests.support.ports import claim_port
from tests.support.processes import Process, Stack, password
from tests.support.waiting import wait_until
from tests.support.wire import Wire, login

#: Seconds within which one that has not begun to work ends; two cores are shared.
AT_ONCE_S = 4.0
#: … that undoes what it has begun.
UNDONE_S = UNDO_S + 3
#: … that hands over its work, or says goodbye. A container is killed after 20 s (docker-compose.yml).
LEFT_S = 15.0
#: What an end is called that came before any work: our own, or the kernel's in the first milliseconds.
BEFORE = (STATUS, -signal.SIGTERM)
#: As the first process of a container: in a process namespace of its own.
FIRST = ["unshare", "--pid", "--fork", "--kill-child=KILL", "env", "--block-signal=TERM"]


@dataclass(frozen=True)
class Moment:
    """When a process is told, how long its end may take, and which statuses are fine."""

    name: str
    process: str
    within_s: float
    statuses: tuple[int, ...]
    #: Seconds after the start, at random between two; or else `when`.
    delay: tuple[float, float] | None = None
    when: Callable[[House, Process], None] | None = None
    #: Seconds between two signals; None: one signal.
    again: float | None = None
    first: bool = False
    env: dict[str, str] = field(default_factory=dict)
    #: Its database is this moment's own and empty, or held by somebody.
    database: str = ""


class House:
    """What the processes need: a store, a database with people, a server to talk through."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.cookies = ""

    def try_once(self, moment: Moment) -> tuple[float, int, str]:
        """Seconds from the signal to the end (infinite: it had to be killed), its status, and what it said."""
        with ExitStack() as cleaning:
            folder = Path(tempfile.mkdtemp(prefix="holdfast-stopping-"))
            cleaning.callback(shutil.rmtree, folder, ignore_errors=True)
            env = self.stack.env | {"HOLDFAST_PORT": str(claim_port())} | moment.env
            if moment.database:
                path = folder / "empty.sqlite3"
                env["DATABASE_URL"] = f"sqlite:///{path}"
                if moment.database == "held":
                    holder = sqlite3.connect(path, isolation_level=None)
                    cleaning.callback(holder.close)
                    holder.execute("PRAGMA journal_mode=WAL")
                    holder.execute("BEGIN IMMEDIATE")
            argv = (FIRST if moment.first else []) + command(moment.process)
            process = Process(moment.process, argv, env, folder / "log")
            process.preloaded = False  # what an interpreter hears while it imports is what is tried here
            process.start()
            cleaning.callback(lambda: process.kill() if process.alive else None)
            if moment.when is not None:
                moment.when(self, process)
            else:
                assert moment.delay is not None
                time.sleep(random.uniform(*moment.delay))
            began = time.monotonic()
            tell(process, moment.first)
            if moment.again is not None:
                time.sleep(random.uniform(0, moment.again))
                tell(process, moment.first)
            try:
                wait_until(lambda: not process.alive, moment.within_s, "its end")
            except AssertionError:
                return float("inf"), process.stop(0.1), process.output()
            return time.monotonic() - began, process.stop(), process.output()

    def begin_run(self) -> None:
        """A run that takes longer than anybody waits for here."""

        async def say() -> None:
            async with Wire(self.stack.address, self.cookies) as wire:
                conversation = await wire.begin()
                await wire.open(conversation)
                await wire.say(conversation, "research whales for 60 seconds")

        asyncio.run(say())


def tell(process: Process, first: bool) -> None:
    """SIGTERM; for one in a namespace of its own, to the first process there and not to what made the namespace."""
    if not first:
        process.signal(signal.SIGTERM)
        return
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

    def inside() -> int:
        # 0 stands for one that is just ending; to send a signal to 0 would be to send it to ourselves.
        found = [int(pid) for pid in children.read_text().split() if pid != "0"]
        # Until it has become what a container would begin with, it is `unshare` itself.
        return found[0] if found and "unshare" not in Path(f"/proc/{found[0]}/cmdline").read_text() else 0

    try:
        os.kill(wait_until(inside, 5, "the namespace's first process"), signal.SIGTERM)
    except (OSError, AssertionError):
        wait_until(lambda: not process.alive, 5, "an end of its own")


def says(words: str) -> Callable[[House, Process], None]:
    """Until the process has written this."""

    def wait(house: House, process: Process) -> None:
        wait_until(lambda: process.says(words, 0), 60, f"{words!r} in its log")

    return wait


def answers(house: House, process: Process) -> None:
    """Until it serves pages."""

    def answer() -> bool:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{process.env['HOLDFAST_PORT']}/healthz", timeout=5
            ):
                return True
        except OSError:
            return False

    wait_until(answer, 60, "an answer")


def works(house: House, process: Process) -> None:
    """Until it performs a run: the worker before has handed over what it had."""
    wait_until(lambda: process.says(" starts.", 0), 60, "its start")
    begun = house.stack.sql("SELECT max(id) FROM chat_event")[0][0] or 0
    house.begin_run()
    calls = "SELECT count(*) FROM chat_event WHERE id > ? AND type = 'call.started'"
    wait_until(lambda: house.stack.sql(calls, begun)[0][0], 60, "a tool to run")


NOWHERE = {"REDIS_URL": "redis://127.0.0.1:1/0"}
MOMENTS = (
    Moment("web before imports", "web", AT_ONCE_S, BEFORE, delay=(0, 0.08)),
    Moment("worker before imports", "worker", AT_ONCE_S, BEFORE, delay=(0, 0.08)),
    Moment("web importing", "web", LEFT_S, (0, *BEFORE), delay=(0.08, 2.5)),
    Moment("worker importing", "worker", LEFT_S, (0, *BEFORE), delay=(0.08, 2.5)),
    Moment("worker waiting for Redis", "worker", AT_ONCE_S, BEFORE, delay=(1.5, 3), env=NOWHERE),
    Moment("migrate", "migrate", UNDONE_S, (0, *BEFORE), delay=(0, 5), database="empty"),
    Moment("migrate behind a lock", "migrate", UNDONE_S, BEFORE, delay=(2, 4), database="held"),
    Moment("worker idle", "worker", LEFT_S, (0,), when=says(" starts.")),
    Moment("web idle", "web", LEFT_S, (0,), when=answers),
    Moment("worker in a run", "worker", LEFT_S, (0,), when=works),
    Moment("worker leaving", "worker", LEFT_S, (0, *BEFORE), when=says(" starts."), again=0.5),
    Moment("web leaving", "web", LEFT_S, (0, *BEFORE), when=answers, again=0.5),
    Moment("first process: web before imports", "web", AT_ONCE_S, BEFORE, delay=(0, 0.08), first=True),
    Moment("first process: web importing", "web", LEFT_S, (0, *BEFORE), delay=(0.08, 2.5), first=True),
    Moment("first process: worker importing", "worker", LEFT_S, (0, *BEFORE), delay=(0, 2.5), first=True),
    Moment("first process: worker idle", "worker", LEFT_S, (0,), when=says(" starts."), first=True),
    Moment(
        "first process: worker leaving",
        "worker",
        LEFT_S,
        (0, *BEFORE),
        when=says(" starts."),
        again=0.5,
        first=True,
    ),
    Moment("first process: web idle", "web", LEFT_S, (0,), when=answers, first=True),
    Moment(
        "first process: migrate",
        "migrate",
        UNDONE_S,
        (0, *BEFORE),
        delay=(0, 5),
        database="empty",
        first=True,
    ),
)


def judge(moment: Moment, tries: list[tuple[float, int, str]]) -> str:
    """'' if every try ended in time and with a status that is fine, else the first that did not."""
    for seconds, status, output in tries:
        if seconds > moment.within_s:
            return f"{moment.name}: not ended after {moment.within_s} s\n{output}"
        if status not in moment.statuses:
            return f"{moment.name}: ended with {status}\n{output}"
    return ""


def main(arguments: list[str]) -> int:
    """Try every moment; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.recovery.stopping")
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--moment", default="")
    given = parser.parse_args(arguments)
    failures = []
    with tempfile.TemporaryDirectory() as folder, Stack(template=template.make_sqlite(Path(folder))) as stack:
        house = House(stack)
        stack.start("demo")
        stack.start("web")
        house.cookies = login(stack.address, "alice", password("alice"))
        for moment in MOMENTS:
            if given.moment in moment.name:
                tries = [house.try_once(moment) for _ in range(given.times)]
                told = judge(moment, tries)
                failures += [told] * bool(told)
                worst = max(seconds for seconds, _, _ in tries)
                print(
                    f"{moment.name:38} {len(tries):4} times  at most {worst:6.2f} s  {'FAILED' if told else 'ok'}",
                    flush=True,
                )
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
