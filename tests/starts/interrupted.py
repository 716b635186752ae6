"""`make run` in a clone, ended at a chosen moment, and begun again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from tests.roots.root import TOLD, Running
from tests.starts.moments import Look, Moment, says
from tests.support.processes import clean_environment
from tests.support.waiting import wait_until

#: Seconds until a moment comes, on a busy machine.
COMES_S = 900
#: Seconds within which everything that was started has ended, after Ctrl-C and after SIGKILL.
ENDS_S = 60
#: What is started in the background of a shell would not hear Ctrl-C, and so would nothing that it starts.
HEARS = ("env", "--default-signal=INT")
#: What may stand in the way of whoever begins again at once after a kill, until what was killed has ended.
STILL_ENDING = re.compile(r"^(Port \d+ is in use\.|Holdfast cannot start: Port \d+ is in use\.)", re.M)
#: What a person reads after Ctrl-C; while one program becomes the next, nothing.
TOLD_SO = re.compile(r"^(Interrupted\. Run the same again|Holdfast has ended\.)", re.M)
READY = says("Holdfast is ready")
HOW = {signal.SIGINT: "Ctrl-C", signal.SIGKILL: "SIGKILL"}


class Clone:
    """A clone, and the starts of it one after another, all at one port."""

    def __init__(self, folder: Path, port: int, command: tuple[str, ...] = ("make", "run")) -> None:
        self.folder, self.port, self.command = folder, port, command
        self.logs = folder.parent / f"{folder.name}-logs"
        self.logs.mkdir()
        self.running: Running | None = None

    def start(self, **env: str) -> Running:
        """Begin, or begin again when the start before has ended."""
        if self.running is not None:
            self.running.process.wait(ENDS_S)
        log = self.logs / f"{len(list(self.logs.iterdir())) + 1}.log"
        told = {name: os.environ[name] for name in TOLD if name in os.environ}
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*HEARS, *self.command, f"PORT={self.port}"],
                cwd=self.folder,
                env=clean_environment(**told, **env),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,  # a group, as in a terminal
            )
        self.running = Running(process, log)
        return self.running

    def interrupt(self, moment: Moment, number: signal.Signals, **env: str) -> str:
        """Begin, and send this signal to the group at the moment; what was done. Raises AssertionError, also if the
        moment was over before the signal came."""
        running = self._until(moment.reached, moment.name, **env)
        os.killpg(running.process.pid, number)
        running.process.wait(ENDS_S)
        said = running.said()
        assert not moment.over(self.folder, said), (
            f"{moment.name} was over before {HOW[number]} came:\n{said}"
        )
        if number == signal.SIGINT:
            wait_until(lambda: not self.left(), ENDS_S, lambda: f"all of {self.left()} to end")
            assert "Traceback" not in said, said
            assert moment.step == "handover" or TOLD_SO.search(said), said
        return f"{HOW[number]} when {moment.name}"

    def ready(self, **env: str) -> Running:
        """Begin again, until it is ready for people."""
        running = self._until(READY, "ready", **env)
        running.ready(5)
        return running

    def _until(self, reached: Look, name: str, **env: str) -> Running:
        """Begin, and wait for the moment. It may be told first that what was killed is still ending."""
        end, running = time.monotonic() + COMES_S, self.start(**env)
        while not reached(self.folder, said := running.said()):
            assert time.monotonic() < end, f"In vain for this: {name}\n{said}"
            time.sleep(0.005)
            if running.process.poll() is not None and not reached(self.folder, said := running.said()):
                assert STILL_ENDING.search(said), f"It has ended before this: {name}\n{said}"
                wait_until(lambda: not self.left(), ENDS_S, lambda: f"all of {self.left()} to end")
                running = self.start(**env)
        return running

    def left(self) -> dict[int, str]:
        """What runs in the clone: process ids and command lines."""
        found = {}
        for one in Path("/proc").iterdir():
            try:
                if one.name.isdigit() and os.readlink(one / "cwd").startswith(str(self.folder)):
                    found[int(one.name)] = (one / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it has ended, or is somebody else's
        return found

    def end(self) -> None:
        """However it stands, nothing of it runs afterwards."""
        if self.running is not None and self.running.process.poll() is None:
            os.killpg(self.running.process.pid, signal.SIGKILL)
            self.running.process.wait()
        wait_until(lambda: not self.left(), ENDS_S, lambda: f"all of {self.left()} to end")
