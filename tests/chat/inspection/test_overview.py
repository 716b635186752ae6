"""The overview: its figures are those of the rows, whoever may see runs sees it, and it asks little."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents import events as e
from chat.inspection.figures import HOUR_MS, HOURS, RunFigure, Spread, hourly, period, spread
from chat.inspection.overview import HEIGHT, bars, first_tokens, workers
from chat.models import Event, Fault
from chat.runs.share import Load
from chat.support.clock import now_ms
from tests.support import rows


def test_each_worker_says_how_busy_it_is_and_who_says_nothing_is_named() -> None:
    at_work = {"a": 2, "dead": 1}
    loads = {"a": Load(3, 61), "idle": Load(0, 64), "one": Load(1, 0)}
    assert workers(at_work, loads, heard=True) == [
        ("a", "3 runs, room for 61"),
        ("dead", "1 run, not heard of"),
        ("idle", "0 runs, room for 64"),
        ("one", "1 run, room for 0"),
    ]
    assert workers(at_work, {}, heard=False) == [("a", "2 runs"), ("dead", "1 run")]


NOW = 1_790_000_000_000


def figure(ago: int, status: str = "finished", wait: int = 100, took: int = 1_000) -> RunFigure:
    queued = NOW - ago
    started = None if status == "queued" else queued + wait
    return RunFigure(status, "web", queued, started, None if started is None else started + took)


def test_a_period_counts_what_was_queued_in_it_and_no_more() -> None:
    runs = [figure(10), figure(20, "failed"), figure(30, "queued"), figure(HOUR_MS + 1, "failed")]
    hour = period(runs, NOW - HOUR_MS)
    assert (hour.runs, hour.ended, hour.failed_share) == (3, 2, 0.5)
    assert hour.runs == hour.ended + hour.by_state["queued"], "begun = ended + active"
    assert hour.queue_wait == Spread(100, 100, 2) and hour.by_entrance["web"] == 3
    assert period([], NOW).failed_share is None


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [([], Spread(None, None, 0)), ([7], Spread(7, 7, 1)), (list(range(1, 101)), Spread(50, 95, 100))],
)
def test_percentiles_are_values_that_were_there(lengths: list[int], expected: Spread) -> None:
    assert spread(lengths) == expected


def test_hours_are_told_oldest_first_and_bars_stand_on_the_line() -> None:
    hours = hourly(
        [figure(0), figure(10, "running"), figure(HOURS * HOUR_MS - 1), figure(HOURS * HOUR_MS)], NOW
    )
    assert len(hours) == HOURS and sum(sum(hour.values()) for hour in hours) == 3
    assert hours[-1] == {"finished": 1, "stopped": 0, "failed": 0, "active": 1} and hours[0]["finished"] == 1
    drawn = bars(hours)
    assert len(drawn) == 3 and {bar.y + bar.height for bar in drawn} <= {HEIGHT, HEIGHT / 2}
    assert bars(hourly([], NOW)) == []


@pytest.mark.django_db
class TestPage:
    def test_it_shows_what_there_is(self, admin_client: Any, alice: Any, redis_url: str) -> None:
        row, now = rows.conversation(alice), now_ms()
        run = rows.run(row, 2, status="failed", queued_at=now - 5_000, started_at=now - 4_000, ended_at=now)
        rows.run(row, 9, status="queued", queued_at=now - 65_000, started_at=None, ended_at=None)
        rows.step(row, run, 3, "hi")
        finished = e.StepFinished(
            at=rows.START + 500, run=run.run, step=f"{run.run}.1", text="hi", first_at=rows.START + 250
        )
        Event.objects.create(
            conversation=row, seq=4, type="step.finished", at=1, text=e.to_json(finished), tag="t"
        )
        Fault.objects.create(
            conversation=row, run="r", step="s", kind="E1", text="", model="", profile="", address="", digest="d",
            request="", created_at=now,
        )  # fmt: skip
        assert first_tokens() == Spread(250, 250, 1)
        html = admin_client.get("/admin/overview/").content.decode()
        assert "50.0%" not in html and "100.0%" in html and "p50 1.00 s" in html and "p50 0.25 s" in html
        assert "1 min 5 s" in html and "hf-share-failed" in html
        assert "style=" not in html.partition('id="content"')[2]

    def test_its_questions_do_not_grow_and_redis_may_be_away(
        self, admin_client: Any, alice: Any, settings: Any
    ) -> None:
        settings.HOLDFAST_REDIS_URL = "redis://127.0.0.1:1/0"
        assert "Redis does not answer" in admin_client.get("/admin/overview/").content.decode()
        with CaptureQueriesContext(connection) as few:
            admin_client.get("/admin/overview/")
        row = rows.conversation(alice)
        for seq in range(2, 60):
            rows.run(row, seq, queued_at=now_ms())
        with CaptureQueriesContext(connection) as many:
            admin_client.get("/admin/overview/")
        assert len(many) <= len(few) + 1 and len(many) < 25

    def test_W11_who_may_see_runs_sees_it_and_nobody_else(
        self, client: Any, bob: Any, redis_url: str
    ) -> None:
        bob.is_staff = True
        bob.save()
        client.force_login(bob)
        assert client.get("/admin/overview/").status_code == 403
        assert "/admin/overview/" not in client.get("/admin/").content.decode()
        bob.user_permissions.add(Permission.objects.get(codename="view_run"))
        assert client.get("/admin/overview/").status_code == 200
        assert "/admin/overview/" in client.get("/admin/").content.decode()
