"""The Sentinels of tests/support/sentinel.py do what they are there for."""

import pytest

from tests.support.sentinel import Watched
from tests.support.waiting import wait_until


@pytest.mark.exhaustive
def test_primaries_hand_over_and_are_replaced() -> None:
    with Watched() as watched:
        first = watched.primary_port()
        second = watched.fail_over()
        assert second != first
        with watched.client(second) as client:
            assert client.set("mark", "1")
            # The former primary is told to follow only after a while.
            wait_until(lambda: client.wait(1, 1_000) == 1, 30, "the former primary to have the mark")
        watched.primary().kill()
        assert watched.wait_for_another(second) == first
        with watched.client(first) as client:
            assert client.get("mark") == "1"
