"""The rows of a path: which messages and steps a branch shows (agents/branches.py makes the path).

A conversation without branches costs nothing here: `on` filters nothing, and nothing is asked.
"""

from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from agents import branches as b
from chat.session import paths

M = TypeVar("M", bound=Model)


def path_of(branches: Any, branch: str | None = None) -> b.Path | None:
    """The path of a branch (None: the one that is shown) from the column `Conversation.branches`; None: the
    conversation has no branches, and everything is on the path."""
    return None if branches is None else paths.path_of(branches, branch)


def on(rows: "QuerySet[M]", path: b.Path | None) -> "QuerySet[M]":
    """Those of these rows (messages, steps) that are on a path."""
    if path is None:
        return rows
    found = Q()
    for segment in path.segments:
        mine = Q(branch=segment.branch)
        found |= mine if segment.below is None else mine & Q(seq__lt=segment.below)
    return rows.filter(found)
