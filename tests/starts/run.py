"""`make first-starts` (`python -m tests.starts.run`): the first start of `make run`, interrupted and begun again.

In clones of this checkout everything is made anew by the real pip, npm and build. A start is interrupted at each moment
of tests/starts/moments.py, once by Ctrl-C and once by SIGKILL, and begun again at once, in six clones one after
another; in the end each is ready, is used in Chromium, is ended, and started once more, which has nothing left to
prepare. Needs the package registries, Node and Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.containers.talking import browser, talk
from tests.starts.interrupted import HOW, Clone
from tests.starts.moments import Moment, installations
from tests.support.checkout import copy_to
from tests.support.ports import claim_port
from tests.support.report import Report

#: Lines of a start that has something to prepare.
PREPARES = ("Creating", "Installing", "Building", "waiting")


class Installation:
    """One clone, from its first start until it has been used."""

    def __init__(self, folder: Path, moments: list[Moment], number: signal.Signals) -> None:
        copy_to(folder)
        self.clone = Clone(folder, claim_port())
        self.moments, self.number = moments, number

    def interrupted(self) -> str:
        """At each of its moments."""
        return "; ".join(self.clone.interrupt(moment, self.number) for moment in self.moments)

    def used(self) -> str:
        """Ready, with a login and two tools in Chromium, and ended by Ctrl-C."""
        running = self.clone.ready()
        with browser(running.address) as chat:
            chat.log_in(running.login, running.password)
            talk(chat)
        took = running.stop()
        assert not self.clone.left(), self.clone.left()
        return f"a login and two tools; Ctrl-C, ended after {took:.1f} s"

    def again(self) -> str:
        """Once more: nothing is prepared, and the login is the same."""
        before = self.clone.running
        assert before is not None
        running = self.clone.ready()
        assert not [line for line in PREPARES if line in running.said()], running.said()
        assert (running.login, running.password) == (before.login, before.password)
        running.stop()
        return f"ready after {time.monotonic() - running.began:.0f} s, nothing to prepare"


def try_all(folder: Path, signals: list[signal.Signals], only: list[int], report: Report) -> None:
    """Every installation, one after another."""
    for number in signals:
        for index, moments in enumerate(installations(), 1):
            if only and index not in only:
                continue
            what = f"{HOW[number]}, clone {index}"
            one = Installation(folder / f"{number.name}-{index}", moments, number)
            try:
                if report.show(what, one.interrupted) and report.show(f"{what}, begun again", one.used):
                    report.show(f"{what}, started once more", one.again)
            finally:
                one.clone.end()
                shutil.rmtree(one.clone.folder)  # half a gigabyte


def main() -> int:
    """0 when everything went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", nargs="+", choices=["INT", "KILL"], default=["INT", "KILL"])
    parser.add_argument("--clones", nargs="+", type=int, default=[], help="only these, counted from 1")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    report, began = Report(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="holdfast-starts-") as name:
        try:
            try_all(Path(name), [signal.Signals[f"SIG{one}"] for one in given.signals], given.clones, report)
        except KeyboardInterrupt:
            print("Interrupted; everything that was started has ended.", file=sys.stderr)
            return 130
    print(f"After {time.monotonic() - began:.0f} s:")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
