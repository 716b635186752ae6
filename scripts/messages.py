"""The texts that the server says, in other languages: gathers them into the catalogues, and compiles these.

    python -m scripts.messages            # after a text was added or changed: updates django.po, compiles django.mo
    python -m scripts.messages --check    # says what is missing; status 1 if anything is

A text is marked by Django's gettext (`_("…")`). The compiled file is kept in the repository, so that nobody needs
gettext to run Holdfast. Needs Babel (requirements-dev.txt). New texts come into the catalogue empty: translate them by
hand.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
#: Below an installed app, where Django finds it and whatever is made of the app carries it along.
LOCALE = ROOT / "chat" / "locale"
SOURCES = ("agents", "chat", "config")
LANGUAGES = ("zh_Hans",)
WRITTEN = datetime(2026, 11, 29, tzinfo=UTC)
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
}


def gathered() -> Catalog:
    """Every marked text of the sources, and where it stands."""
    found = Catalog(charset="utf-8")
    for source in SOURCES:
        texts = extract_from_dir(
            ROOT / source, method_map=[("**.py", "python")], keywords=KEYWORDS, directory_filter=None
        )
        for name, _line, text, comments, context in texts:
            # Without line numbers: they would change with every edit of a file.
            found.add(text, locations=[(f"{source}/{name}", 0)], auto_comments=comments, context=context)
    return found


def catalogue(language: str, folder: Path = LOCALE) -> Catalog:
    """The translations of a language as they are kept."""
    path = folder / language / "LC_MESSAGES" / "django.po"
    if not path.exists():
        return Catalog(locale=language, charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def compiled(language: str, folder: Path = LOCALE) -> Catalog:
    """The compiled translations of a language as they are kept."""
    with (folder / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        return read_mo(file)


def problems(language: str, folder: Path = LOCALE) -> list[str]:
    """What is wrong with a language's catalogue; empty if all is well."""
    wanted = {_key(message.id) for message in gathered() if message.id}
    kept = {_key(message.id): message for message in catalogue(language, folder) if message.id}
    built = {_key(message.id): _key(message.string) for message in compiled(language, folder) if message.id}
    found = [f"not in the catalogue: {id!r}" for id in wanted - kept.keys()]
    found += [f"in the catalogue, but nowhere said: {id!r}" for id in kept.keys() - wanted]
    found += [f"without a translation: {id!r}" for id, one in kept.items() if not "".join(_key(one.string))]
    found += [f"uncertain: {id!r}" for id, one in kept.items() if one.fuzzy]
    found += [
        f"other placeholders: {id!r}" for id, one in kept.items() if _holes(one.id) != _holes(one.string)
    ]
    found += [f"not compiled: {id!r}" for id, one in kept.items() if built.get(id) != _key(one.string)]
    found += [f"compiled, but not in the catalogue: {id!r}" for id in built.keys() - kept.keys()]
    return sorted(found)


def update(language: str) -> None:
    """Bring a language's catalogue up to the sources, and compile it."""
    kept = catalogue(language)
    kept.update(gathered(), no_fuzzy_matching=True)
    kept.obsolete.clear()
    # Nothing in the file says when it was written: what did not change is not a change.
    kept.project, kept.version, kept.fuzzy = "Holdfast", "", False
    kept.copyright_holder = kept.msgid_bugs_address = kept.last_translator = kept.language_team = "Holdfast"
    kept.creation_date = kept.revision_date = WRITTEN
    kept.header_comment = "# What Holdfast's server says. Updated and compiled by scripts/messages.py."
    folder = LOCALE / language / "LC_MESSAGES"
    folder.mkdir(parents=True, exist_ok=True)
    text = io.BytesIO()
    write_po(text, kept, width=110, sort_output=True, omit_header=False)
    (folder / "django.po").write_bytes(text.getvalue())
    with (folder / "django.mo").open("wb") as file:
        write_mo(file, kept)


def _key(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def _holes(text: str | list[str] | tuple[str, ...] | None) -> set[str]:
    """The places for values in a text; those of all its plural forms."""
    return {hole for form in _key(text) for hole in re.findall(r"%\(\w+\)[sd]|\{\w*\}", form)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Gathers and compiles the server's translations.")
    parser.add_argument("--check", action="store_true", help="change nothing; say what is missing")
    asked = parser.parse_args()
    if not asked.check:
        for language in LANGUAGES:
            update(language)
    found = [f"{language}: {problem}" for language in LANGUAGES for problem in problems(language)]
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
