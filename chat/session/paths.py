"""Branches in a state: which one is shown, what stands on it, and what waits on any (rules S3, S4, R6).

The path of a branch is made in `agents/branches.py`, for everybody. Here it lies in the state as JSON, so that each
event is placed without making it anew; `frontend/src/sync/branches.ts` is the twin. A state without branches has
nothing of it.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar, cast

from agents import branches as b
from agents import events as e
from chat.session.views import (
    AgentItem,
    BranchesView,
    Item,
    MessageItem,
    NoteItem,
    NoticeItem,
    Patch,
    RunView,
    SeenView,
    State,
    StepItem,
)

MAIN = b.MAIN
BranchEvent = e.BranchOpened | e.BranchChosen | e.BranchContinued
I = TypeVar("I", MessageItem, NoteItem, StepItem, NoticeItem, AgentItem)  # noqa: E741


def view_of(state: Mapping[str, object]) -> BranchesView | None:
    """The branches of a conversation that has any."""
    return cast(BranchesView | None, state.get("branches"))


def shown(state: State) -> str:
    """The branch that people look at and speak to."""
    view = view_of(state)
    return MAIN if view is None else view["shown"]


def branches_of(view: BranchesView | None) -> b.Branches:
    """The branches that a view tells of."""
    if view is None:
        return b.NONE
    known = (b.Branch(one["id"], one["parent"], one["before"], one["shown_at"]) for one in view["all"])
    return b.Branches(view["shown"], tuple(known), view["main_shown_at"])


def path_of(view: BranchesView | None, branch: str | None = None) -> b.Path:
    """The path of a branch, or of the one that is shown."""
    if view is None:
        return b.Path()
    if branch is not None and branch != view["shown"]:
        return b.path(branches_of(view), branch)
    return b.Path(tuple(b.Segment(one["branch"], one["below"]) for one in view["path"]))


def told(branches: b.Branches) -> BranchesView:
    """The view of branches."""
    path = b.path(branches, branches.shown)
    return {
        "shown": branches.shown,
        "path": [{"branch": one.branch, "below": one.below} for one in path.segments],
        "forks": [
            {"before": one.before, "ways": list(one.ways), "at": one.at}
            for one in b.forks(branches, branches.shown)
        ],
        "all": [
            {"id": one.id, "parent": one.parent, "before": one.before, "shown_at": one.shown_at}
            for one in branches.all
        ],
        "main_shown_at": branches.main_shown_at,
    }


def marked(item: I, branch: str) -> I:
    """The item as one of this branch. Those of the first one say nothing of it."""
    return item if branch == MAIN else cast(I, {**item, "branch": branch})


def branch_of(item: Item) -> str:
    """The branch that an item belongs to."""
    return item.get("branch", MAIN)


def queued(state: State, run: RunView) -> Patch:
    """The patch of a run that begins, on the branch that is shown until its own is said."""
    return {"run": _on(run, shown(state))} | _caused(state, run["cause"], shown(state))


def branched(state: State, event: BranchEvent, seq: int) -> Patch:
    """What an event about branches changes."""
    if isinstance(event, e.BranchContinued):
        return _continued(state, event)
    before = branches_of(view_of(state))
    after = b.fold(before, event, seq)
    if after is before:
        return {}
    patch: Patch = {"branches": told(after), "moved": seq}
    if isinstance(event, e.BranchOpened):
        # Nothing is at work when a branch opens: what was said before has been read, or is left behind on purpose.
        seen = _seen(state) or {MAIN: seq}
        patch["seen"] = {"seen": {**seen, event.branch: seq}}
    return patch


def _continued(state: State, event: e.BranchContinued) -> Patch:
    run = cast(RunView | None, state.get("run"))
    view = view_of(state)
    if run is None or run["id"] != event.run or view is None or not branches_of(view).knows(event.branch):
        return {}
    on = _on(run, event.branch)
    moved: RunView = {**on, "agent": event.agent} if event.agent else on
    return {"run": moved} | _caused(state, run["cause"], event.branch)


def _on(run: RunView, branch: str) -> RunView:
    if branch != MAIN:
        return {**run, "branch": branch}
    return cast(RunView, {key: value for key, value in run.items() if key != "branch"})


def _seen(state: State) -> Mapping[str, int]:
    held = cast(SeenView | None, state.get("seen"))
    return {} if held is None else held["seen"]


def read_up_to(state: State, branch: str, seq: int) -> Patch:
    """The patch when a request has had all that stands on a branch up to `seq`. None without branches."""
    seen = _seen(state)
    if not seen or seen.get(branch, 0) >= seq:
        return {}
    return {"seen": {"seen": {**seen, branch: seq}}}


def _caused(state: State, cause: str, branch: str) -> Patch:
    if "seen" not in state:
        return {}
    for item in _messages(state):
        if item["id"] == cause and branch_of(item) == branch:
            return read_up_to(state, branch, item["seq"])
    return {}


def _messages(state: State) -> Iterable[MessageItem]:
    for key, value in state.items():
        if key.startswith("i:") and value is not None and cast(Item, value)["kind"] == "message":
            yield cast(MessageItem, value)


def elsewhere(state: State, shown_items: Mapping[str, object]) -> list[str]:
    """Which of these fields are items of other branches than the one that is shown."""
    path = path_of(view_of(state))
    return [
        key for key, item in shown_items.items() if not path.holds(branch_of(cast(Item, item)), int(key[2:]))
    ]


def on_path(state: State, item: Item) -> bool:
    """Whether an item stands on the branch that is shown."""
    view = view_of(state)
    return view is None or path_of(view).holds(branch_of(item), item["seq"])


def waits(state: State, item: Item) -> bool:
    """Whether an item is a message that no request has had yet, in a conversation with branches."""
    return item["kind"] == "message" and item["seq"] > _seen(state).get(branch_of(item), 0)


def waiting(state: State) -> list[MessageItem]:
    """The messages that no request has had yet, of all branches, oldest first."""
    return sorted((item for item in _messages(state) if waits(state, item)), key=lambda item: item["seq"])
