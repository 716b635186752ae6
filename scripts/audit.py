"""Whether a package in our locks has a known fault (`make audit`): asks OSV about those of Python, and npm's registry.

It needs a route to both. That nothing is known says something only if the one who says so knows anything: a proxy, a
mirror or a registry without advisories answers "nothing" to everything. So each is asked as well about a version whose
faults everybody knows, and an answer that does not name them is none.

The exit status: 0 when no fault is known, 1 when some are, 2 when it could not be found out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts import lock
from scripts.environments import ROOT, NotThere, python

OSV = "https://api.osv.dev/v1/query"
FRONTEND = ROOT / "frontend"
#: Versions of before many faults were found in them; nothing of ours needs them.
KNOWN_PYTHON = ("jinja2", "2.4.1")
KNOWN_NPM = ("lodash", "4.17.4")
#: Seconds for one of the two.
TIMEOUT_S = 900

Pin = tuple[str, str]


class NoAnswer(Exception):
    """The database could not be asked, or its answer is worth nothing; the text says how that was seen."""


@dataclass(frozen=True, order=True)
class Finding:
    """A known fault of a package that we have."""

    package: str
    version: str
    fault: str
    #: What to do about it.
    advice: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}: {self.fault} ({self.advice})"


# ---- Python ----


def pins() -> set[Pin]:
    """Every package of every lock, for all Pythons and platforms: (name, version)."""
    locks = (lock.LOCKS | lock.APART).values()
    entries = [entry for name in locks for entry in lock.locked((ROOT / name).read_text())]
    return {(entry.name, str(Version(entry.version))) for entry in entries}


def rounds(wanted: Iterable[Pin]) -> list[list[Pin]]:
    """The same in lists of which none names a package twice, which pip-audit refuses."""
    lists: list[dict[str, str]] = []
    for name, version in sorted(wanted):
        fitting = next((one for one in lists if name not in one), None)
        if fitting is None:
            lists.append(fitting := {})
        fitting[name] = version
    return [list(one.items()) for one in lists]


def ask_python(osv: str = OSV) -> list[Finding]:
    """What OSV knows about our pins. Raises NoAnswer."""
    try:
        program = [python("audit"), "-m", "pip_audit"]
    except NotThere as problem:
        raise NoAnswer(str(problem)) from problem
    how = ["--vulnerability-service", "osv", "--osv-url", osv, "--strict", "--no-deps", "--disable-pip"]
    how += ["--format", "json", "--progress-spinner", "off"]
    reports = []
    with tempfile.TemporaryDirectory(prefix="holdfast-audit-") as folder:
        for pinned in rounds(pins() | {KNOWN_PYTHON}):
            file = Path(folder, "pins.txt")
            file.write_text("".join(f"{package}=={version}\n" for package, version in pinned))
            reports.append(_run([*program, *how, "--requirement", str(file)], ROOT))
    return python_findings(reports, pins())


def python_findings(reports: Iterable[Any], asked: set[Pin]) -> list[Finding]:
    """The faults in pip-audit's reports about `asked` and KNOWN_PYTHON. Raises NoAnswer if they are not whole."""
    found: dict[Pin, list[dict[str, Any]]] = {}
    for one in (one for said in reports for one in _dependencies(said)):
        if "skip_reason" in one:
            raise NoAnswer(str(one["skip_reason"]))
        found[canonicalize_name(one["name"]), one["version"]] = one["vulns"]
    if not found.pop(KNOWN_PYTHON, []):
        raise NoAnswer(f"it knows no fault of {KNOWN_PYTHON[0]} {KNOWN_PYTHON[1]}, which has many")
    if missing := asked - found.keys():
        raise NoAnswer(f"it said nothing about {len(missing)} packages, such as {min(missing)[0]}")
    return sorted(
        Finding(*pin, fault["id"], f"mended in {', '.join(fault['fix_versions']) or 'no version yet'}")
        for pin, faults in found.items()
        for fault in faults
    )


def _dependencies(said: Any) -> list[dict[str, Any]]:
    if not isinstance(said, dict) or "dependencies" not in said:
        raise NoAnswer(f"pip-audit said {str(said)[:300]}")
    found: list[dict[str, Any]] = said["dependencies"]
    return found


# ---- npm ----


def ask_npm(registry: str = "") -> list[Finding]:
    """What npm's registry (or another one) knows about frontend/package-lock.json. Raises NoAnswer."""
    how = [
        "npm",
        "audit",
        "--json",
        "--package-lock-only",
        "--fetch-retries=1",
        "--fetch-retry-mintimeout=1000",
    ]
    how += [f"--registry={registry}"] if registry else []
    name, version = KNOWN_NPM
    with tempfile.TemporaryDirectory(prefix="holdfast-audit-") as folder:
        needs = {"name": "known", "version": "1.0.0", "dependencies": {name: version}}
        locked = {"lockfileVersion": 3, "packages": {"": needs, f"node_modules/{name}": {"version": version}}}
        Path(folder, "package.json").write_text(json.dumps(needs))
        Path(folder, "package-lock.json").write_text(json.dumps({**needs, **locked}))
        known = npm_findings(_run(how, Path(folder)), {})
    if not known:
        raise NoAnswer(f"it knows no fault of {name} {version}, which has many")
    packages = json.loads((FRONTEND / "package-lock.json").read_text())["packages"]
    return npm_findings(_run(how, FRONTEND), packages)


def npm_findings(said: Any, packages: dict[str, Any]) -> list[Finding]:
    """The faults in a report of `npm audit`; `packages` are those of the lock, for their versions. Raises NoAnswer."""
    if not isinstance(said, dict) or "vulnerabilities" not in said or "auditReportVersion" not in said:
        told = said.get("message") if isinstance(said, dict) else said
        raise NoAnswer(f"npm audit said {str(told)[:300]}")
    found = set()
    for name, one in said["vulnerabilities"].items():
        versions = {packages.get(node, {}).get("version", "") for node in one["nodes"]}
        mended = one.get("fixAvailable")
        advice = f"{one['severity']}; mended versions exist" if mended else one["severity"]
        # What only needs a package with a fault names that package; the fault is told where it is.
        faults = [fault for fault in one["via"] if isinstance(fault, dict)]
        found |= {Finding(name, " ".join(sorted(versions)), fault["url"], advice) for fault in faults}
    return sorted(found)


def _run(argv: list[Any], folder: Path) -> Any:
    """The JSON that a program prints, whatever its exit status. Raises NoAnswer."""
    env = os.environ | {"NO_COLOR": "1", "npm_config_update_notifier": "false"}
    try:
        done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NoAnswer(str(problem)[:300]) from problem
    try:
        return json.loads(done.stdout)
    except ValueError:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["nothing"]
        raise NoAnswer(f"it said: {lines[-1].strip()[:300]}") from None


def main(arguments: list[str]) -> int:
    """Ask both, and say what they know."""
    parser = argparse.ArgumentParser(prog="python -m scripts.audit", description=__doc__)
    parser.add_argument("--osv-url", default=OSV, help="another database that speaks as OSV does")
    parser.add_argument("--registry", default="", help="another npm registry")
    chosen = parser.parse_args(arguments)
    findings: list[Finding] = []
    unknown = 0
    for kind, ask in (
        ("Python", lambda: ask_python(chosen.osv_url)),
        ("npm", lambda: ask_npm(chosen.registry)),
    ):
        try:
            found = ask()
        except NoAnswer as problem:
            unknown += 1
            print(
                f"{kind} packages: NOT CHECKED, the advisory database could not be asked: {problem}",
                file=sys.stderr,
            )
        else:
            findings += found
            print(f"{kind} packages: {len(found)} known faults.")
    for finding in findings:
        print(finding)
    if unknown:
        print("The audit has failed. Run it where the advisory databases can be reached.", file=sys.stderr)
    return 2 if unknown else int(bool(findings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
