"""Follows the logs of a trial's processes and picks the lines that a person should see."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

# Our own lines and Django's, what a traceback ends with, and Valkey's warnings (marked with #).
IMPORTANT = re.compile(r" (WARNING|ERROR|CRITICAL) |^[\w.]*(Error|Exception): |cannot start: | # ")
# About a kernel setting that matters to big servers only.
IDLE = re.compile(r"Memory overcommit must be enabled")
GIVEN_UP = re.compile(r"gave up: (\w+) entered FATAL state")
# A process that ended without having been told to.
DIED = re.compile(r"exited: (\w+) \((.*); (?:not )?expected\)")


class Tail:
    """New lines of the logs since it was made.

    given_up  the process that the supervisor starts no longer, else ''
    deaths    how often each process has ended by itself
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._files = {name: folder / f"{name}.log" for name in (*names, "supervisord")}
        self._at = {name: self._size(name) for name in self._files}
        self._rest: dict[str, str] = {}
        self.given_up = ""
        self.deaths: Counter[str] = Counter()

    def lines(self) -> Iterator[str]:
        """The important lines that were written since the last call, each with its process in front."""
        for name in self._files:
            for line in filter(None, self._new(name)):
                if name == "supervisord":
                    if found := GIVEN_UP.search(line):
                        self.given_up = found[1]
                        yield f"[{found[1]}] does not start; the reason is in {self._files[found[1]]}"
                    elif found := DIED.search(line):
                        self.deaths[found[1]] += 1
                        yield f"[{found[1]}] ended ({found[2]}) and is started again"
                elif IMPORTANT.search(line) and not IDLE.search(line):
                    yield f"[{name}] {line}"

    def _new(self, name: str) -> list[str]:
        size = self._size(name)
        if size < self._at[name]:  # The file was rotated.
            self._at[name] = 0
        if size == self._at[name]:
            return []
        with self._files[name].open("rb") as file:
            file.seek(self._at[name])
            data = file.read(size - self._at[name])
        self._at[name] = size
        text = self._rest.get(name, "") + data.decode(errors="replace")
        *whole, self._rest[name] = text.split("\n")
        return whole

    def _size(self, name: str) -> int:
        path = self._files[name]
        return path.stat().st_size if path.exists() else 0
