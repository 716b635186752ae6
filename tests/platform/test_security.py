"""What every page owes to the browser and to strangers, whoever added the page (W11)."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from tests.support.processes import password

CHAT = "/c/01a202bc-6140-7342-bd52-a6d78915b663"
PAGES = [
    "/",
    CHAT,
    "/accounts/login/",
    "/accounts/password/",
    "/admin/login/",
    "/admin/",
    "/admin/agents/agent/",
    "/admin/agents/agent/add/",
    "/admin/chat/conversation/",
    "/admin/chat/run/",
    "/admin/chat/call/",
    "/admin/auth/user/",
    "/api/boot",
    "/api/nothing",
    "/nothing/here",
    "/healthz",
]
#: Addresses that need no login: the login itself, health, and what entrances of machines sign.
OPEN = ("healthz", "readyz", "accounts/login/", "accounts/logout/", "admin/", "feishu/")


@pytest.fixture
def root(admin_user: Any) -> Client:
    """An administrator's browser; errors are pages, as for people."""
    client = Client(raise_request_exception=False)
    client.force_login(admin_user)
    return client


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.django_db
def test_every_page_has_the_policy_and_the_headers(path: str, root: Client) -> None:
    for client in (root, Client()):
        answer = client.get(path)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy, path
        assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"


def test_cookies_cannot_be_read_by_scripts_or_sent_from_other_sites(client: Client, alice: Any) -> None:
    client.get("/accounts/login/")
    client.post("/accounts/login/", {"username": "alice", "password": password("alice")})
    assert client.cookies["csrftoken"]["samesite"] == "Lax"
    assert client.cookies["sessionid"]["samesite"] == "Lax" and client.cookies["sessionid"]["httponly"]


@pytest.mark.django_db
def test_W11_without_a_login_nothing_but_the_entrance_answers() -> None:
    """Walks over all addresses, so that a new view without a check is found."""
    stranger = Client(raise_request_exception=False)
    values = {
        "conversation": uuid.uuid4(),
        "call": "c",
        "rest": "x",
        "attachment": uuid.uuid4(),
        "id": uuid.uuid4(),
    }
    seen = 0
    for route in _routes():
        if route.startswith(OPEN):
            continue
        path = "/" + _filled(route, values)
        for method in ("get", "post"):
            answer = getattr(stranger, method)(path)
            refused = answer.status_code in (401, 403, 404, 405)
            to_login = answer.status_code == 302 and answer["Location"].startswith("/accounts/login/")
            assert refused or to_login, (method, path, answer.status_code)
        seen += 1
    assert seen >= 8


def _routes() -> list[str]:
    found: list[str] = []
    for pattern in get_resolver().url_patterns:
        inner = getattr(pattern, "url_patterns", None)
        base = str(pattern.pattern)
        found += [base] if inner is None else [base + str(each.pattern) for each in inner]
    return found


def _filled(route: str, values: dict[str, Any]) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda name: str(values.get(name[1], uuid.uuid4())), route)


@pytest.mark.django_db
def test_the_provider_key_is_on_no_page(settings: Any, root: Client) -> None:
    settings.OPENAI_API_KEY = "sk-canary-0123456789abcdef"
    for path in PAGES:
        assert b"sk-canary" not in root.get(path).content, path


@pytest.mark.django_db
def test_a_request_that_is_too_large_is_refused(root: Client) -> None:
    answer = root.post("/accounts/login/", {"username": "a" * 2_000_000, "password": "b"})
    assert answer.status_code == 400
