"""The totals add up to the journal, each event once, in whatever order it was committed, on both databases."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections, transaction

from agents import events as e
from agents.lifecycle import RUN
from chat import models as m
from chat.support.clock import now_ms
from chat.telemetry import tallies
from chat.telemetry.models import Reading, Tally
from chat.telemetry.stored import Installation
from tests.support.databases import in_thread

BEGUN, ENDED = "holdfast_runs_begun_total", "holdfast_runs_ended_total"


@pytest.fixture
def conversation(database: str, owner: Any) -> Any:
    def make() -> Any:
        values = {"agent": "a", "entrance": "feishu", "created_at": 1, "updated_at": 1, "owner_id": owner}
        return m.Conversation.objects.using(database).create(id=uuid4(), **values)

    return in_thread(make)


class House:
    """Writes to the journal as its projection does, and asks for the totals."""

    def __init__(self, database: str, conversation: Any) -> None:
        self.database = database
        self.conversation = conversation
        self.seq = 0

    def write(self, event: e.Event, status: str = "", pk: int | None = None) -> None:
        """One event, and the state of its run after it. In the caller's thread."""
        self.seq += 1
        m.Event.objects.using(self.database).create(
            pk=pk,
            conversation=self.conversation,
            seq=self.seq,
            type=event.type,  # type: ignore[attr-defined]
            at=event.at,
            text=e.to_json(event),
            tag="t",
        )
        if not status:
            return
        runs = m.Run.objects.using(self.database)
        values = {"status": status, "updated_at": event.at, "queued_at": 1, "seq": self.seq, "cause": "m"}
        values["entrance"] = "web"
        runs.update_or_create(conversation=self.conversation, run=event.run, defaults=values)  # type: ignore[attr-defined]

    def figures(self) -> dict[str, float]:
        """All samples of the installation, by name and labels."""
        found = {}
        for family in Installation(self.database).collect():
            for sample in family.samples:
                labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
        return found


@pytest.fixture
def house(database: str, conversation: Any) -> House:
    def begin() -> None:
        for model in (Tally, Reading):  # PostgreSQL's are those of the test before
            model.objects.using(database).all().delete()

    in_thread(begin)
    return House(database, conversation)


def adds_up(figures: dict[str, float]) -> bool:
    def total(name: str) -> float:
        return sum(value for key, value in figures.items() if key.partition("{")[0] == name)

    abandoned = total("holdfast_runs_of_deleted_conversations")
    return total(BEGUN) == total(ENDED) + total("holdfast_runs_active") + abandoned


def test_runs_begun_are_those_that_ended_and_those_that_are_active(house: House) -> None:
    def work() -> None:
        for n, last in enumerate(["queued", "running", "waiting", "finished", "failed", "stopped"]):
            run = f"r{n}"
            house.write(e.RunQueued(at=now_ms(), run=run, cause="m"), "queued")
            if last in ("running", "waiting"):
                house.write(e.RunStarted(at=now_ms(), run=run, attempt=1, fence=1, worker="w"), last)
            if last == "finished":
                house.write(e.RunFinished(at=now_ms(), run=run), last)
            if last == "failed":
                house.write(e.RunFailed(at=now_ms(), run=run, code="model_auth"), last)
            if last == "stopped":
                house.write(e.RunStopped(at=now_ms(), run=run), last)
            found = house.figures()
            assert adds_up(found), found
        assert found["holdfast_runs_begun_total{entrance=web}"] == 6
        assert {state: found[f"holdfast_runs_active{{state={state}}}"] for state in RUN.open} == {
            "queued": 1,
            "running": 1,
            "waiting": 1,
            "recovering": 0,
        }
        assert found["holdfast_runs_ended_total{state=failed}"] == 1
        assert found["holdfast_runs_failed_total{code=model_auth}"] == 1
        assert found["holdfast_queue_oldest_seconds"] > 0
        assert house.figures() == pytest.approx(found, rel=0.1), "asked again, nothing is counted again"

    in_thread(work)


def test_an_event_that_is_committed_behind_later_ones_is_counted_once(house: House) -> None:
    """As on PostgreSQL, where ids are given before the commit."""

    def work() -> None:
        base = 10 + (
            m.Event.objects.using(house.database).order_by("-pk").values_list("pk", flat=True).first() or 0
        )
        house.write(e.RunQueued(at=now_ms(), run="a", cause="m"), "queued", pk=base)
        house.write(e.RunQueued(at=now_ms(), run="c", cause="m"), "queued", pk=base + 3)
        assert house.figures()["holdfast_runs_begun_total{entrance=web}"] == 2
        missing = Reading.objects.using(house.database).get().missed()
        assert {base + 1, base + 2} <= set(missing)
        house.write(e.RunQueued(at=now_ms(), run="b", cause="m"), "queued", pk=base + 1)
        for _ in range(2):
            found = house.figures()
            assert found["holdfast_runs_begun_total{entrance=web}"] == 3
            assert adds_up(found), found
        assert base + 1 not in Reading.objects.using(house.database).get().missed()

    in_thread(work)


def test_ids_of_transactions_that_never_came_are_given_up_in_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> None:
        house.write(e.RunQueued(at=now_ms(), run="a", cause="m"), "queued")
        house.figures()
        last = m.Event.objects.using(house.database).order_by("-pk").values_list("pk", flat=True)[0]
        house.write(e.RunQueued(at=now_ms(), run="b", cause="m"), "queued", pk=last + 5)
        house.figures()
        assert len(Reading.objects.using(house.database).get().missed()) >= 4
        later = now_ms() + tallies.MISSED_MS + 1
        monkeypatch.setattr(tallies, "now_ms", lambda: later)
        house.figures()
        assert Reading.objects.using(house.database).get().missed() == {}

    in_thread(work)


def test_many_who_ask_at_once_count_everything_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "CHUNK", 7)

    def write() -> None:
        for n in range(60):
            house.write(e.RunQueued(at=now_ms(), run=f"r{n}", cause="m"), "queued")

    in_thread(write)
    problems: list[BaseException] = []

    def ask() -> None:
        try:
            found = house.figures()
            assert found["holdfast_journal_uncounted_events"] or adds_up(found)
        except BaseException as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    found = in_thread(house.figures)
    assert found["holdfast_runs_begun_total{entrance=web}"] == 60 and adds_up(found)


def test_totals_do_not_fall_when_conversations_are_erased(house: House) -> None:
    def work() -> None:
        house.write(e.RunQueued(at=now_ms(), run="a", cause="m"), "queued")
        house.write(e.RunFinished(at=now_ms(), run="a"), "finished")
        house.write(e.RunQueued(at=now_ms(), run="b", cause="m"), "queued")
        before = house.figures()
        m.Conversation.objects.using(house.database).filter(pk=house.conversation.pk).update(
            deleted_at=now_ms()
        )
        deleted = house.figures()
        assert deleted["holdfast_runs_of_deleted_conversations"] == 1 and adds_up(deleted)
        assert deleted["holdfast_queue_oldest_seconds"] == 0, "nobody waits for it any more"
        tallies.let_go([house.conversation.pk], house.database)
        with transaction.atomic(using=house.database):
            m.Event.objects.using(house.database).filter(conversation=house.conversation).delete()
            m.Run.objects.using(house.database).filter(conversation=house.conversation).delete()
        after = house.figures()
        assert (
            after["holdfast_runs_begun_total{entrance=web}"]
            == before["holdfast_runs_begun_total{entrance=web}"]
        )
        assert after["holdfast_runs_ended_total{state=deleted}"] == 1
        assert adds_up(after)

    in_thread(work)


def test_nothing_is_counted_while_nobody_asks(house: House) -> None:
    def work() -> None:
        house.write(e.RunQueued(at=now_ms(), run="a", cause="m"), "queued")
        tallies.let_go([house.conversation.pk], house.database)
        assert not Reading.objects.using(house.database).exists()
        assert not Tally.objects.using(house.database).exists()
        assert tallies.unread(house.database) > 0

    in_thread(work)


def test_a_run_of_a_release_that_did_not_say_where_is_counted_where_its_conversation_began(
    house: House,
) -> None:
    def work() -> None:
        house.write(e.RunQueued(at=now_ms(), run="a", cause="m"), "queued")
        m.Run.objects.using(house.database).update(entrance="")
        assert house.figures()["holdfast_runs_begun_total{entrance=feishu}"] == 1

    in_thread(work)
