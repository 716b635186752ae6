"""The bills of materials of a release (`make sbom`): the packages that are installed with it, and those in its pages.

Each is made from its lock by the tool of its kind, in CycloneDX: cyclonedx-py (requirements-audit.txt) for Python,
npm's own command for the frontend. Before they are kept they are checked by what shares no code with either: the
published schema of CycloneDX in a general validator, and the locks, of which each package must be there with its hash.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource

from scripts import lock
from scripts.environments import ROOT, NotThere, python

Bill = dict[str, Any]

NPM = ["npm", "sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application", "--package-lock-only"]
#: How npm marks what only builds and tests.
TOOL = {"name": "cdx:npm:package:development", "value": "true"}
#: What names of schemas are relative to.
BASES = ("", "http://cyclonedx.org/schema/")


def version() -> str:
    """The version of this checkout."""
    found: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return found


def python_bill() -> Bill:
    """What is installed with the wheel."""
    made = [
        python("audit"),
        "-W",
        "ignore",
        "-m",
        "cyclonedx_py",
        "requirements",
        "--pyproject",
        "pyproject.toml",
    ]
    made += ["--mc-type", "application", "--output-reproducible", "--short-PURLs", "requirements.lock"]
    return _printed(made, ROOT)


def frontend_bill() -> Bill:
    """What is in the page. Tools are taken out here: npm's own `--omit dev` also leaves out what a tool and the page
    both need (React itself, as of npm 11)."""
    bill = _printed(NPM, ROOT / "frontend")
    kept = [one for one in bill["components"] if TOOL not in one.get("properties", ())]
    refs = {one["bom-ref"] for one in kept} | {bill["metadata"]["component"]["bom-ref"]}
    needs = [
        {**one, "dependsOn": [ref for ref in one.get("dependsOn", ()) if ref in refs]}
        for one in bill["dependencies"]
        if one["ref"] in refs
    ]
    return {**bill, "components": kept, "dependencies": needs}


def _printed(argv: list[Any], folder: Path) -> Bill:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{argv[0]} could not make a bill of materials:\n{done.stderr[-2000:]}")
    bill: Bill = json.loads(done.stdout)
    return bill


# ---- the check ----


@cache
def schemas() -> dict[str, Any]:
    """CycloneDX's published schemas by their file name, which come with the library for Python."""
    code = "import cyclonedx.schema, pathlib; print(pathlib.Path(cyclonedx.schema.__file__).parent / '_res')"
    folder = Path(subprocess.check_output([python("audit"), "-c", code], text=True).strip())
    return {path.name: json.loads(path.read_text()) for path in folder.glob("*.schema.json")}


def faults(bill: Bill) -> Iterator[str]:
    """What the schema of its version says against a bill, one line each."""
    found = schemas()
    name = f"bom-{bill.get('specVersion')}.SNAPSHOT.schema.json"
    if bill.get("bomFormat") != "CycloneDX" or name not in found:
        yield f"is of no version of CycloneDX that is known: {bill.get('specVersion')}"
        return
    # They name each other by their files, which lie beside the address of the one that asks.
    named = [
        (f"{base}{file}", Resource.from_contents(schema)) for file, schema in found.items() for base in BASES
    ]
    registry: Registry[Any] = Registry().with_resources(named)
    for error in Draft7Validator(found[name], registry=registry).iter_errors(bill):
        yield f"{error.json_path}: {error.message[:200]}"
    refs = [one["bom-ref"] for one in bill.get("components", ()) if "bom-ref" in one]
    yield from (
        f"two components are called {ref}" for ref in sorted({ref for ref in refs if refs.count(ref) > 1})
    )


def missing(bill: Bill, wanted: dict[tuple[str, str], frozenset[str]]) -> Iterator[str]:
    """The packages (name, version) that a bill lacks, or has without a hash of theirs (hexadecimal)."""
    there: dict[tuple[str, str], set[str]] = {}
    for one in bill.get("components", ()):
        origins = one.get("externalReferences", ())
        hashes = [*one.get("hashes", ()), *(each for origin in origins for each in origin.get("hashes", ()))]
        name = f"{one['group']}/{one['name']}" if "group" in one else one["name"]
        there.setdefault((name, one["version"]), set()).update(each["content"] for each in hashes)
    for pin, known in sorted(wanted.items()):
        if pin not in there:
            yield f"lacks {pin[0]} {pin[1]}"
        elif known and not known & there[pin]:
            yield f"has {pin[0]} {pin[1]} without its hash"


def python_pins() -> dict[tuple[str, str], frozenset[str]]:
    """The packages of requirements.lock with their hashes."""
    entries = lock.locked((ROOT / "requirements.lock").read_text())
    return {(one.name, one.version): one.hashes for one in entries}


def frontend_pins() -> dict[tuple[str, str], frozenset[str]]:
    """The packages of the frontend's lock that are no tools."""
    packages = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"]
    return {
        (folder.rpartition("node_modules/")[2], one["version"]): frozenset()
        for folder, one in packages.items()
        if folder and not one.get("dev") and not one.get("devOptional") and not one.get("optional")
    }


def main(arguments: list[str]) -> int:
    """Write both, checked; 1 when one is not right."""
    parser = argparse.ArgumentParser(prog="python -m scripts.sbom")
    parser.add_argument("--to", type=Path, default=ROOT / "build", help="the folder to write them to")
    chosen = parser.parse_args(arguments)
    try:
        bills = {"python": (python_bill(), python_pins()), "frontend": (frontend_bill(), frontend_pins())}
    except NotThere as away:
        print(away, file=sys.stderr)
        return 1
    chosen.to.mkdir(parents=True, exist_ok=True)
    for kind, (bill, wanted) in bills.items():
        problems = [*faults(bill), *missing(bill, wanted)]
        for problem in problems:
            print(f"The bill of the {kind} packages {problem}", file=sys.stderr)
        if problems:
            return 1
        path = chosen.to / f"holdfast-{version()}-{kind}.cdx.json"
        path.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n")
        print(f"{path}: {len(bill['components'])} packages, CycloneDX {bill['specVersion']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
