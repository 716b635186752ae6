"""Guessing passwords is slow, and being slowed down tells nothing (W11)."""

from typing import Any

import pytest

from chat.http.authentication import ADDRESS, NAME, PAIR, Guesses, guesses
from tests.support.processes import password

LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def fresh() -> Any:
    guesses.forget()
    yield
    guesses.forget()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_tries_for_one_name_from_one_address_run_out_and_come_back() -> None:
    clock = Clock()
    some = Guesses(clock)
    assert [some.begin("Alice", "1.1.1.1") for _ in range(PAIR[0])] == [0] * PAIR[0]
    assert some.begin("alice", "1.1.1.1") == PAIR[1], "names that differ in case are one"
    assert some.begin("alice", "2.2.2.2") == 0 and some.begin("bob", "1.1.1.1") == 0
    clock.now += PAIR[1]
    assert some.begin("alice", "1.1.1.1") == 0
    assert some.begin("alice", "1.1.1.1") > 0


def test_tries_for_many_names_from_one_address_and_for_one_name_from_many_run_out() -> None:
    some = Guesses(Clock())
    assert not any(some.begin(f"user{n}", "1.1.1.1") for n in range(ADDRESS[0]))
    assert some.begin("another", "1.1.1.1") > 0
    some.forget()
    assert not any(some.begin("alice", f"1.1.{n}.1") for n in range(NAME[0]))
    assert some.begin("alice", "9.9.9.9") > 0


def test_a_right_password_costs_nothing() -> None:
    some = Guesses(Clock())
    for _ in range(1000):
        assert some.begin("alice", "1.1.1.1") == 0
        some.passed("alice", "1.1.1.1")


@pytest.mark.django_db
@pytest.mark.parametrize("page", [LOGIN, "/admin/login/"])
def test_after_too_many_wrong_ones_the_right_one_is_not_looked_at_either(
    page: str, client: Any, alice: Any, caplog: pytest.LogCaptureFixture
) -> None:
    alice.is_staff = True
    alice.save()
    right = {"username": "alice", "password": password("alice")}
    for _ in range(PAIR[0]):
        client.post(page, right | {"password": "wrong-secret-guess"})
    refused = client.post(page, right)
    assert "_auth_user_id" not in client.session
    assert "alice" not in caplog.text and "secret" not in caplog.text
    if page == LOGIN:
        assert refused.status_code == 429 and int(refused["Retry-After"]) > 0
        assert b"Too many wrong tries" in refused.content
    guesses.forget()
    assert client.post(page, right).status_code == 302
    assert "_auth_user_id" in client.session
