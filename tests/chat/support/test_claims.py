"""A row is one worker's for a while, on both databases: workers ask at the same moment, are paused, or die."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from chat.models import Conversation
from chat.support.claims import Claim
from tests.support import databases

#: Any table with a number and a text will do.
NAMELESS = Claim("updated_at")
NAMED = Claim("updated_at", holder="title")


@pytest.fixture
def rows(database: str, owner: Any) -> Any:
    """A query for one row that nobody has."""
    id = uuid.uuid4()
    made = {"id": id, "owner_id": owner, "agent": "a", "created_at": 0, "updated_at": 0}
    databases.in_thread(lambda: Conversation.objects.using(database).create(**made))
    return Conversation.objects.using(database).filter(pk=id)


def ask(work: Any) -> Any:
    return databases.in_thread(work)


def test_a_row_that_somebody_has_is_nobody_elses_until_the_time_is_over(rows: Any) -> None:
    assert ask(lambda: NAMELESS.take(rows, 1_000, 6_000))
    assert not ask(lambda: NAMELESS.take(rows, 5_999, 11_000))
    assert ask(lambda: NAMELESS.take(rows, 6_000, 11_000)), "its worker has died: the claim ran out"


def test_of_workers_that_ask_at_the_same_moment_one_gets_it(rows: Any, database: str) -> None:
    start = Barrier(8)

    def worker(_: int) -> bool:
        try:
            start.wait()
            return NAMELESS.take(rows.all(), 1_000, 6_000)
        finally:
            connections[database].close()

    with ThreadPoolExecutor(8) as workers:
        assert sum(workers.map(worker, range(8))) == 1


def test_who_has_it_takes_it_again_and_keeps_it(rows: Any) -> None:
    assert ask(lambda: NAMED.take(rows, 1_000, 6_000, who="one"))
    assert ask(lambda: NAMED.take(rows, 2_000, 7_000, who="one"))
    assert not ask(lambda: NAMED.take(rows, 2_000, 7_000, who="other"))
    assert ask(lambda: NAMED.renew(rows, 9_000, "one"))
    assert ask(lambda: rows.values_list("updated_at", "title").get()) == (9_000, "one")


def test_a_worker_that_was_paused_finds_that_another_has_it(rows: Any) -> None:
    assert ask(lambda: NAMED.take(rows, 1_000, 6_000, who="paused"))
    assert ask(lambda: NAMED.take(rows, 6_000, 11_000, who="other"))
    assert not ask(lambda: NAMED.renew(rows, 12_000, "paused"))
    ask(lambda: NAMED.release(rows, "paused"))
    assert ask(lambda: rows.values_list("updated_at", "title").get()) == (11_000, "other")


def test_what_was_given_back_is_for_the_next_one_at_once(rows: Any) -> None:
    assert ask(lambda: NAMED.take(rows, 1_000, 6_000, who="one"))
    ask(lambda: NAMED.release(rows, "one"))
    assert ask(lambda: NAMED.take(rows, 1_001, 6_001, who="other"))


def test_a_plan_that_was_changed_since_it_was_read_is_not_claimed(rows: Any) -> None:
    ask(lambda: rows.update(updated_at=500))
    assert not ask(lambda: NAMELESS.take(rows, 1_000, 6_000, seen=0))
    assert ask(lambda: NAMELESS.take(rows, 1_000, 6_000, seen=500))


def test_what_is_no_longer_to_be_done_is_not_claimed_and_changes_nothing(rows: Any) -> None:
    assert not ask(lambda: NAMELESS.take(rows.filter(agent="b"), 1_000, 6_000, fence=9))
    assert ask(lambda: NAMELESS.take(rows.filter(agent="a"), 1_000, 6_000, fence=7))
    assert ask(lambda: rows.values_list("updated_at", "fence").get()) == (6_000, 7)
