"""One stretch of time in a run, and all those of a run (chat/inspection/waterfall.py makes them)."""

from dataclasses import dataclass, field
from typing import Literal

from agents import events as e
from agents.lifecycle import RUN

Kind = Literal["queue", "owner", "model", "tool", "approval", "wait", "retry", "gap", "handover", "summary"]


@dataclass
class Span:
    """One stretch of time in a run. Times in milliseconds since the epoch, by the clocks of who decided them."""

    kind: Kind
    start: int
    end: int | None = None
    #: The step, or the call, that it is about.
    step: str = ""
    call: str = ""
    provider_id: str = ""
    #: The tool, the model, the worker or the reason, as the kind has it.
    name: str = ""
    attempt: int = 0
    worker: str = ""
    #: How it ended: a status of its lifecycle, `lost`, `left`, or a decision; empty: it goes on.
    outcome: str = ""
    code: str = ""
    detail: str = ""
    by: str = ""
    effect: str = ""
    arguments: str = ""
    result: str = ""
    #: When the first piece of a response came.
    first: int | None = None
    usage: e.Usage | None = None
    #: Seq of the first and the last event that it was made from.
    seqs: tuple[int, int] = (0, 0)

    @property
    def open(self) -> bool:
        """Whether it has not ended as far as was told."""
        return self.end is None

    @property
    def length(self) -> int | None:
        """Milliseconds; None: it goes on. Clocks of processes differ: never less than nothing."""
        return None if self.end is None else max(0, self.end - self.start)


@dataclass
class Waterfall:
    """The spans of one run in the order in which they began."""

    run: str
    begin: int = 0
    #: Of its last event.
    end: int = 0
    status: str = "new"
    spans: list[Span] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.status in RUN.final
