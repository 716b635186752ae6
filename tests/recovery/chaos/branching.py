"""What must hold of branches and of what people thought better of, after a chaos run.

The path of a branch is made here a second time, by the words of rules B1 to B3 and from the journal alone: what
Holdfast shows, and what it sends to the model, is held against that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.recovery.chaos.model import TAG, Asked

Line = dict[str, Any]
#: What a path has of one branch: its items below this seq; None: all of them.
Segment = tuple[str, int | None]
MAIN = ""


class Tree:
    """The branches of one conversation. `events` are all of its journal, the first of seq 1."""

    def __init__(self, events: Iterable[Line]) -> None:
        self.shown = MAIN
        self.parents: dict[str, tuple[str, int]] = {}
        #: (seq, branch, id, first words) of every message.
        self.messages: list[tuple[int, str, str, str]] = []
        self.withdrawn: set[str] = set()
        #: Branches that were opened twice, or from nowhere.
        self.wrong: list[str] = []
        for seq, event in enumerate(events, start=1):
            match event["type"]:
                case "branch.opened":
                    if event["branch"] in self.parents or not self.knows(event["parent"]):
                        self.wrong.append(event["branch"])
                    self.parents[event["branch"]] = (event["parent"], event["before"])
                    self.shown = event["branch"]
                case "branch.chosen":
                    if not self.knows(event["branch"]):
                        self.wrong.append(event["branch"])
                    self.shown = event["branch"]
                case "message.added":
                    self.messages.append((seq, self.shown, event["message"], event["text"]))
                case "message.withdrawn":
                    self.withdrawn.add(event["message"])

    def knows(self, branch: str) -> bool:
        return branch == MAIN or branch in self.parents

    def path(self, branch: str) -> list[Segment]:
        """What its parent's path has below its place, and then its own (B1)."""
        segments: list[Segment] = []
        below: int | None = None
        while branch != MAIN:
            segments.append((branch, below))
            branch, before = self.parents[branch]
            below = before if below is None else min(before, below)
        return [*reversed([*segments, (MAIN, below)])]

    def tags(self, branch: str) -> list[tuple[str, str]]:
        """(tag, id) of the tagged messages of a branch, in order, with those that were taken back."""
        path = dict(self.path(branch))
        return [
            (found[1], id)
            for seq, where, id, text in self.messages
            if where in path and (path[where] is None or seq < (path[where] or 0))
            if (found := TAG.search(text))
        ]


def of_a_path(items: Iterable[Line], branches: Line | None) -> list[Line]:
    """Those of a snapshot's items that stand on the branch that is shown; the others are open, or wait (B6)."""
    if branches is None:
        return list(items)
    path = {one["branch"]: one["below"] for one in branches["path"]}
    return [
        item
        for item in items
        if (where := item.get("branch", MAIN)) in path and (path[where] is None or item["seq"] < path[where])
    ]


def follow_the_journal(events: list[Line], fresh: Line | None) -> Iterator[str]:
    """Branches are opened once, and what is shown is what the journal says (B1, B3); without any there is no word of
    them (B7). `fresh`: the state of a snapshot."""
    tree = Tree(events)
    yield from (f"branch {branch} was opened twice, or is not known" for branch in tree.wrong)
    if fresh is None:
        return
    if not tree.parents:
        told = [name for name in ("branches", "seen") if fresh.get(name) is not None]
        told += [item["id"] for item in fresh["items"] if "branch" in item]
        yield from (f"{name} tells of branches, and there is none" for name in told)
        return
    branches = fresh["branches"]
    if branches["shown"] != tree.shown:
        yield f"branch {branches['shown']!r} is shown instead of {tree.shown!r}"
    path = [(one["branch"], one["below"]) for one in branches["path"]]
    if path != tree.path(tree.shown):
        yield f"the path is {path} instead of {tree.path(tree.shown)}"


def runs_begin_once(events: list[Line]) -> Iterator[str]:
    """A message begins one run on a branch (S5, B2)."""
    begun: Counter[tuple[str, str]] = Counter()
    for event, following in zip(events, [*events[1:], {"type": ""}], strict=True):
        if event["type"] == "run.queued":
            on = following["branch"] if following["type"] == "branch.continued" else MAIN
            begun[event["cause"], on] += 1
    yield from (
        f"message {cause} began {n} runs on branch {on!r}" for (cause, on), n in begun.items() if n > 1
    )


def commands_have_their_effect(results: list[tuple[Line, str]], events: list[Line]) -> Iterator[str]:
    """What was acknowledged of second thoughts stands in the journal, once; what was refused does not (W5).
    `results`: the body of a command and its status, of one conversation."""
    stand = Counter(
        (event["type"], event.get("branch") or event.get("message"), event.get("text"))
        for event in events
        if event["type"] in ("branch.opened", "message.added", "message.edited", "message.withdrawn")
    )
    by_name = Counter[tuple[str, Any]]()
    for (kind, name, _), n in stand.items():
        by_name[kind, name] += n
    for body, status in results:
        count = {
            "try_again": lambda body: [by_name["branch.opened", body["branch"]]],
            "rewrite": lambda body: [
                by_name["branch.opened", body["branch"]],
                by_name["message.added", body["as_message"]],
            ],
            "edit": lambda body: [stand["message.edited", body["message"], body["text"]]],
            "withdraw": lambda body: [by_name["message.withdrawn", body["message"]]],
        }.get(body["kind"])
        if count is None or status == "":
            continue
        right = 1 if status in ("applied", "duplicate") else 0
        if body["kind"] == "withdraw" and not right:
            continue  # refused, because a stop or another tab had taken it back
        if count(body) != [right] * len(count(body)):
            yield f"{body['kind']} was {status} and stands {count(body)} times: {body}"


def requests_are_of_one_branch(
    asked: Iterable[Asked], trees: Iterable[Tree], gone: Mapping[str, int]
) -> Iterator[str]:
    """Every request has what one branch says from its beginning, without a hole, and nothing of another (B1, B4); and
    nothing that had been taken back. `gone`: when that was acknowledged, by message, in ms. A try that came to nothing
    may have had what was taken back after it."""
    ways: dict[str, list[tuple[Tree, list[tuple[str, str]]]]] = defaultdict(list)
    for tree in trees:
        for branch in (MAIN, *tree.parents):
            if told := tree.tags(branch):
                ways[told[0][0].partition(".")[0]].append((tree, told))
    for at, said in asked:
        near = ways[said[0].partition(".")[0]] if said else []
        if said and not any(_begins(told, said, tree.withdrawn, gone, at) for tree, told in near):
            yield f"a request had {said} at {at}, which no branch says"


def _begins(
    told: list[tuple[str, str]], said: tuple[str, ...], withdrawn: set[str], gone: Mapping[str, int], at: int
) -> bool:
    left = list(said)
    for tag, id in told:
        if not left:
            return True
        if left[0] == tag and not (id in withdrawn and gone.get(id, at) < at):
            left.pop(0)
        elif id not in withdrawn:
            return False
    return not left
