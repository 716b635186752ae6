"""`make engines` (`python -m tests.engines.run`): chat, tools and takeovers on every arrangement of servers.

Ends with the table of docs/deployment.md. `--only WORDS` does those with these in the name. Status 1 if one went wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import traceback

from tests.engines.arrangements import ARRANGEMENTS
from tests.engines.drill import drill
from tests.engines.programs import Missing


def main() -> int:
    """0 when everything went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    rows, failed = [], []
    for name, arrangement in ARRANGEMENTS.items():
        if given.only not in name:
            continue
        began = time.monotonic()
        try:
            with arrangement() as house:  # type: ignore[attr-defined]
                count = asyncio.run(drill(house.stack, house.address, given.seconds, house.disturb))
        except Missing as problem:
            print(problem, file=sys.stderr)
            return 1
        except Exception:  # whatever it was, the others are tried
            failed.append(name)
            print(f"FAIL  {name}\n{traceback.format_exc()[-6000:]}", flush=True)
            continue
        took = time.monotonic() - began
        print(f"ok {took:6.1f} s  {name}: {house.servers}: {count}", flush=True)
        rows.append(f"| {name} | {house.servers} | {count.answers} | {count.calls} | {count.takeovers} |")
    print("\n| arrangement | servers | answers | tool calls | takeovers |\n|---|---|---|---|---|")
    print("\n".join(rows))
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
