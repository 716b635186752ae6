"""The units of deploy/systemd as systemd itself reads them, and that they start what exists."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.processes import PROCESSES
from tests.support.processes import ROOT

UNITS = ROOT / "deploy" / "systemd"
INSTANCES = (
    "holdfast-web@8000.service",
    "holdfast-worker@1.service",
    "holdfast-migrate.service",
    "holdfast.target",
)
#: systemd's own mark of what a service could do to the machine, from 0 to 10: the most that ours may have.
EXPOSURE = 2.0
PROGRAM = "/opt/holdfast/bin/holdfast"


def verify(folder: Path) -> str:
    """What `systemd-analyze verify` finds in the units of a folder, in which the program is one that is there."""
    assert shutil.which("systemd-analyze"), (
        "Install the package `systemd` for the tests; nothing of it is started."
    )
    for path in UNITS.iterdir():
        target = folder / path.name
        if not target.exists():
            target.write_text(path.read_text().replace(PROGRAM, "/bin/true"))
    argv = ["systemd-analyze", "verify", *(str(folder / name) for name in INSTANCES)]
    done = subprocess.run(argv, capture_output=True, text=True)
    return done.stdout + done.stderr + (f"status {done.returncode}" if done.returncode else "")


def unit(name: str) -> configparser.RawConfigParser:
    """A unit as sections and keys; of keys that stand more than once, the last."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name)
    return parser


def test_systemd_finds_no_fault_in_them(tmp_path: Path) -> None:
    assert verify(tmp_path) == ""


@pytest.mark.parametrize("line", ["Restart=often", "NoSuchKey=1", "ExecStartPre=/nowhere/to/be/found"])
def test_systemd_would_find_one(line: str, tmp_path: Path) -> None:
    text = (UNITS / "holdfast-migrate.service").read_text().replace(PROGRAM, "/bin/true")
    (tmp_path / "holdfast-migrate.service").write_text(text.replace("[Service]", f"[Service]\n{line}"))
    assert line.split("=")[0] in verify(tmp_path) or line.split("=")[1] in verify(tmp_path)


@pytest.mark.parametrize("name", INSTANCES[:3])
def test_a_service_can_do_little_to_the_machine(name: str, tmp_path: Path) -> None:
    verify(tmp_path)
    argv = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(tmp_path / name)]
    said = subprocess.run(argv, capture_output=True, text=True).stdout
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found and float(found[1]) <= EXPOSURE, said


@pytest.mark.parametrize("name", ["web", "worker", "migrate"])
def test_a_unit_starts_a_process_by_its_name(name: str) -> None:
    assert name in PROCESSES
    file = f"holdfast-{name}.service" if name == "migrate" else f"holdfast-{name}@.service"
    service = unit(file)["Service"]
    assert service["ExecStart"] == f"{PROGRAM} {name}"
    assert service["User"] == "holdfast"
    # All end within 15 s (make stopping); systemd kills whoever has not.
    assert int(service["TimeoutStopSec"]) == 20


@pytest.mark.parametrize("name", ["web", "worker"])
def test_it_is_started_again_however_often_it_ends(name: str) -> None:
    found = unit(f"holdfast-{name}@.service")
    assert found["Service"]["Restart"] == "always"
    assert found["Unit"]["StartLimitIntervalSec"] == "0"
