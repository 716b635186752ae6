"""The rule for what raises each time that it is taken from a queue: tried some times, then set aside. Pure.

    raised ─► again, a little later ─► … ─► MAX_TRIES in all ─► set aside with its reason; the queue goes on

Every at-least-once queue of ours keeps to it. What passes by itself is no such thing: a store, a network or a
destination that is away is waited for, and not counted. Who keeps the count: chat/set_aside.py, or the row itself.
"""

from dataclasses import dataclass

#: Tries of one row.
MAX_TRIES = 5
#: Characters of a reason.
MAX_REASON = 300


@dataclass(frozen=True)
class Verdict:
    """What becomes of a row that has just raised: how often it has by now, whether it is set aside, and its reason."""

    tries: int
    aside: bool
    reason: str


def after(tries: int, problem: BaseException) -> Verdict:
    """The verdict on a row that had raised `tries` times before."""
    return Verdict(tries + 1, tries + 1 >= MAX_TRIES, told(problem)[:MAX_REASON])


def told(problem: BaseException) -> str:
    """An error in words that any database can keep."""
    text = f"{type(problem).__name__}: {problem}".encode(errors="replace").decode()
    return text.replace("\0", "�")
