"""The branches of a conversation at an earlier time, and the summary that stands on a path, from SQL.

Both are asked only of a conversation that has branches.
"""

from typing import Any

from agents import events as e
from agents.branches import Branches, Path, covers, fold, path
from chat.session.paths import branches_of

#: What moves which branch is shown. (Of runs the rows tell.)
TYPES = ("branch.opened", "branch.chosen")


def before(events: Any, runs: Any, seq: int) -> Branches:
    """The branches as they were before `seq`, with those of all runs. `events` and `runs`: the conversation's rows."""
    branches = Branches(runs=dict(runs.exclude(branch="").values_list("run", "branch")))
    told = events.filter(seq__lt=seq, type__in=TYPES).order_by("seq").values_list("seq", "text")
    for number, text in told:
        branches = fold(branches, e.from_json(text), number)
    return branches


def compacted(row: Any, first: int, on: Path | None) -> int:
    """The seq of the newest summary before `first` that stands for items of a path; 0: there is none. `row`: the
    conversation; `on` None: it has no branches."""
    if on is None or not row.compacted_seq or row.compacted_seq >= first:
        return int(row.compacted_seq)
    branches = branches_of(row.branches)
    runs = dict(row.runs.exclude(branch="").values_list("run", "branch"))
    made = row.events.filter(type="history.compacted", seq__lt=first).order_by("-seq")
    for seq, text in made.values_list("seq", "text"):
        event = e.from_json(text)
        if isinstance(event, e.HistoryCompacted) and not event.problem:
            if covers(path(branches, runs.get(event.run, "")), event.upto, on):
                return int(seq)
    return 0
