"""What a provider has answered over HTTP, before anything is made of it: for operators, if the settings want it.

answering ─► hear(…) ─► dialects/http.py puts in what comes ─► ResponseLog.keep, when the step is over
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

#: Bytes beyond those that are kept: a key that stands across the end of what is kept is taken out whole.
MARGIN = 4_096


@dataclass
class Heard:
    """One answer. `most`: bytes of the body that are wanted; 0: none. Times are milliseconds since the Unix epoch."""

    most: int = 0
    began_at: int = 0
    ended_at: int = 0
    #: 0: no answer has come.
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    size: int = 0
    problem: str = ""

    def begins(self, status: int, headers: Mapping[str, str]) -> None:
        """The answer's head has come."""
        self.status, self.headers = status, dict(headers)

    def piece(self, data: bytes) -> None:
        """A piece of its body has."""
        self.size += len(data)
        if self.most and (room := self.most + MARGIN - len(self.body)) > 0:
            self.body += data[:room]


class ResponseLog(Protocol):
    """Where answers are kept. Does not raise: what cannot be kept does not end a run."""

    @property
    def most(self) -> int:
        """Bytes of a body that are wanted; 0: none."""
        ...

    async def keep(self, run: str, step: str, model: str, address: str, heard: Heard) -> None:
        """Keep an answer, or not, as the settings want it."""
        ...


class NoResponseLog:
    """Keeps nothing."""

    most = 0

    async def keep(self, run: str, step: str, model: str, address: str, heard: Heard) -> None:
        pass


_heard: "ContextVar[Heard | None]" = ContextVar("heard", default=None)


@contextmanager
def hearing(heard: Heard) -> Iterator[None]:
    """Have what is asked in this context put its answer here."""
    token = _heard.set(heard)
    try:
        yield
    finally:
        _heard.reset(token)


def listener() -> Heard | None:
    """Where the answer of a request that is sent now goes; None: nobody wants it."""
    return _heard.get()
