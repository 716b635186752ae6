"""What a command that shows many things prints: a line for each as soon as it is shown, and how many there were."""

from __future__ import annotations

import time
from collections.abc import Callable


class Report:
    """`passed` and `failed` are the names of what was shown."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: list[str] = []

    def show(self, name: str, step: Callable[[], str]) -> bool:
        """Do it and print what it says, or what was wrong; whether it went well."""
        began = time.monotonic()
        try:
            said, well = step(), True
        except (
            Exception
        ) as problem:  # whatever it is, what is shown next may go well, and everything is stopped
            said, well = f"{type(problem).__name__}: {problem}", False
        took = time.monotonic() - began
        (self.passed if well else self.failed).append(name)
        print(f"{'ok  ' if well else 'FAIL'} {took:6.1f} s  {name}: {said}", flush=True)
        return well

    def end(self) -> int:
        """The closing lines; the status of the command."""
        for name in self.failed:
            print(f"failed: {name}")
        print(f"{len(self.passed)} passed, {len(self.failed)} failed")
        return 1 if self.failed else 0
