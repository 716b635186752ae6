"""The branches of a conversation, and the one function that makes the path of a branch.

A conversation is one journal with one order. A branch departs from another at a place: it has what that one has before
the place, and then items of its own. So nothing is copied and nothing is ever gone, and one comparison of numbers tells
whether an item is on a path. Snapshots, pages, the model's request, summaries, messengers and the admin all ask here.

    main   m1 a1 m2 a2 m3 a3            path(main) = main
    B              └── m2' a2'          path(B)    = main below m2, then B
    C                      └── a2''     path(C)    = main below m2, B below a2', then C

An item belongs to a branch for good: what a person says to the one that is shown then, what a run does to the run's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from agents import events as e

#: The branch that every conversation begins with. It has no event of its own.
MAIN = ""
#: Branches that one conversation may have: the tree is a part of every snapshot of it.
MAX_BRANCHES = 100


@dataclass(frozen=True, slots=True)
class Segment:
    """What a path has of one branch: its items below `below`; None: all of them."""

    branch: str
    below: int | None = None

    def holds(self, branch: str, seq: int) -> bool:
        return branch == self.branch and (self.below is None or seq < self.below)


@dataclass(frozen=True, slots=True)
class Path:
    """The items that a branch shows, as pieces of branches from the oldest on. The last one is the branch itself."""

    segments: tuple[Segment, ...] = (Segment(MAIN),)

    def holds(self, branch: str, seq: int) -> bool:
        """Whether an item of this branch, which stands at `seq`, is on the path."""
        return any(segment.holds(branch, seq) for segment in self.segments)

    def shared(self, other: "Path") -> int | None:
        """The seq below which both paths have the same items; None: they are the same."""
        for mine, theirs in zip(self.segments, other.segments, strict=False):
            if mine.branch != theirs.branch:
                return 0
            if mine.below != theirs.below:
                return min(below for below in (mine.below, theirs.below) if below is not None)
        return None


#: The path of a conversation without branches.
WHOLE = Path()


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch but MAIN: it has what `parent`'s path has below `before`, and then its own."""

    id: str
    parent: str
    before: int
    #: Seq at which it was last made the one that is shown: at a fork the newest of several is gone back to.
    shown_at: int


@dataclass(frozen=True, slots=True)
class Fork:
    """A place on a path from which there is more than one way on. `ways` are the branches that choosing each of them
    shows, in the order in which they were begun; `at` is which of them the path takes. The item that stands first at or
    after `before` is where it is told."""

    before: int
    ways: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Branches:
    """All branches of a conversation: `shown` is the one that people look at and speak to."""

    shown: str = MAIN
    all: tuple[Branch, ...] = ()
    #: Seq at which MAIN was last shown.
    main_shown_at: int = 0
    #: The branches of runs that are on another than MAIN, as far as they are known.
    runs: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.all)

    def find(self, id: str) -> Branch | None:
        """The branch of this id; None for MAIN, and for what is none."""
        return next((branch for branch in self.all if branch.id == id), None)

    def knows(self, id: str) -> bool:
        return id == MAIN or self.find(id) is not None

    def of_run(self, run: str) -> str:
        """The branch that a run is on."""
        return self.runs.get(run, MAIN)


NONE = Branches()


def path(branches: Branches, branch: str) -> Path:
    """The path of a branch. One that is not known has that of MAIN: nobody is shown nothing."""
    segments: list[Segment] = []
    below: int | None = None
    here = branches.find(branch)
    while here is not None:
        segments.append(Segment(here.id, below))
        below = here.before if below is None else min(below, here.before)
        here = branches.find(here.parent)
    segments.append(Segment(MAIN, below))
    return Path(tuple(reversed(segments)))


def departure(
    branches: Branches, branch: str, before: int, has_items: Callable[[str, int], bool]
) -> tuple[str, int]:
    """From which branch, and before which seq, another way on departs that has `branch`'s path below `before`.

    A branch of which that leaves nothing is passed over, so that all ways on from one place stand beside each other.
    `has_items(branch, before)` tells whether a branch has items of its own below a seq.
    """
    here = branches.find(branch)
    while here is not None and not has_items(here.id, before):
        branch, before = here.parent, here.before
        here = branches.find(branch)
    return branch, before


def forks(branches: Branches, branch: str) -> tuple[Fork, ...]:
    """The forks on the path of a branch, in order."""
    paths = {id: path(branches, id) for id in (MAIN, *(one.id for one in branches.all))}
    on = paths.get(branch, WHOLE)
    places = {(one.parent, one.before) for one in branches.all}
    found = []
    for parent, before in sorted(places, key=lambda place: place[1]):
        ends = [segment for segment in on.segments if segment.branch == parent]
        if not ends or (ends[0].below is not None and ends[0].below < before):
            continue
        found.append(_fork(branches, paths, branch, parent, before))
    return tuple(found)


def _fork(branches: Branches, paths: Mapping[str, Path], branch: str, parent: str, before: int) -> Fork:
    begun = [one.id for one in branches.all if (one.parent, one.before) == (parent, before)]
    ways: list[list[str]] = [[] for _ in range(len(begun) + 1)]
    for id, on in paths.items():
        way = _way(on, parent, before, begun)
        if way is not None:
            ways[way].append(id)
    latest = {MAIN: branches.main_shown_at} | {one.id: one.shown_at for one in branches.all}
    # The one that is shown now counts as the latest, so that choosing where one is changes nothing.
    chosen = [branch if branch in way else max(way, key=lambda id: latest[id]) for way in ways]
    return Fork(before, tuple(chosen), next(n for n, way in enumerate(ways) if branch in way))


def _way(on: Path, parent: str, before: int, begun: list[str]) -> int | None:
    """Which way a path takes at a place: 0 is to go on with the parent; None: it does not come by."""
    for segment, following in zip(on.segments, (*on.segments[1:], None), strict=True):
        if segment.branch != parent:
            continue
        if segment.below is None or segment.below > before:
            return 0
        if segment.below == before and following is not None and following.branch in begun:
            return begun.index(following.branch) + 1
    return None


def fold(branches: Branches, event: e.Event, seq: int) -> Branches:
    """The branches after an event. Pure and total: what is opened twice, or chosen and not there, changes nothing."""
    match event:
        case e.BranchOpened() if not branches.knows(event.branch) and branches.knows(event.parent):
            opened = Branch(event.branch, event.parent, event.before, seq)
            return replace(branches, shown=event.branch, all=(*branches.all, opened))
        case e.BranchChosen() if branches.knows(event.branch):
            if event.branch == MAIN:
                return replace(branches, shown=MAIN, main_shown_at=seq)
            moved = (replace(one, shown_at=seq) if one.id == event.branch else one for one in branches.all)
            return replace(branches, shown=event.branch, all=tuple(moved))
        case e.BranchContinued() if branches.knows(event.branch):
            return replace(branches, runs=_with(branches.runs, event.run, event.branch))
        case e.RunQueued() if branches and event.run not in branches.runs:
            # A release that knows no branches says nothing of them: its runs are about what is shown.
            return replace(branches, runs=_with(branches.runs, event.run, branches.shown))
    return branches


def _with(runs: Mapping[str, str], run: str, branch: str) -> Mapping[str, str]:
    return {**runs, run: branch}


def covers(summary: Path, upto: int, reader: Path) -> bool:
    """Whether a summary that was made on the path `summary`, of items up to `upto`, stands for what `reader` has there:
    only if all of them are on it, too."""
    shared = summary.shared(reader)
    return shared is None or upto < shared
