"""Completes frontend/package-lock.json with the platform packages that npm left out.

npm drops an optional package from the lock when the registry at hand does not have it, as mirrors often lack the
binaries of other platforms; `npm ci` then refuses the lock, here and on those platforms. This adds each by name
and exact version, as its parent asks for it. Run it after `npm install`: python3 scripts/complete_lock.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent.parent / "frontend" / "package-lock.json"
SYSTEMS = ("android", "darwin", "freebsd", "linux", "openbsd", "win32", "aix", "sunos")
PROCESSORS = {"arm64": "arm64", "x64": "x64", "arm": "arm", "ia32": "ia32", "wasm32": "wasm32"}
PROCESSORS |= {"ppc64": "ppc64", "s390x": "s390x", "riscv64": "riscv64"}


def missing(lock: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Optional packages that the lock does not hold: (parent, name, version)."""
    packages = lock["packages"]
    for place, package in packages.items():
        for name, version in package.get("optionalDependencies", {}).items():
            if f"node_modules/{name}" not in packages and f"{place}/node_modules/{name}" not in packages:
                yield package, name, version


def entry(parent: dict[str, Any], name: str, version: str) -> dict[str, Any]:
    """The lock entry of a platform package; which platform is in its name."""
    words = name.rsplit("/", 1)[-1].split("-")
    made: dict[str, Any] = {"version": version}
    if processors := [PROCESSORS[word] for word in words if word in PROCESSORS]:
        made["cpu"] = processors[:1]
    if parent.get("dev"):
        made["dev"] = True
    if parent.get("license"):
        made["license"] = parent["license"]
    made["optional"] = True
    if systems := [word for word in words if word in SYSTEMS]:
        made["os"] = systems[:1]
    return made


def main() -> int:
    """Rewrite the lock if something is missing; says what was added."""
    lock = json.loads(LOCK.read_text())
    found = list(missing(lock))
    for parent, name, version in found:
        if not version[:1].isdigit():
            print(f"{name} is wanted as {version!r}, which is no exact version.", file=sys.stderr)
            return 1
        lock["packages"][f"node_modules/{name}"] = entry(parent, name, version)
    root = lock["packages"].pop("")
    lock["packages"] = {"": root, **dict(sorted(lock["packages"].items()))}
    LOCK.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")
    print(f"{len(found)} packages added.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
