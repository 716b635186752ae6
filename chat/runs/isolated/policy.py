"""Which run is it that takes its worker down? A pure judgement over how its owners were lost (docs/decisions/0012).

A worker performs many runs, and when it dies all of them lose their owner: that proves nothing about any of them. So a
run whose owners were lost more than once is isolated from then on, in a process that does nothing else. Who was
only a bystander finishes there. Who takes that process down as well is the cause, and is given up.

    owners lost so far                      next
    ──────────────────────────────────────  ────────────────────────────────────────────
    fewer than SUSPECT_AFTER                among others
    SUSPECT_AFTER or more                   isolated
    isolated, and seen to die, MAX_CRASHES     nowhere: the run fails
    MAX_LOST, however it was                nowhere: whatever it is, it does not end
    the run before it was given up          isolated from the start
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Place = Literal["among_others", "isolated", "nowhere"]

#: Owners that a run may lose before it is suspected. One is an accident; everybody has it once when a machine fails.
SUSPECT_AFTER = 2
#: Processes of its own that a run may take down.
MAX_CRASHES = 3
#: Owners that a run may lose in all. Beyond what bystanders come to: alone, they lose none but to the machine itself.
MAX_LOST = 10


@dataclass(frozen=True, slots=True)
class Losses:
    """How a run's owners were lost, those that handed over aside."""

    #: Their leases ran out: they died, or were cut off, and nobody knows why.
    lost: int = 0
    #: They did nothing but this run, and were seen to die.
    crashed: int = 0
    #: An earlier run of the conversation was given up, and none has finished since.
    relapse: bool = False

    def plus(self, lost: bool) -> "Losses":
        """With one more that was lost, if it was."""
        return Losses(self.lost + lost, self.crashed, self.relapse)


def placement(losses: Losses) -> Place:
    """Where the run may be performed next."""
    if losses.crashed >= MAX_CRASHES or losses.lost + losses.crashed >= MAX_LOST:
        return "nowhere"
    if losses.relapse or losses.crashed or losses.lost >= SUSPECT_AFTER:
        return "isolated"
    return "among_others"


def relapsed(earlier: Iterable[tuple[str, str]]) -> bool:
    """Whether one of the earlier runs, (status, code) newest first, was given up and none has finished since."""
    for status, code in earlier:
        if code == "crashed_too_often":
            return True
        if status == "finished":
            return False
    return False


def verdict(losses: Losses) -> str:
    """What people read of a run that is given up."""
    if losses.crashed >= MAX_CRASHES:
        return (
            f"Its worker process died {losses.lost + losses.crashed} times, {losses.crashed} of them while it did "
            "nothing but this. It is not tried again, so that other conversations are not held up."
        )
    return f"Its worker was lost {losses.lost + losses.crashed} times. It is not tried again."
