"""For whom a run is, and through which entrance: by that it counts among the day's runs. Pure.

    a command that begins a run ─► spender(…) ─► what was used ─► refused, or not
    run.queued ─► spender_of(…) ─► the columns `person` and `entrance` of the run

Both come to the same for the same command: what is counted elsewhere than it is looked for would have no limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents import events as e

#: Characters that a person's key may have; longer ones of packages are cut.
KEY_CHARS = 60
#: The entrance at which answers are had anew (chat/authorization.py: nobody else may).
ANEW = "web"


@dataclass(frozen=True, slots=True)
class Spender:
    """Who has agents work, at which entrance. `person`: `user:<primary key>`, or as `Origin.actor` has them."""

    person: str
    entrance: str


def spender(owner: int, entrance: str, actor: str = "") -> Spender:
    """Whoever says something, for user `owner`; `actor` where that is somebody else."""
    return Spender((actor or f"user:{owner}")[:KEY_CHARS], entrance)


def spender_of(
    cause: str, events: Sequence[e.Event], items: Sequence[Mapping[str, Any]], owner: int, began: str
) -> Spender:
    """For whom the run that answers message `cause` is: for whoever said it.

    `events` are those of the append that queues it and `items` what the session shows after it; `owner` and `began` are
    the conversation's owner and the entrance at which it began.
    """
    for event in events:
        if isinstance(event, e.MessageAdded) and event.message == cause:
            return spender(owner, event.origin.entrance, event.origin.actor)
    if any(isinstance(event, e.BranchOpened) for event in events):
        return spender(owner, ANEW)  # somebody else may have asked, and its owner wants another answer
    for item in items:
        if item.get("kind") == "message" and item.get("id") == cause:
            origin = item.get("origin") or {}
            return spender(owner, str(origin.get("entrance", "web")), str(origin.get("actor", "")))
    return spender(owner, began)
