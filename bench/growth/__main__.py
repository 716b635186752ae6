"""Write the tables of docs/scaling.md from the measured costs, by arithmetic and by simulation.

    python -m bench.growth            print them
    python -m bench.growth --write    write them into the page
    python -m bench.growth --check    1 when the page is not what would be written

Nothing is measured here: the same costs give the same tables on every machine.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from bench.growth import tables
from bench.growth.costs import costs
from bench.growth.plan import Use

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "scaling.md"
#: Each table by the name that stands in the page before it.
TABLES: dict[str, Callable[[], str]] = {
    "assumed": lambda: tables.assumed(Use()),
    "paid": tables.paid,
    "each": lambda: tables.each(costs(), Use()),
    "shares": lambda: tables.shares(costs(), Use()),
    "sizes": lambda: tables.sizes(costs(), Use()),
    "steps": lambda: tables.steps(costs(), Use()),
    "compared": lambda: tables.compared(costs(), Use()),
}
_PLACE = re.compile(r"(<!-- growth: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def written(page: str, names: tuple[str, ...] = tuple(TABLES)) -> str:
    """The page with these tables as they are now. Raises KeyError for a place with an unknown name."""

    def table(found: re.Match[str]) -> str:
        before, name, after = found.groups()
        made = TABLES[name]
        return f"{before}\n{made()}\n\n{after}" if name in names else found[0]

    return _PLACE.sub(table, page)


def main(arguments: list[str]) -> int:
    """Print, write or check."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(arguments)
    if not (asked.write or asked.check):
        for name, made in TABLES.items():
            print(f"\n{name}\n\n{made()}")
        return 0
    page = PAGE.read_text(encoding="utf-8")
    now = written(page)
    if asked.write:
        PAGE.write_text(now, encoding="utf-8")
    elif now != page:
        print("docs/scaling.md is not what the costs say: python -m bench.growth --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
