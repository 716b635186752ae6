"""Write the diagrams of docs/protocol.md from the tables of agents/lifecycle.py.

Usage: `python scripts/lifecycle_docs.py [--check]` in any folder; `npm run protocol` (in `frontend/`) calls it. With
`--check` nothing is written, and the exit status is 1 when the page is not what would be written.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from agents.lifecycle import LIFECYCLES, NEW, Lifecycle

PAGE = Path(__file__).resolve().parent.parent / "docs" / "protocol.md"
#: Stands in a diagram for all states in which something may still happen.
OPEN = "open"


def edges(table: Lifecycle[Any]) -> dict[tuple[str, str], list[str]]:
    """(state, next state) → the events that lead there; those that change nothing are left out. OPEN stands for all
    open states where an event may come in each of them."""
    found: dict[tuple[str, str], list[str]] = {}
    for type, row in table.types.items():
        for word, target in row.words().items():
            everywhere = len(table.open) > 1 and set(row.states) == table.open
            for state in (OPEN,) if everywhere else row.states:
                if target is not None and target != state:
                    label = f"{type} ({word})" if row.by and word not in ("", target) else type
                    found.setdefault((state, target), []).append(label)
    return found


def diagram(table: Lifecycle[Any]) -> Iterator[str]:
    """A lifecycle as a state diagram in Mermaid, which GitHub draws, and the events that leave the state as it is."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    lines = [
        (f"{'[*]' if state == NEW else state} --> {target}: {', '.join(types)}", target in table.final)
        for (state, target), types in edges(table).items()
    ]
    if len(table.open) > 1:
        yield f"    state {OPEN} {{"
        yield from (f"        {line}" for line, ends in lines if not ends)
        yield "    }"
    else:
        yield from (f"    {line}" for line, ends in lines if not ends)
    yield from (f"    {line}" for line, ends in lines if ends)
    for state in (state for state in table.states if state in table.final):
        yield f"    {state} --> [*]"
    yield "```"
    still = [f"`{type}` ({', '.join(row.states)})" for type, row in table.types.items() if row.to is None]
    if still:
        yield ""
        yield f"These leave the state as it is: {'; '.join(still)}."


def written(page: str) -> str:
    """The page with its diagrams as the tables are now."""
    for table in LIFECYCLES:
        begin, end = f"<!-- lifecycle of a {table.name}: generated -->", "<!-- end -->"
        pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(page):
            raise SystemExit(f"docs/protocol.md has no place for the lifecycle of a {table.name}: {begin}")
        text = "\n".join((begin, *diagram(table), end))
        page = pattern.sub(text, page)  # no backslash is in it
    return page


def main() -> int:
    page = PAGE.read_text(encoding="utf-8")
    wanted = written(page)
    if "--check" not in sys.argv:
        PAGE.write_text(wanted, encoding="utf-8")
        print("wrote docs/protocol.md")
    elif page != wanted:
        print("docs/protocol.md does not match agents/lifecycle.py: run `make protocol`.", file=sys.stderr)
        return 1
    else:
        print("docs/protocol.md matches agents/lifecycle.py.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
