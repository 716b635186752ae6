"""Attack a whole Holdfast of real processes at one door after another, with frames made from a seed.

    python -m tests.hostile.run --doors socket,hooks --count 100000 --seed 14 --database postgres      (make hostile)

At each door: no 5xx (but 503, "later"), no traceback in a log, nothing of Bob's told to anybody else, no process that
grows. A fault prints what was sent. Frame n of a door is made from seed, door and n, and from ids that answers to
frames before it have told.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.hostile import asking
from tests.hostile.asking import Asked
from tests.hostile.house import House, Person, house
from tests.hostile.watching import Report, Watch

Make = Callable[[random.Random, House], tuple[Asked, Person | None]]

#: Requests, or sockets, at the same time.
AT_ONCE = 12
#: The browser's comes last: staff change much there.
DOORS = ("socket", "hooks", "feishu", "api", "openai", "browser")


async def attack(
    where: House, door: str, count: int, seed: int, told: Callable[[Report], None] | None = None
) -> Report:
    """`count` frames at one door. `told` is called after each tenth."""
    watch = Watch(where.stack, where.secrets, door, seed)
    work = _sockets if door == "socket" else _requests
    for tenth in range(10):
        await work(where, watch, door, tenth * count // 10, (tenth + 1) * count // 10)
        watch.look()
        watch.report.seconds = time.monotonic() - watch._began
        if told is not None:
            told(watch.report)
    return watch.ended()


async def _sockets(where: House, watch: Watch, door: str, first: int, last: int) -> None:
    from tests.hostile import sockets  # Django must be set up before it is imported

    place = first

    async def one_after_another() -> None:
        nonlocal place
        while place < last:
            number, place = place, place + sockets.FRAMES
            rng = random.Random(f"{watch.report.seed}:{door}:{number}")
            await sockets.talk(rng, where, watch, last - number)

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))


async def _requests(where: House, watch: Watch, door: str, first: int, last: int) -> None:
    make = _makers()[door]
    numbers = iter(range(first, last))

    async def one_after_another() -> None:
        for number in numbers:
            rng = random.Random(f"{watch.report.seed}:{door}:{number}")
            asked, person = make(rng, where)
            try:
                answer = await asking.ask(where.stack.web_port, asked)
            except TimeoutError:
                watch.fault("no answer", (asked.method, asked.path[:300], asked.headers, asked.body[:1_000]))
                continue
            watch.answered(asked, answer, allowed=person is not None and person.staff)
            if person is not None and answer.status in (200, 201):
                _learn(where, asked, person, answer.body)

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))


def _makers() -> dict[str, Make]:
    from tests.hostile import browsers, machines, programs

    return {
        "browser": browsers.request,
        "api": programs.api,
        "openai": programs.openai,
        "hooks": machines.delivery,
        "feishu": machines.callback,
    }


def _learn(where: House, asked: Asked, person: Person, body: bytes) -> None:
    """The ids that an answer tells, and the forms of pages for staff: what is asked next may be about them. (Staff do
    not change people: they would lock themselves out.)"""
    path = asked.path.partition("?")[0]
    if person.staff and asked.method == "GET" and b"<form" in body and "/auth/" not in path:
        from tests.hostile import browsers

        if shown := browsers.fields_of(body):
            where.forms[path] = shown
        return
    try:
        found = json.loads(body)
    except ValueError:
        return
    if isinstance(found, dict):
        for name in ("id", "conversation", "run", "message"):
            if isinstance(found.get(name), str) and len(found[name]) == 36:
                person.saw(found[name])


def run(
    doors: tuple[str, ...],
    count: int,
    seed: int,
    *,
    postgres: bool = False,
    database_template: Path | None = None,
    told: Callable[[Report], None] | None = None,
) -> list[Report]:
    """Attack these doors of one house, one after the other."""
    with house(database_template, postgres=postgres) as where:

        async def every() -> list[Report]:
            reports = []
            for door in doors:
                reports.append(await attack(where, door, count, seed, told))
                print("\n".join(reports[-1].lines()), flush=True)
            return reports

        return asyncio.run(every())


def main() -> int:
    import shutil
    import tempfile

    from tests.support import template

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--doors", default=",".join(DOORS))
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="postgres")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)

    def told(report: Report) -> None:
        sizes = ", ".join(f"{name} {each[-1] >> 20} MB" for name, each in report.memory.items())
        done = f"{report.door}: {report.frames:,} frames, {report.frames / report.seconds:.0f} a second"
        print(f"{done}; {sizes}; {len(report.faults)} faults", flush=True)

    postgres = given.database == "postgres"
    folder = Path(tempfile.mkdtemp(prefix="holdfast-hostile-"))
    try:
        made = None if postgres else template.make_sqlite(folder)
        doors = tuple(given.doors.split(","))
        reports = run(doors, given.count, given.seed, postgres=postgres, database_template=made, told=told)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if any(report.faults for report in reports) else 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    sys.exit(main())
