"""Which run is it that takes its worker down? A pure judgement over how its owners were lost (docs/decisions/0012).

A worker performs many runs, and when it dies all of them lose their owner. With K runs on it that says 1/K about each.
So they go on in groups of at most half as many, each in a process that does nothing else; should that process die, it
was one of this group, and they go on in groups of half that size. A run that kills is alone after log2 K deaths, and is
given up at the second death that it was alone with. A loss is forgotten when a step has been finished after it.

    owners lost since the last finished step        next
    ──────────────────────────────────────────────  ────────────────────────────────────────────────────
    none                                            among others
    the smallest crowd of them was K                isolated, in a group of at most K / 2 (at least 1)
    alone with MAX_ALONE deaths, and the last seen  nowhere: the run fails
    MAX_LOST, however it was                        nowhere: whatever it is, it does not get anywhere
    the run before it was given up                  isolated, alone, from the start

A worker's lease that ran out is no death that was seen: the machine may have died, and all its processes with it. That
makes a run a suspect and never condemns it, however often it happens to a run that makes progress.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Where = Literal["among_others", "isolated", "nowhere"]

#: What stands in the name of a process for suspects between the name of its worker and its own.
ISOLATED = "-isolated-"
#: Deaths that a run may be alone with; at least one of them was seen by the worker that had started the process.
MAX_ALONE = 2
#: Owners that a run may lose without finishing a step in between.
MAX_LOST = 30
#: How many runs a worker is taken to have had that was lost while nobody counted (events of release 0.1.0).
UNKNOWN_CROWD = 16


@dataclass(frozen=True, slots=True)
class Losses:
    """How a run's owners were lost, those that handed over aside. A crowd is the number of runs that were lost with an
    owner, this one included; 0: nobody counted."""

    #: Since the last finished step, for each owner that was lost: its crowd.
    crowds: tuple[int, ...] = ()
    #: Deaths that it was alone with: unseen ones since the last finished step, and those seen since it began.
    alone: int = 0
    seen_alone: int = 0
    #: An earlier run of the conversation was given up, and none has finished since.
    relapse: bool = False

    def plus(self, crowd: int) -> "Losses":
        """With one more owner that was lost unseen."""
        return replace(self, crowds=(*self.crowds, crowd), alone=self.alone + (crowd == 1))

    def seen(self, crowd: int) -> "Losses":
        """With one more process that was seen to die."""
        more = self.plus(crowd)
        return replace(more, seen_alone=self.seen_alone + (crowd == 1))

    def forgotten(self) -> "Losses":
        """After a finished step. What was seen of it alone stays: it may make progress each time before it kills."""
        return replace(self, crowds=(), alone=self.seen_alone)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a run may be performed next; `group`: if isolated, beside how many others at most, itself included."""

    where: Where
    group: int = 0


AMONG_OTHERS, NOWHERE = Placement("among_others"), Placement("nowhere")


def placement(losses: Losses) -> Placement:
    """Where the run may be performed next."""
    if (losses.seen_alone and losses.alone >= MAX_ALONE) or len(losses.crowds) >= MAX_LOST:
        return NOWHERE
    if losses.relapse or losses.seen_alone:
        return Placement("isolated", 1)
    if not losses.crowds:
        return AMONG_OTHERS
    return Placement("isolated", max(1, min(crowd or UNKNOWN_CROWD for crowd in losses.crowds) // 2))


def judged(told: Iterable[tuple[bool, int, bool]], *, relapse: bool) -> Losses:
    """What comes of the losses that were told, in order: (seen to die, crowd, since the last finished step)."""
    losses = Losses(relapse=relapse)
    for seen, crowd, recent in told:
        losses = losses.seen(crowd or 1) if seen else losses.plus(crowd)
        losses = losses if recent else losses.forgotten()
    return losses


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
    if losses.seen_alone:
        times = max(len(losses.crowds), losses.alone)
        alone = f"{losses.alone} of them while it did nothing but this"
        return (
            f"Its worker process died {times} times, {alone}. "
            "It is not tried again, so that other conversations are not held up."
        )
    return f"Its worker was lost {len(losses.crowds)} times without any progress. It is not tried again."
