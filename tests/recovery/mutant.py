"""One way to break Holdfast on purpose; see `tests.recovery.mutants`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One way to break it. `caught_by`: arguments of pytest, or of vitest for a file of the frontend."""

    name: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]
