"""How far a chat is told of its conversation: one number, decided here, stored in `Lane.head_seq`.

    mark = m      every answer and every word from elsewhere up to event m is in the outbox, the cards show the state at
                  m or later, and nothing at or below m will change what was told.

    journal ──► Read    its head, up to which the outbox was filled, and the run that is not over there
    feed    ──► Drawn   the seq of the state that the cards were drawn from, and whether they need nothing more
                  │
                  ▼
              mark(was, read, drawn) = as far as both have come; before a run at work, for that is not told to its end

A lane whose conversation's head is beyond its mark is looked after (lanes.py), so whatever dies, somebody reads on from
the mark. What was put into the outbox beyond it has ids made of what it says, and is not put twice. Cards drawn from an
older state than the journal's head never move the mark to that head: that left buttons that nobody took away.
Pure.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Read:
    """The journal, read and put into the outbox up to `head`. `run`: the one that is not over there, queued at seq
    `queued`; `waiting`: for a person."""

    head: int
    run: str = ""
    queued: int = 0
    waiting: bool = False

    @property
    def works(self) -> bool:
        """Whether a run is at work, and nobody is asked."""
        return bool(self.run) and not self.waiting


@dataclass(frozen=True)
class Drawn:
    """The cards show the state at `seq`. `settled`: those of runs that are over are at rest; `whole`: no card needs
    anything more for that state."""

    seq: int
    settled: bool
    whole: bool


def mark(was: int, read: Read, drawn: Drawn) -> int:
    """How far the chat is told. Never back."""
    if read.works:
        return max(was, min(read.head, read.queued - 1)) if drawn.settled else was
    if not drawn.whole:
        return was
    return max(was, min(read.head, drawn.seq))


def is_told(mark: int, read: Read, drawn: Drawn) -> bool:
    """Whether nothing is left to be told of what was read."""
    return not read.works and drawn.whole and mark >= read.head


def is_news(read: Read, seq: int, run: str, waiting: bool) -> bool:
    """Whether the live state at `seq`, in which `run` is not over ("": none), tells of something that what was read
    does not know. While the same run is at work in both, what happens in it is the cards' affair."""
    if seq <= read.head:
        return False
    return not (read.works and run == read.run and not waiting)
