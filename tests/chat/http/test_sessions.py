"""Whom the release before has let in stays logged in, and the other way round (docs/upgrading.md)."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DjangosOwn
from django.test import Client

from chat.http.sessions import RUNNING, STORED
from tests.support.processes import password

pytestmark = pytest.mark.django_db


def logged_in(person: Any) -> Client:
    """Through the login page."""
    client = Client()
    client.post("/accounts/login/", {"username": person.username, "password": password(person.username)})
    return client


def status(client: Client) -> int:
    return client.get("/api/boot").status_code


def test_a_session_names_the_backend_as_the_release_before_does(alice: Any) -> None:
    client = logged_in(alice)
    assert status(client) == 200
    assert DjangosOwn(client.cookies["sessionid"].value)[BACKEND_SESSION_KEY] == STORED


def test_a_session_of_the_release_before_is_logged_in(alice: Any) -> None:
    client = logged_in(alice)
    theirs = DjangosOwn(client.cookies["sessionid"].value)
    theirs["shown"] = 1
    theirs.save()
    assert status(client) == 200 and client.session["shown"] == 1


def test_a_session_of_another_backend_is_not(alice: Any) -> None:
    client = logged_in(alice)
    other = DjangosOwn(client.cookies["sessionid"].value)
    other[BACKEND_SESSION_KEY] = "somebody.elses.Backend"
    other.save()
    assert status(client) == 401


def test_the_backend_of_this_release_is_the_one_that_is_renamed() -> None:
    assert settings.AUTHENTICATION_BACKENDS == [RUNNING]
