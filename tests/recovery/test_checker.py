"""The checker of chaos runs notices what is wrong with a page, and excuses what a bad link did; with everything else:
tests/recovery/mutants.py."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.recovery.chaos import stacks
from tests.recovery.chaos.checker import Record, frames_follow_each_other, pages_agree, runs_end
from tests.support.processes import Process, clean_environment
from tests.support.waiting import wait_until

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


@pytest.mark.parametrize(
    ("since", "at", "excused"),
    [
        (100, 900, False),  # before the link was bad
        (1_500, 1_600, True),
        (1_900, 60_000, True),  # lost by the bad link, missed with the next event, a minute later
        (900, 1_100, True),
        (2_100, 2_200, False),  # the place before is of a time when the link was well again
    ],
)
def test_W2_a_missing_event_is_excused_only_if_the_link_may_have_lost_it(
    since: int, at: int, excused: bool
) -> None:
    line = {"what": "broken_chain", "client": "w1", "link": 1, "before": "e:1:a", "prev": "e:2:b"}
    record = Record({}, [{**line, "since": since, "at": at}], [], [], {}, mangled=[("link1", 1_000, 2_000)])
    assert (list(frames_follow_each_other(record)) == []) == excused
    record.mangled = [("link2", 1_000, 2_000)]
    assert list(frames_follow_each_other(record)) == ["w1 was sent e:2:b after e:1:a"]


def test_R2_a_lease_that_somebody_holds_at_rest_is_noticed() -> None:
    assert list(runs_end(Record({}, [], [], [], {}))) == []
    held = Record({}, [], [], [], {}, leases={"x": "worker-1/ab"})
    assert list(runs_end(held)) == ["x: worker-1/ab holds the lease at rest"]


#: A worker of sorts, with a child that knows nothing of the signal.
WAITS = """
import asyncio, subprocess
from tests.recovery.chaos import stacks

async def for_nothing_that_comes():
    subprocess.Popen(["sleep", "60"])
    stacks.tell_on_signal()
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(for_nothing_that_comes())
"""


def test_processes_say_what_they_wait_for_and_go_on(tmp_path: Path) -> None:
    process = Process("waits", [sys.executable, "-c", WAITS], clean_environment(), tmp_path / "log")
    process.start()
    try:
        wait_until(lambda: process.says("ready"), 20, "it to wait")
        stacks.ask([process.pid])
        wait_until(lambda: process.says("for_nothing_that_comes"), 10, "it to say so")
        assert process.alive
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
    finally:
        process.stop()
