"""The admin's first page says when a machine's clock is not the store's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from chat.support.clock import MACHINE
from tests.support.ports import claim_port


@pytest.fixture
def ten_minutes_ahead() -> Iterator[None]:
    """As if Redis had told a time that is ten minutes earlier than this machine's."""
    MACHINE.learn(MACHINE.moment, time.time() * 1000 - 600_000)
    yield
    MACHINE.learn(MACHINE.moment, time.time() * 1000)


@pytest.mark.django_db(transaction=True)
def test_a_clock_that_differs_is_told_on_the_first_page(
    client: Any, charlie: Any, ten_minutes_ahead: None, settings: Any
) -> None:
    """Also while Redis is away: what it told before is known here."""
    settings.HOLDFAST_REDIS_URL = f"redis://127.0.0.1:{claim_port()}/0"
    client.force_login(charlie)
    assert "is 600 s ahead of Redis" in client.get("/admin/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_clocks_that_agree_are_not_spoken_of(client: Any, charlie: Any) -> None:
    client.force_login(charlie)
    assert "NTP" not in client.get("/admin/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_who_may_not_see_runs_is_told_nothing(client: Any, charlie: Any, ten_minutes_ahead: None) -> None:
    charlie.is_superuser = False
    charlie.save()
    client.force_login(charlie)
    assert "600 s" not in client.get("/admin/").content.decode()
