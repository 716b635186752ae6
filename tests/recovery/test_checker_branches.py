"""The checker of chaos runs notices what is wrong with branches, by a path of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.recovery.chaos import branching
from tests.recovery.chaos.checker import Record, branches_hold, second_thoughts_are_kept

Line = dict[str, Any]


def said(message: str, tag: str) -> Line:
    return {"type": "message.added", "message": message, "text": f"Number {tag}: say 3"}


def queued(run: str, cause: str, branch: str = "") -> list[Line]:
    begun = [{"type": "run.queued", "run": run, "cause": cause}]
    return begun + ([{"type": "branch.continued", "run": run, "branch": branch}] if branch else [])


#: m1 (seq 2), m2 (4); then B in the place of m2 with m3 (7), and C from B before its answer, with nothing of its own.
EVENTS: list[Line] = [
    {"type": "conversation.created"},
    said("m1", "w0.1"),
    *queued("r1", "m1"),
    said("m2", "w0.2"),
    *queued("r2", "m2"),
    {"type": "branch.opened", "branch": "B", "parent": "", "before": 4},
    said("m3", "w0.3"),
    *queued("r3", "m3", "B"),
    {"type": "branch.opened", "branch": "C", "parent": "B", "before": 10},
    *queued("r4", "m3", "C"),
]
PATH = [{"branch": "", "below": 4}, {"branch": "B", "below": 10}, {"branch": "C", "below": None}]
FRESH: Line = {"items": [], "branches": {"shown": "C", "path": PATH}}


def found(
    events: list[Line],
    fresh: Line = FRESH,
    asked: list[tuple[str, ...]] | None = None,
    clients: list[Line] | None = None,
) -> list[str]:
    journal = {"x": [(seq, json.dumps(event), "") for seq, event in enumerate(events, start=1)]}
    requests = [(1_000, tags) for tags in asked or []]
    return list(branches_hold(Record(journal, clients or [], [], [], {"x": fresh}, asked=requests)))


def test_B1_a_path_is_what_the_parent_has_before_the_place_and_then_its_own() -> None:
    tree = branching.Tree(EVENTS)
    assert tree.path("C") == [("", 4), ("B", 10), ("C", None)]
    said = [[tag for tag, _ in tree.tags(one)] for one in ("", "B", "C")]
    assert said == [["w0.1", "w0.2"], ["w0.1", "w0.3"], ["w0.1", "w0.3"]]
    asked = [("w0.1",), ("w0.1", "w0.2"), ("w0.1", "w0.3"), ()]
    assert found(EVENTS, asked=asked) == []


@pytest.mark.parametrize(
    "asked",
    [("w0.1", "w0.2", "w0.3"), ("w0.2",), ("w0.3", "w0.1"), ("w0.1", "w0.1"), ("w1.1",)],
    ids=["of two branches", "without the first", "in another order", "twice", "of nobody"],
)
def test_B4_a_request_that_no_branch_would_make_is_noticed(asked: tuple[str, ...]) -> None:
    (line,) = found(EVENTS, asked=[asked])
    assert "no branch says" in line


@pytest.mark.parametrize(("acknowledged", "right"), [(None, True), (1_001, True), (999, False)])
def test_R7_a_message_that_was_taken_back_is_in_no_later_request(
    acknowledged: int | None, right: bool
) -> None:
    events = [*EVENTS, said("m4", "w0.4"), {"type": "message.withdrawn", "message": "m4"}, said("m5", "w0.5")]
    body = {"kind": "withdraw", "message": "m4"}
    clients: list[Line] = [{"what": "command", "id": "c", "conversation": "x", "body": body}]
    if acknowledged is not None:
        clients += [{"what": "result", "id": "c", "status": "applied", "code": None, "at": acknowledged}]
    assert found(events, asked=[("w0.1", "w0.3", "w0.5")], clients=clients) == []
    assert (found(events, asked=[("w0.1", "w0.3", "w0.4")], clients=clients) == []) == right


@pytest.mark.parametrize(
    ("events", "fresh", "line"),
    [
        (EVENTS, {"items": [], "branches": {"shown": "B", "path": PATH}}, "is shown instead of 'C'"),
        (EVENTS, {"items": [], "branches": {"shown": "C", "path": PATH[1:]}}, "the path is"),
        ([*EVENTS, EVENTS[-3]], FRESH, "opened twice"),
        ([*EVENTS, *queued("r5", "m3", "C")], FRESH, "began 2 runs on branch 'C'"),
        (EVENTS[:4], {"items": [], "seen": {}}, "seen tells of branches"),
        (EVENTS[:4], {"items": [{"id": "i", "branch": "B"}]}, "i tells of branches"),
    ],
    ids=["another is shown", "another path", "opened twice", "a run twice", "seen", "an item"],
)
def test_B1_B3_B7_branches_that_are_not_the_journals_are_noticed(
    events: list[Line], fresh: Line, line: str
) -> None:
    assert any(line in one for one in found(events, fresh)), found(events, fresh)


REWRITE = {"kind": "rewrite", "branch": "B", "as_message": "m3", "message": "m2"}
EDIT = {"kind": "edit", "message": "m1", "text": "other words"}


@pytest.mark.parametrize(
    ("body", "status", "code", "right"),
    [
        (REWRITE, "applied", None, True),
        (REWRITE, "duplicate", None, True),
        (REWRITE, "rejected", "run_active", False),
        (REWRITE, "rejected", "unavailable", True),  # nobody knows yet
        ({**REWRITE, "as_message": "m9"}, "applied", None, False),
        ({"kind": "try_again", "item": "s", "branch": "C"}, "applied", None, True),
        ({"kind": "try_again", "item": "s", "branch": "D"}, "applied", None, False),
        ({"kind": "try_again", "item": "s", "branch": "D"}, "rejected", "run_active", True),
        (EDIT, "applied", None, False),
        (EDIT, "rejected", "unknown_message", True),
        ({"kind": "withdraw", "message": "m1"}, "applied", None, False),
        ({"kind": "withdraw", "message": "m1"}, "rejected", "already_read", True),
    ],
)
def test_W5_second_thoughts_stand_once_if_they_were_acknowledged(
    body: Line, status: str, code: str | None, right: bool
) -> None:
    journal = {"x": [(seq, json.dumps(event), "") for seq, event in enumerate(EVENTS, start=1)]}
    clients = [
        {"what": "command", "id": "c", "conversation": "x", "body": body},
        {"what": "result", "id": "c", "status": status, "code": code},
    ]
    lines = list(second_thoughts_are_kept(Record(journal, clients, [], [], {})))
    assert (lines == []) == right, lines


def test_B6_what_is_open_on_a_hidden_branch_is_no_part_of_what_is_shown() -> None:
    items = [{"id": "a", "seq": 2}, {"id": "b", "seq": 5}, {"id": "c", "seq": 8, "branch": "B"}]
    shown = branching.of_a_path(items, {"path": [{"branch": "", "below": 4}, {"branch": "B", "below": None}]})
    assert [item["id"] for item in shown] == ["a", "c"]
    assert branching.of_a_path(items, None) == items
