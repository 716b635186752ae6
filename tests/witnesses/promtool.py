"""`python -m tests.witnesses.promtool`: Prometheus' own tool reads our rules, our example of a configuration, and what
a process and an installation tell. Status 1: it finds something.

It is taken from Debian's package `prometheus`, unpacked beside the other witnesses and not installed; one that is on
the PATH is used as it is. `make test` does not need it: there a parser from PyPI reads the same expressions.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.environments import NotThere, cache
from tests.support.processes import ROOT, clean_environment

#: What it would have otherwise, and why it is not.
KNOWN = (
    # Named after what OpenTelemetry and providers call it, in its unit.
    "holdfast_cost_dollars_total",
)
SHOW = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from prometheus_client import generate_latest
from chat.telemetry.metrics import REGISTRY
from chat.telemetry.stored import installation
print(generate_latest(REGISTRY).decode() + generate_latest(installation()).decode())
"""


def promtool() -> str:
    """Where it is. Raises NotThere."""
    if found := shutil.which("promtool"):
        return found
    kept = cache() / "promtool" / "promtool"
    if kept.exists():
        return str(kept)
    print("Downloading Debian's package prometheus …", flush=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as name:
        folder = Path(name)
        try:
            subprocess.run(["apt-get", "download", "prometheus"], cwd=folder, check=True, capture_output=True)
            (package,) = folder.glob("*.deb")
            subprocess.run(
                ["dpkg-deb", "-x", str(package), str(folder / "files")], check=True, capture_output=True
            )
        except (OSError, ValueError, subprocess.CalledProcessError) as problem:
            raise NotThere(
                f"promtool cannot be had ({problem}). Install Debian's package prometheus."
            ) from None
        os.replace(folder / "files/usr/bin/promtool", kept)  # last
    return str(kept)


def main() -> int:
    """Ask it, and print what it says."""
    try:
        tool = promtool()
    except NotThere as problem:
        print(problem, file=sys.stderr)
        return 2
    folder = ROOT / "deploy/prometheus"
    status = subprocess.run([tool, "check", "config", "prometheus.yml"], cwd=folder).returncode
    with tempfile.TemporaryDirectory() as data:
        env = clean_environment(
            HOLDFAST_TRIAL="1", HOLDFAST_DATA=data, DJANGO_SETTINGS_MODULE="config.settings"
        )
        told = subprocess.run(
            [sys.executable, "-c", SHOW], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        ).stdout
    checked = subprocess.run([tool, "check", "metrics"], input=told, capture_output=True, text=True)
    lines = [line for line in checked.stderr.splitlines() if line and not line.startswith(KNOWN)]
    print("\n".join(lines) or f"{told.count('# TYPE')} metrics: nothing to say")
    return 1 if status or lines else 0


if __name__ == "__main__":
    sys.exit(main())
