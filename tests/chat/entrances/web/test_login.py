"""Whose login a socket's cookie is (rule W11), looked up for many at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from chat.entrances.web.login import logged_in, session_key
from chat.http.sessions import SessionStore

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def people(django_user_model: Any) -> dict[str, str]:
    """The session keys of three who are logged in, by name."""
    found = {}
    for name in ("alice", "bob", "charlie"):
        client = Client()
        client.force_login(django_user_model.objects.create_user(name, password=f"{name}-password"))
        found[name] = client.cookies["sessionid"].value
    return found


async def who(key: str | None) -> str | None:
    user = await logged_in(key)
    return user.get_username() if user is not None else None


async def test_W11_each_of_many_who_ask_at_once_is_told_who_it_is(people: dict[str, str]) -> None:
    keys = [people["bob"], "made-up", people["alice"], people["bob"], None, "x" * 1_000, people["charlie"]]
    found = await asyncio.gather(*(who(key) for key in keys))
    assert found == ["bob", None, "alice", "bob", None, None, "charlie"]


async def test_W11_a_login_that_has_run_out_is_none(people: dict[str, str]) -> None:
    past = timezone.now() - timedelta(seconds=1)
    await Session.objects.filter(session_key=people["alice"]).aupdate(expire_date=past)
    assert (await who(people["alice"]), await who(people["bob"])) == (None, "bob")


async def test_W11_a_login_from_before_a_new_password_is_none(
    people: dict[str, str], django_user_model: Any
) -> None:
    alice = await django_user_model.objects.aget(username="alice")
    await sync_to_async(alice.set_password)("another-password")
    await alice.asave()
    assert await who(people["alice"]) is None


async def test_W11_a_disabled_user_has_no_login(people: dict[str, str], django_user_model: Any) -> None:
    await django_user_model.objects.filter(username="alice").aupdate(is_active=False)
    assert await who(people["alice"]) is None


async def test_W11_a_login_by_a_way_in_that_is_closed_by_now_is_none(people: dict[str, str]) -> None:
    def enter_otherwise() -> None:
        session = SessionStore(people["alice"])
        session[BACKEND_SESSION_KEY] = "somebody.elses.Backend"
        session.save()

    await sync_to_async(enter_otherwise)()
    assert await who(people["alice"]) is None


async def test_W11_a_session_that_was_tampered_with_is_no_login(people: dict[str, str]) -> None:
    await Session.objects.filter(session_key=people["alice"]).aupdate(session_data="nonsense")
    assert (await who(people["alice"]), await who(people["bob"])) == (None, "bob")


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ([(b"cookie", b"sessionid=abc")], "abc"),
        ([(b"cookie", b"csrftoken=x; sessionid=abc; other=y")], "abc"),
        ([(b"cookie", b"a=1"), (b"cookie", b"sessionid=abc")], "abc"),
        ([(b"cookie", b"\xff\xfe;;;==sessionid")], None),
        ([], None),
    ],
)
def test_the_key_is_taken_from_whatever_cookies_came(headers: Any, key: str | None) -> None:
    assert session_key({"headers": headers}) == key
