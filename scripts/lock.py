"""The locks of all Python packages, transitive ones too, with the hashes of their files.

`make lock` writes requirements.lock and requirements-dev.lock from the direct pins in requirements.txt and
requirements-dev.txt; `make lint` runs `--check`, which needs no network. uv resolves for every supported Python and
platform at once, so that one lock serves all of them; pip installs from it with `--require-hashes`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
#: What a person edits, and the lock made from it. The later lock holds everything that the earlier one holds.
LOCKS = {"requirements.txt": "requirements.lock", "requirements-dev.txt": "requirements-dev.lock"}
#: The same for packages that are installed into another environment, which cannot be looked into from here.
APART = {
    "requirements-witnesses.txt": "requirements-witnesses.lock",
    "requirements-sdks.txt": "requirements-sdks.lock",
    "requirements-senders.txt": "requirements-senders.lock",
    "requirements-audit.txt": "requirements-audit.lock",
    "requirements-peers.txt": "requirements-peers.lock",
}
OLDEST_PYTHON = "3.11"
HASH = "--hash=sha256:"


@dataclass(frozen=True)
class Entry:
    """One package of a lock. A package may have several, for different Pythons or platforms."""

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def name(self) -> str:
        """The normalized name."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """The exact version, '' if it is not pinned to one."""
        pins = list(self.requirement.specifier)
        return pins[0].version if len(pins) == 1 and pins[0].operator == "==" else ""

    @property
    def applies(self) -> bool:
        """Whether this Python on this platform installs it."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def direct(path: Path) -> Iterator[Requirement]:
    """The requirements that a person wrote, included files first."""
    for line in path.read_text().splitlines():
        text = line.split(" #")[0].strip()
        if text.startswith("-r "):
            yield from direct(path.parent / text.removeprefix("-r ").strip())
        elif text and not text.startswith("#"):
            yield Requirement(text)


def locked(text: str) -> list[Entry]:
    """The entries of a lock, in its order."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith(("#", "-")):
            requirement, *options = line.split(HASH)
            found.append(Entry(Requirement(requirement.strip()), frozenset(map(str.strip, options))))
    return found


def needed(requirements: Iterable[Requirement]) -> dict[str, Requirement]:
    """Every requirement that this environment has to meet for these, by name, read from the installed packages."""
    found: dict[str, Requirement] = {}
    seen: set[tuple[str, str]] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        found.setdefault(name, requirement)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for text in metadata.requires(name) or ():
                child = Requirement(text)
                if child.marker is None or child.marker.evaluate({"extra": extra}):
                    waiting.append(child)
    return found


def faults_apart(wanted: list[Requirement], text: str) -> Iterator[str]:
    """What is wrong with a lock for these direct requirements, one line each, without a look at what is installed."""
    entries = locked(text)
    if "://" in text:
        yield "names a host"
    for entry in entries:
        if not entry.version or not entry.hashes:
            yield f"has {entry.name} without an exact version or without a hash"
    versions: dict[str, set[str]] = {}
    for entry in entries:
        versions.setdefault(entry.name, set()).add(entry.version)
    for requirement in wanted:
        pins = versions.get(canonicalize_name(requirement.name), set())
        if not pins or not all(requirement.specifier.contains(pin, prereleases=True) for pin in pins):
            yield f"does not have {requirement}"


def faults(wanted: list[Requirement], text: str) -> Iterator[str]:
    """What is wrong with a lock for these direct requirements, one line each."""
    yield from faults_apart(wanted, text)
    entries = locked(text)
    here = {entry.name: entry for entry in entries if entry.applies}
    try:
        closure = needed(wanted)
    except metadata.PackageNotFoundError as missing:
        yield f"cannot be checked: {missing.name} is not installed; run make tools"
        return
    for name, requirement in closure.items():
        if name not in here or not requirement.specifier.contains(here[name].version, prereleases=True):
            yield f"does not have {requirement}, which another package needs"
    yield from (f"has {name}, which nothing needs" for name in sorted(here.keys() - closure.keys()))


def check() -> list[str]:
    """What is wrong with the locks of this checkout."""
    found = []
    for source, lock in (LOCKS | APART).items():
        path, judge = ROOT / lock, faults_apart if source in APART else faults
        wanted = list(direct(ROOT / source))
        problems = judge(wanted, path.read_text()) if path.exists() else ["is missing"]
        found += [f"{lock} {problem}" for problem in problems]
    texts = [(ROOT / lock).read_text() for lock in LOCKS.values() if (ROOT / lock).exists()]
    pins = [{(entry.name, entry.version) for entry in locked(text)} for text in texts]
    if len(pins) == 2:
        found += [f"the locks differ in {name} {version}" for name, version in sorted(pins[0] - pins[1])]
    return found


def make(upgrade: bool) -> int:
    """Write the locks; the exit status of the first uv that failed, else 0. `upgrade`: also what need not change."""
    constraints: list[str] = []
    for source, lock in (LOCKS | APART).items():
        how = ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes", "--quiet"]
        how += ["--custom-compile-command", "make lock", *(["--upgrade"] if upgrade else [])]
        held = [] if source in APART else constraints
        argv = [sys.executable, "-m", "uv", "pip", "compile", *how, *held, "-o", lock, source]
        if status := subprocess.run(argv, cwd=ROOT).returncode:
            return status
        constraints = ["--constraint", lock]
    return 0


def main(arguments: list[str]) -> int:
    """0 when the locks were made, or when `--check` finds nothing."""
    parser = argparse.ArgumentParser(prog="python -m scripts.lock")
    parser.add_argument("--check", action="store_true", help="only compare, without a network")
    parser.add_argument("--upgrade", action="store_true", help="take the newest transitive packages")
    chosen = parser.parse_args(arguments)
    if not chosen.check:
        return make(chosen.upgrade)
    problems = check()
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print("Run make lock.", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
