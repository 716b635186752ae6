"""The rule for rows that raise (chat/support/poison.py), for those whose `reason` says how often they were tried. Pure.

So the count goes with the row, and a worker that takes over does not begin anew.
"""

import re

from chat.messenger.models import SET_ASIDE, TRIED
from chat.support import poison
from chat.support.poison import MAX_REASON, MAX_TRIES, told

__all__ = ["MAX_REASON", "MAX_TRIES", "aside", "is_set_aside", "next_reason", "told"]


def is_set_aside(reason: str) -> bool:
    """Whether a row with this reason is tried no more."""
    return reason.startswith(SET_ASIDE)


def next_reason(reason: str, problem: Exception) -> str:
    """The reason of a row that has just raised, from the one that it had: tried once more, or set aside."""
    found = re.match(rf"{TRIED}(\d+): ", reason)
    verdict = poison.after(int(found[1]) if found else 0, problem)
    return aside(problem) if verdict.aside else f"{TRIED}{verdict.tries}: {verdict.reason}"[:MAX_REASON]


def aside(problem: Exception) -> str:
    """The reason of a row that is set aside at once."""
    return f"{SET_ASIDE}{told(problem)}"[:MAX_REASON]
