"""The Sentinels of tests/support/sentinel.py do what they are there for."""

from tests.support.sentinel import Watched


def test_primaries_hand_over_and_are_replaced() -> None:
    with Watched() as watched:
        first = watched.primary_port()
        second = watched.fail_over()
        assert second != first
        with watched.client(second) as client:
            assert client.set("mark", "1")
            client.wait(1, 5_000)
        watched.primary().kill()
        assert watched.wait_for_another(second) == first
        with watched.client(first) as client:
            assert client.get("mark") == "1"
