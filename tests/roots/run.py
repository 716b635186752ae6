"""`make roots` (`python -m tests.roots.run`): what the README says, on a fresh Debian 12 and on a fresh Debian 13.

In a file tree of Debian's packages there is a person who has a clone and what the README names, no more. It is run at
twice in two folders at once, one of them with a space, a percent sign and Chinese in its path; used in Chromium;
stopped with Ctrl-C; and started again where there is no network. Needs root, mmdebstrap, and the package registries
for the first starts; from then on this command is in a network of its own. The trees are kept in the user's cache.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import expect

from scripts.prepare import apt_install, can_apt
from tests.containers import network
from tests.containers.engine import NoEngine
from tests.containers.talking import browser, talk
from tests.roots.root import DEBIANS, FIRST_S, NAMED, PERSON, Root, Running
from tests.support.ports import claim_port
from tests.support.report import Report

PLAIN, ODD = "holdfast", "50% 对话 here/hold fast"
#: What `make run` says where Python cannot make environments, which the README leaves to it.
VENV = "Python cannot create a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"
#: Seconds for a start that has nothing to download, on a busy machine.
AGAIN_S = 120


class House:
    """A root and its two clones; what they are, between the steps."""

    def __init__(self, root: Root, ending: ExitStack) -> None:
        self.root = root
        self.ending = ending
        self.clones: list[str] = []
        self.running: list[Running] = []
        self.conversations: list[str] = []

    def unpack(self) -> str:
        """The tree, a person in it, and what git would bring."""
        self.root.unpack()
        self.clones = [self.root.clone(name) for name in (PLAIN, ODD)]
        return f"{', '.join(NAMED)} and Node; clones in {' and '.join(map(repr, self.clones))}"

    def told(self) -> str:
        """What is missing is one line, which says what to do, and then it is done."""
        port = f"PORT={claim_port()}"
        done = self.root.run("make", "run", port, who=PERSON, where=self.clones[0])
        assert done.returncode != 0 and done.stdout == "", done.stdout
        assert done.stderr.splitlines()[0] == VENV, done.stderr
        self.root.install("python3-venv")
        return f"without python3-venv: {VENV!r}"

    def start(self, seconds: float) -> str:
        """Both clones at once."""
        self.running = [self.root.make_run(where) for where in self.clones]
        for one in self.running:
            self.ending.callback(one.kill)
        took = [one.ready(seconds) for one in self.running]
        return f"two at once, ready after {took[0]:.0f} s and {took[1]:.0f} s"

    def chat(self) -> str:
        """A login and two tools in each, by the address, the login and the password that it has printed."""
        for one in self.running:
            with browser(one.address) as chat:
                chat.log_in(one.login, one.password)
                talk(chat)
                self.conversations.append(chat.page.url)
        return "in Chromium, a login and two tools in each"

    def kept(self) -> str:
        """What was said before the second start is shown after it, and goes on."""
        for one, before in zip(self.running, self.conversations, strict=True):
            with browser(one.address) as chat:
                chat.log_in(one.login, one.password)
                chat.page.goto(f"{one.address}/c/{before.rstrip('/').rpartition('/')[2]}")
                expect(chat.hook("transcript")).to_have_attribute("data-synced", "true")
                assert "408" in str(chat.shown()), chat.shown()
                chat.say("What is 5 * 11?")
                chat.wait_until_done(60)
                assert "55" in str(chat.shown()), chat.shown()
        return "each conversation is there, and goes on"

    def taken(self) -> str:
        """Another start on a port that is taken says so and ends."""
        port = self.running[0].address.rpartition(":")[2]
        done = self.root.run("make", "run", f"PORT={port}", who=PERSON, where=self.clones[1])
        said = done.stderr.splitlines()[0]
        assert done.returncode != 0 and said.startswith(f"Port {port} is in use."), done.stderr
        return said

    def stop(self) -> str:
        """Ctrl-C to each."""
        took = [one.stop() for one in self.running]
        return f"Ctrl-C, ended after {took[0]:.1f} s and {took[1]:.1f} s"


def try_all(debians: list[str], report: Report) -> None:
    """First everything that needs the registries, then what needs none."""
    with tempfile.TemporaryDirectory(prefix="holdfast-roots-") as name, ExitStack() as ending:
        houses: list[House] = []
        for debian in debians:
            what, house = f"Debian {debian}", House(Root(debian, Path(name)), ending)
            shown = (
                report.show(f"{what}, a fresh root", house.unpack)
                and report.show(f"{what}, what is missing", house.told)
                and report.show(f"{what}, first start", lambda house=house: house.start(FIRST_S))  # type: ignore[misc]
                and report.show(f"{what}, a page", house.chat)
                and report.show(f"{what}, end", house.stop)
            )
            if shown:
                houses.append(house)
        network.leave()
        for house in houses:
            what = f"Debian {house.root.debian}, offline"
            if report.show(f"{what}, second start", lambda house=house: house.start(AGAIN_S)):  # type: ignore[misc]
                report.show(f"{what}, a page", house.kept)
                report.show(f"{what}, a port that is taken", house.taken)
                report.show(f"{what}, end", house.stop)


def main() -> int:
    """0 when everything went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--debian", nargs="+", choices=sorted(DEBIANS), default=sorted(DEBIANS))
    given = parser.parse_args()
    if os.geteuid() != 0:
        print("Only root can enter another file tree. Run this as root.", file=sys.stderr)
        return 1
    if not shutil.which("mmdebstrap") and not (can_apt() and apt_install("mmdebstrap")):
        print("Install the package mmdebstrap: it makes the file trees.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    report, began = Report(), time.monotonic()
    try:
        try_all(given.debian, report)
    except NoEngine as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; everything that was started has ended.", file=sys.stderr)
        return 130
    print(f"After {time.monotonic() - began:.0f} s:")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
