"""`make bench`: every measurement, each beside its baseline in the same run; prints a Markdown table.

`python -m bench resync append` chooses some. With PEERS=1 in the environment the turns are also those of what one could
use instead (`bench/turns.py`). Bounded: each part ends by itself within a few minutes.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.place import Place, Row

PARTS = ("storm", "turns", "many", "resync", "append", "request", "memory", "text", "takeover")
LIMIT_S = 600
#: What the model writes: tokens, and how many of them a second.
MODEL = "bench-400-50"
MODELS = {
    "storm": "bench-3000-50",
    "takeover": "bench-240-20",
    "turns": "turn-20-1000",
    "many": "turn-20-1000",
}
#: What is started for each; a web server alone for the others.
PROCESSES = dict.fromkeys(("text", "turns", "many"), ("web", "worker"))
#: Settings of one alone: several web servers on one port; a worker with places for all streams at once, so that they
#: are not what is measured.
SETTINGS = {"many": {"HOLDFAST_WEB_PROCESSES": "2"}, "text": {"HOLDFAST_WORKER_CONCURRENCY": "256"}}


def main(wanted: list[str]) -> int:
    """Run the chosen parts, print the report; the exit status says only whether they ran."""
    unknown = set(wanted) - set(PARTS)
    if unknown:
        print(f"Unknown: {', '.join(sorted(unknown))}. Choose from: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for part in wanted or PARTS:
        print(f"… {part}", file=sys.stderr, flush=True)
        rows += _in_process(part)
    print(f"\nMeasured {time.strftime('%Y-%m-%d')} on {os.cpu_count()} cores; medians.\n")
    more = any(row.peers for row in rows)
    print(f"| what | Holdfast | bare | ratio | aim |{' peers |' if more else ''}")
    print(f"|{'---|' * (6 if more else 5)}")
    for row in rows:
        line = f"| {row.what} | {row.holdfast} | {row.baseline} | {row.ratio} | {row.aim} |"
        print(f"{line} {row.peers} |" if more else line)
    return 0


def _in_process(part: str) -> list[Row]:
    """One part in a process of its own: Django can be set up only once, and each part has its own stack."""
    import pickle
    import subprocess

    with tempfile.NamedTemporaryFile() as file:
        argv = [sys.executable, "-c", f"from bench.__main__ import alone; alone({part!r}, {file.name!r})"]
        done = subprocess.run(argv, timeout=LIMIT_S + 60)
        if done.returncode:
            return [Row(part, "failed; see the messages above", "", "")]
        rows: list[Row] = pickle.loads(Path(file.name).read_bytes())
        return rows


def alone(part: str, result: str) -> None:
    """Measure one part in this process and leave its rows in the file `result`."""
    import importlib
    import pickle

    from bench.text import BenchModel

    with tempfile.TemporaryDirectory() as folder, BenchModel() as model:
        env = {
            "OPENAI_API_KEY": "bench",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_MODEL": MODELS.get(part, MODEL),
            "HOLDFAST_COMMANDS_PER_MINUTE": "0",
            **SETTINGS.get(part, {}),
        }
        processes = PROCESSES.get(part, ("web",))
        with Place(Path(folder), processes=processes, env=env) as place:
            os.environ.update(place.stack.env)
            os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
            import django

            django.setup()
            measure: Callable[[Place], Awaitable[list[Row]]] = importlib.import_module(
                f"bench.{part}"
            ).measure
            rows = asyncio.run(asyncio.wait_for(measure(place), LIMIT_S))  # type: ignore[arg-type]
    Path(result).write_bytes(pickle.dumps(rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
