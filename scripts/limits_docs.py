"""Write the tables of docs/limits.md from chat/limits/table.py and the settings' defaults.

Usage: `python -m scripts.limits_docs [--check]`; `make limits` calls it. With `--check` nothing is written, and the
exit status is 1 when the page is not what would be written.
"""

import ast
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "limits.md"
SETTINGS = ROOT / "config" / "settings.py"
BEGIN, END = "<!-- limits: generated -->", "<!-- end -->"
FREES = {
    "minute": "when a minute has passed",
    "day": "at 00:00 UTC",
    "deleting": "when some are deleted",
    "oldest": "at once: the oldest go",
}


def defaults() -> dict[str, int]:
    """What each setting that is a whole number is when nothing is set, read from the settings' source."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(SETTINGS.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ENV.number" and len(node.args) > 1:
            name, default = node.args[:2]
            if isinstance(name, ast.Constant) and isinstance(default, ast.Constant):
                found[str(name.value)] = int(str(default.value))
    return found


def generated() -> str:
    """All that stands between the marks. Django must be set up."""
    from django.utils import translation

    from chat.limits.table import LIMITS

    known = defaults()
    lines = [BEGIN, "", "| what is counted | for each | where | setting | default | 0 | room again |"]
    lines.append("|---|---|---|---|---|---|---|")
    lines += [
        f"| {one.what} | {one.per} | {one.doors} | `{one.setting}` | {known[one.setting]:,} | {one.zero} | "
        f"{FREES[one.frees]} |"
        for one in LIMITS
    ]
    lines += ["", "| code | what people are told | in Chinese |", "|---|---|---|"]
    for one in LIMITS:
        if one.told:
            said = []
            for language in ("en", "zh-hans"):
                with translation.override(language):
                    said.append(str(one.told))
            lines.append(f"| `{one.code}` | {' | '.join(said)} |")
    return "\n".join([*lines, "", END])


def written(page: str) -> str:
    """The page with its tables as the code is now."""
    pattern = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"docs/limits.md has no place for the tables: {BEGIN} … {END}")
    return pattern.sub(lambda _: generated(), page)


def problems(page: str) -> Iterator[str]:
    """What is wrong with the page."""
    if page != written(page):
        yield "docs/limits.md does not match chat/limits/table.py: run `make limits`."


def main() -> int:
    with tempfile.TemporaryDirectory() as data:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
            "HOLDFAST_DATA": data,
        }
        import django

        django.setup()
        page = PAGE.read_text(encoding="utf-8")
        if "--check" in sys.argv:
            found = list(problems(page))
            print("\n".join(found) or "docs/limits.md matches chat/limits/table.py.")
            return 1 if found else 0
        PAGE.write_text(written(page), encoding="utf-8")
        print("wrote docs/limits.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
