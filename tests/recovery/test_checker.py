"""The checker of chaos runs notices what is wrong with a page; with everything else: tests/recovery/mutants.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.recovery.chaos.checker import Record, pages_agree

MESSAGE = {"kind": "message", "seq": 3, "id": "m", "text": "[pay 1 1] say 2"}
CALL = {"id": "c", "status": "succeeded"}
STEP = {"kind": "step", "seq": 5, "id": "s", "status": "finished", "text": "word0 word1", "calls": [CALL]}


def page(**changed: Any) -> dict[str, Any]:
    rows = [
        {
            "kind": "message",
            "seq": 3,
            "id": "m",
            "status": "done",
            "text": "[pay 1 1] say 2 12:30",
            "calls": [],
        },
        {
            "kind": "step",
            "seq": 5,
            "id": "s",
            "status": "finished",
            "text": "word0 word1",
            "calls": [["c", "succeeded"]],
        },
    ]
    return {"page": "p", "conversation": "x", "rests": True, "problems": [], "rows": rows, **changed}


def found(shown: dict[str, Any]) -> list[str]:
    fresh = {"x": {"items": [{"kind": "note", "seq": 1}, MESSAGE, STEP]}}
    return list(pages_agree(Record({}, [], [], [], fresh, pages=[shown])))


def test_a_page_that_shows_the_newest_rows_as_they_are_is_well() -> None:
    assert found(page()) == []
    assert found(page(rows=page()["rows"][1:])) == [], "older rows need not be in the document"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rests": False}, "does not come to rest"),
        ({"problems": ["script error: x is undefined"]}, "script error"),
        ({"rows": page()["rows"][:1]}, "does not show the newest row"),
        ({"rows": [{**page()["rows"][1], "text": "word0"}]}, "shows the text"),
        ({"rows": [{**page()["rows"][1], "id": "t"}]}, "instead of"),
        ({"rows": [{**page()["rows"][1], "status": "streaming"}]}, "instead of"),
        ({"rows": [{**page()["rows"][1], "calls": [["c", "running"]]}]}, "instead of"),
        ({"rows": []}, "does not show the newest row"),
    ],
)
def test_W1_a_page_that_shows_something_else_is_noticed(changed: dict[str, Any], said: str) -> None:
    (violation,) = found(page(**changed))
    assert said in violation
