"""What a command that shows many things prints: a line for each as soon as it is shown, and how many there were."""

from __future__ import annotations

import time
from collections.abc import Callable


class Report:
    """`passed` and `failed` are the names of what was shown, `left_out` of what could not be tried."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: list[str] = []
        self.left_out: list[str] = []

    def show(
        self, name: str, step: Callable[[], str], *, leave_out: type[Exception] | tuple[()] = ()
    ) -> bool:
        """Do it and print what it says, or what was wrong; whether it went well. `leave_out`: what it raises where it
        cannot be tried here, which is no failure."""
        began = time.monotonic()
        try:
            said, well = step(), True
        except leave_out as problem:
            self.left_out.append(name)
            print(f"out           {name}: {problem}", flush=True)
            return False
        except (
            Exception
        ) as problem:  # whatever it is, what is shown next may go well, and everything is stopped
            notes = "\n".join(getattr(problem, "__notes__", []))
            said, well = f"{type(problem).__name__}: {problem}\n{notes}".strip(), False
        took = time.monotonic() - began
        (self.passed if well else self.failed).append(name)
        print(f"{'ok  ' if well else 'FAIL'} {took:6.1f} s  {name}: {said}", flush=True)
        return well

    def end(self) -> int:
        """The closing lines; the status of the command."""
        for name in self.failed:
            print(f"failed: {name}")
        for name in self.left_out:
            print(f"could not be tried: {name}")
        more = f", {len(self.left_out)} skipped" if self.left_out else ""
        print(f"{len(self.passed)} passed, {len(self.failed)} failed{more}")
        return 1 if self.failed else 0
