"""What a turn, a token and a reconnect ask of the stores, counted; `make bench-check` compares with `counts.json`.

    python -m bench.counts              count, compare; 1 if something costs more than is stored, or clearly less
    python -m bench.counts --write      store what was counted
    python -m bench.counts --stored F   compare with another file than counts.json, or write it

One process is web and worker, over a real Valkey and SQLite, so that everything is counted and nothing else. The model
is a script. Processor time is printed beside the counts and never compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from bench.meter import Counts, Meter
from tests.support.template import make_sqlite
from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from bench.counted import Work

STORED = Path(__file__).with_name("counts.json")
#: Done before counting begins: what happens once in the life of a process is not counted.
WARM_UP = 3
TURNS, STREAMS, PARTS, SOCKETS = 5, 20, 10, 20
#: Times that each is measured without counting statements, for its processor time.
TIMED = 20
#: By so much (of the whole, and at least) a count may differ.
SHARE, LEAST = 0.03, 0.15
#: Printed and not compared: in how many reads the commands of sockets come that are asked for together is chance.
BY_CHANCE = ("reconnect of a socket, 20 at once", "trips")

Found = dict[str, dict[str, float]]


def main(arguments: list[str]) -> int:
    """Count and print; the exit status says whether the counts are as stored."""
    parser = argparse.ArgumentParser(prog="bench.counts")
    parser.add_argument("--write", action="store_true", help="store what was counted")
    parser.add_argument("--template", type=Path, help="a migrated SQLite file with Alice in it")
    parser.add_argument("--stored", type=Path, default=STORED, help="what to compare with (counts.json)")
    parser.add_argument("--quick", action="store_true", help="measure no processor time")
    parser.add_argument("--statements", action="store_true", help="print the statements of a turn")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, Valkey() as valkey:
        template = asked.template or make_sqlite(Path(folder))
        database = Path(folder, "holdfast.sqlite3")
        database.write_bytes(template.read_bytes())
        _set_up(Path(folder), database, valkey.url)
        meter = Meter(valkey.url)
        found, cpu, statements = asyncio.run(_measure(meter, timed=not asked.quick))
    stored: Found = json.loads(asked.stored.read_text()) if asked.stored.exists() else {}
    _print(found, cpu, stored)
    if asked.statements:
        for text, number in statements.most_common():
            print(f"{number / TURNS:5.1f} {text}")
    if asked.write:
        asked.stored.write_text(json.dumps(found, indent=2) + "\n")
        return 0
    problems = differences(found, stored)
    for problem in problems:
        print(problem, file=sys.stderr)
    return bool(problems)


def differences(found: Found, stored: Found) -> list[str]:
    """What is not as it was stored, in sentences; empty if all is."""
    told = []
    for what in sorted({*found, *stored}):
        for name in sorted({*found.get(what, {}), *stored.get(what, {})}):
            now, then = found.get(what, {}).get(name), stored.get(what, {}).get(name)
            if now is None or then is None:
                told.append(f"{what}, {name}: counted {now}, stored {then}. Store it: make bench-counts.")
            elif (what, name) != BY_CHANCE and abs(now - then) > max(LEAST, SHARE * then):
                much = "more" if now > then else "less"
                told.append(
                    f"{what}, {name}: {now:g}, {much} than the stored {then:g}."
                    " If it is meant to be so: make bench-counts."
                )
    return told


def _print(found: Found, cpu: dict[str, float], stored: Found) -> None:
    names = list(next(iter(found.values())))
    print(f"| one | {' | '.join(names)} | CPU of web + worker + Valkey |")
    print(f"|---|{'---|' * (len(names) + 1)}")
    for what, counts in found.items():
        cells = [f"{counts[name]:g} ({stored.get(what, {}).get(name, '–')})" for name in names]
        took = f"{cpu[what]:.2f} ms" if what in cpu else "not measured"
        print(f"| {what} | {' | '.join(cells)} | {took} |")


def _set_up(folder: Path, database: Path, redis: str) -> None:
    os.environ.update(
        DJANGO_SECRET_KEY="only-for-counting-" + "x" * 50,
        DJANGO_INSECURE_HTTP="1",
        HOLDFAST_DATA=str(folder),
        DATABASE_URL=f"sqlite:///{database}",
        REDIS_URL=redis,
        OPENAI_API_KEY="counted",
        OPENAI_MODEL="counted",
        DJANGO_SETTINGS_MODULE="config.settings",
        # No login is looked at again, and nothing beats, while something else is counted.
        HOLDFAST_HEARTBEAT_MS="60000",
    )
    import django

    django.setup()


async def _measure(meter: Meter, *, timed: bool) -> tuple[Found, dict[str, float], Counter[str]]:
    # Once Django is set up.
    from bench.counted import reconnects, streams, turns

    found: Found = {}
    cpu: dict[str, float] = {}
    statements: Counter[str] = Counter()
    works: list[tuple[str, int, int, Work]] = [
        ("turn with a tool call", TURNS, TIMED, await turns(WARM_UP)),
        ("part of a text, 20 streams", PARTS * STREAMS, PARTS * STREAMS, await streams(STREAMS)),
        ("reconnect of a socket, 20 at once", SOCKETS, SOCKETS, await reconnects(SOCKETS)),
    ]
    for what, number, times, work in works:
        counts = await _counted(meter, work, number, trace=True)
        statements = statements or counts.statements
        found[what] = counts.each(number)
        if timed:
            cpu[what] = (await _counted(meter, work, times, trace=False)).cpu / times
    return found, cpu, statements


async def _counted(meter: Meter, work: Work, number: int, *, trace: bool) -> Counts:
    meter.begin(trace=trace)
    await work.run(number)
    counts = meter.end()
    await work.settle()
    return counts


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
