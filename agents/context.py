"""What a process is at work on, for log lines and traces: set by whoever begins, asked by nobody who decides.

A task that is begun inherits what is known where it was begun. The worker is the process's and not the task's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Ids; empty: nothing is known.
CONVERSATION: ContextVar[str] = ContextVar("CONVERSATION", default="")
RUN: ContextVar[str] = ContextVar("RUN", default="")
CALL: ContextVar[str] = ContextVar("CALL", default="")

_KNOWN = {"conversation": CONVERSATION, "run": RUN, "call": CALL}
_process = {"worker": ""}


def be_worker(name: str) -> None:
    """This process is the worker of that name."""
    _process["worker"] = name


def begin(conversation: str = "", run: str = "", call: str = "") -> None:
    """From here on the running task, and those that it begins, are at work on this; what is not named stays."""
    for name, value in (("conversation", conversation), ("run", run), ("call", call)):
        if value:
            _KNOWN[name].set(value)


@contextmanager
def at_work_on(conversation: str) -> Iterator[None]:
    """What is logged inside is about this conversation."""
    token = CONVERSATION.set(conversation)
    try:
        yield
    finally:
        CONVERSATION.reset(token)


def known() -> dict[str, str]:
    """What is known here, by name; without what is not."""
    found = {name: variable.get() for name, variable in _KNOWN.items()} | _process
    return {name: value for name, value in found.items() if value}
