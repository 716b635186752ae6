"""What becomes of a stored row that raises what nobody foresaw: tried some times, then set aside. Pure.

How often it was tried stands in the row's `reason`, so that a worker that takes over does not begin anew.
"""

import re

from chat.messenger.models import SET_ASIDE, TRIED

#: Tries of one row.
MAX_TRIES = 5
#: Characters of a reason.
MAX_REASON = 300


def is_set_aside(reason: str) -> bool:
    """Whether a row with this reason is tried no more."""
    return reason.startswith(SET_ASIDE)


def next_reason(reason: str, problem: Exception) -> str:
    """The reason of a row that has just raised, from the one that it had: tried once more, or set aside."""
    found = re.match(rf"{TRIED}(\d+): ", reason)
    tries = int(found[1]) + 1 if found else 1
    if tries < MAX_TRIES:
        return f"{TRIED}{tries}: {told(problem)}"[:MAX_REASON]
    return aside(problem)


def aside(problem: Exception) -> str:
    """The reason of a row that is set aside at once."""
    return f"{SET_ASIDE}{told(problem)}"[:MAX_REASON]


def told(problem: Exception) -> str:
    """An error in words that any database can keep."""
    return f"{type(problem).__name__}: {problem}".encode(errors="replace").decode()
