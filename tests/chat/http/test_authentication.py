"""Guessing passwords is slow, and being slowed down tells nothing (W11)."""

import base64
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from chat.http import devices
from chat.http.addresses import network_of
from chat.http.authentication import ADDRESS, NAME, PAIR, Guesses, guesses
from tests.support.processes import password

LOGIN = "/accounts/login/"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def fresh() -> Any:
    """Nobody has guessed, and time stands still: on a busy machine a hundred logins take as long as the next try."""
    guesses.forget()
    kept, guesses.clock = guesses.clock, Clock()
    yield
    guesses.clock = kept
    guesses.forget()


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


def test_an_IPv6_client_counts_by_its_network_and_an_IPv4_one_by_its_address() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("::ffff:10.0.0.7") == network_of("10.0.0.7") == "10.0.0.7"
    assert network_of("") == "" and network_of("unix") == "unix"


@pytest.mark.django_db
def test_somebody_with_a_whole_IPv6_network_has_the_tries_of_one_address(client: Any, alice: Any) -> None:
    for number in range(PAIR[0]):
        wrong = {"username": "alice", "password": "wrong"}
        client.post(LOGIN, wrong, REMOTE_ADDR=f"2001:db8:1:2::{number:x}")
    right = {"username": "alice", "password": password("alice")}
    assert client.post(LOGIN, right, REMOTE_ADDR="2001:db8:1:2:ffff::1").status_code == 429
    assert client.post(LOGIN, right, REMOTE_ADDR="2001:db8:1:3::1").status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("page", [LOGIN, "/admin/login/"])
def test_whoever_has_logged_in_with_this_browser_before_is_let_in_whatever_others_try(
    page: str, client: Any, alice: Any, bob: Any
) -> None:
    alice.is_staff = True
    alice.save()
    right = {"username": "alice", "password": password("alice")}
    assert client.post(page, right).status_code == 302
    client.post("/accounts/logout/")
    for number in range(NAME[0]):
        address = f"10.0.0.{number % 250}"
        Client().post(LOGIN, {"username": "alice", "password": "wrong"}, REMOTE_ADDR=address)
    assert Client().post(LOGIN, right, REMOTE_ADDR="10.9.9.9").status_code == 429, "a stranger's browser"
    assert client.post(page, right).status_code == 302
    assert "_auth_user_id" in client.session


@pytest.mark.django_db
def test_a_known_browser_has_tries_of_its_own_that_run_out_and_only_for_its_own_names(
    client: Any, alice: Any, bob: Any
) -> None:
    client.post(LOGIN, {"username": "alice", "password": password("alice")})
    client.post("/accounts/logout/")
    for _ in range(PAIR[0]):
        client.post(LOGIN, {"username": "alice", "password": "wrong"})
    right = {"username": "alice", "password": password("alice")}
    assert client.post(LOGIN, right).status_code == 429, "also a cookie that was taken guesses no faster"
    assert Client().post(LOGIN, right).status_code == 302, "its tries cost nobody else anything"
    for _ in range(PAIR[0]):
        client.post(LOGIN, {"username": "bob", "password": "wrong"})
    assert Client().post(LOGIN, {"username": "bob", "password": password("bob")}).status_code == 429


@pytest.mark.django_db
def test_the_cookie_of_a_known_browser_is_signed_hidden_from_scripts_and_names_nobody(
    client: Any, alice: Any
) -> None:
    answer = client.post(LOGIN, {"username": "alice", "password": password("alice")})
    cookie = answer.cookies[settings.HOLDFAST_DEVICE_COOKIE]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/"
    kept = base64.urlsafe_b64decode(cookie.value.split(":")[0] + "==")
    assert b"alice" not in kept
    request = RequestFactory().get("/")
    request.COOKIES[settings.HOLDFAST_DEVICE_COOKIE] = cookie.value
    assert devices.device_of(request, "Alice") and not devices.device_of(request, "bob")
    for forged in ("", "x", cookie.value[:-1] + ("A" if cookie.value[-1] != "A" else "B"), "W10:1:x"):
        request.COOKIES[settings.HOLDFAST_DEVICE_COOKIE] = forged
        assert devices.device_of(request, "alice") == "", forged
    wrong = Client().post(LOGIN, {"username": "alice", "password": "wrong"})
    assert settings.HOLDFAST_DEVICE_COOKIE not in wrong.cookies
