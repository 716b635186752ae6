"""Write the tables of docs/security.md from the rules of chat/authorization.py.

Usage: `python -m scripts.authorization_docs [--check]`; `make authority` calls it. With `--check` nothing is written,
and the exit status is 1 when the page is not what would be written.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from chat import authorization as a

PAGE = Path(__file__).resolve().parent.parent / "docs" / "security.md"
BEGIN, END = "<!-- who may do what: generated -->", "<!-- end -->"
#: A cell where something must hold besides.
NEEDED: dict[a.Need, str] = {
    "policy": "policy",
    "trust": "trust",
    "permission": "permission",
    "scope": "scope",
}


def cell(role: a.Role, door: a.Door, action: a.Action) -> str:
    """`yes`, what it needs, or a dash."""
    needs = a.TABLE.get((role, door, action))
    if needs is None:
        return "–"
    return " + ".join(NEEDED[need] for need in needs) or "yes"


def table(door: a.Door) -> Iterator[str]:
    """One door: its actions by those roles that may do anything there."""
    roles = [role for role in a.ROLES if any((role, door, action) in a.TABLE for action in a.ACTIONS)]
    yield f"### Through {a.DOOR_NAMES[door]}"
    yield ""
    yield f"| what | {' | '.join(roles)} | everybody else |"
    yield f"|---|{'---|' * (len(roles) + 1)}"
    for action in a.ACTIONS:
        cells = [cell(role, door, action) for role in roles]
        if set(cells) != {"–"}:
            yield f"| {a.ACTION_NAMES[action]} | {' | '.join(cells)} | – |"
    yield ""


def generated() -> str:
    """All that stands between the marks."""
    lines = [BEGIN, ""]
    lines += ["| word | who that is |", "|---|---|"]
    lines += [f"| {role} | {a.ROLE_NAMES[role]} |" for role in a.ROLES]
    lines.append("")
    for door in a.DOORS:
        lines += table(door)
    return "\n".join([*lines, END])


def written(page: str) -> str:
    """The page with its tables as the rules are now."""
    pattern = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"docs/security.md has no place for the tables: {BEGIN} … {END}")
    return pattern.sub(lambda _: generated(), page)


def main() -> int:
    page = PAGE.read_text(encoding="utf-8")
    wanted = written(page)
    if "--check" not in sys.argv:
        PAGE.write_text(wanted, encoding="utf-8")
        print("wrote docs/security.md")
    elif page != wanted:
        print("docs/security.md does not match chat/authorization.py: run `make authority`.", file=sys.stderr)
        return 1
    else:
        print("docs/security.md matches chat/authorization.py.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
