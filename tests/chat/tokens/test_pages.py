"""The page on which people make and revoke tokens, and what staff see of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from chat.support.clock import now_ms
from chat.tokens import store
from chat.tokens.models import ApiToken

PAGE = "/accounts/tokens/"
FORM = {"name": "CI", "scopes": ["read", "write"], "days": "30", "per_minute": "60"}


@pytest.fixture
def client(alice: Any) -> Client:
    made = Client()
    made.force_login(alice)
    return made


def shown(answer: Any) -> str | None:
    found = re.search(r'data-testid="token">([^<]+)<', answer.content.decode())
    return found and found[1]


def test_a_token_is_made_and_shown_once(client: Client, alice: Any) -> None:
    answer = client.post(PAGE, FORM)
    text = shown(answer)
    assert text is not None and answer["Cache-Control"].count("no-store") == 1
    found = store.find(text, now_ms())
    assert found is not None and (found.user, found.scopes, found.per_minute) == (
        alice.pk,
        {"read", "write"},
        60,
    )
    again = client.get(PAGE)
    assert shown(again) is None and text not in again.content.decode()
    assert "CI" in again.content.decode() and text[:13] in again.content.decode()


def test_it_is_revoked_by_its_owner_and_by_nobody_else(client: Client, bob: Any) -> None:
    text = shown(client.post(PAGE, FORM)) or ""
    row = ApiToken.objects.get()
    other = Client()
    other.force_login(bob)
    assert other.post(PAGE, {"revoke": str(row.pk)}).status_code == 302
    assert store.find(text, now_ms()) is not None
    assert client.post(PAGE, {"revoke": str(row.pk)}).status_code == 302
    assert store.find(text, now_ms()) is None
    assert "revoked" in client.get(PAGE).content.decode()


@pytest.mark.parametrize("revoke", ["", "²", "x" * 500, "\0"])
def test_what_is_no_token_is_revoked_without_harm(client: Client, revoke: str) -> None:
    assert client.post(PAGE, {"revoke": revoke}).status_code == 302


@pytest.mark.parametrize("field", ["name", "scopes", "days", "per_minute"])
def test_what_is_wrong_is_told_at_its_field(client: Client, field: str) -> None:
    answer = client.post(PAGE, {**FORM, field: ["<b>²" * 30] if field == "scopes" else "<b>²" * 30})
    assert answer.status_code == 200 and 'role="alert"' in answer.content.decode()
    assert not ApiToken.objects.exists() and "<b>²" not in answer.content.decode()


def test_without_a_login_or_a_csrf_token_there_is_nothing(alice: Any) -> None:
    assert Client().get(PAGE)["Location"].startswith("/accounts/login/")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(PAGE, FORM).status_code == 403 and not ApiToken.objects.exists()


def test_it_speaks_chinese(client: Client) -> None:
    page = client.get(PAGE, headers={"Accept-Language": "zh-CN"}).content.decode()
    assert 'lang="zh-Hans"' in page and "API 令牌" in page and "Make a token" not in page


class TestAdmin:
    def test_staff_see_whose_and_what_for_and_never_the_secret(self, client: Client, charlie: Any) -> None:
        text = shown(client.post(PAGE, FORM)) or ""
        row = ApiToken.objects.get()
        admin = Client()
        admin.force_login(charlie)
        pages = [
            admin.get("/admin/tokens/apitoken/").content.decode(),
            admin.get(f"/admin/tokens/apitoken/{row.pk}/change/").content.decode(),
        ]
        for page in pages:
            assert "alice" in page and row.hint in page and "read, write" in page
            assert text not in page and row.digest not in page
        assert admin.get("/admin/tokens/apitoken/add/").status_code == 403

    def test_staff_with_the_permission_revoke(self, client: Client, charlie: Any) -> None:
        text = shown(client.post(PAGE, FORM)) or ""
        row = ApiToken.objects.get()
        admin = Client()
        admin.force_login(charlie)
        chosen = {"action": "revoke", "_selected_action": str(row.pk)}
        assert admin.post("/admin/tokens/apitoken/", chosen).status_code == 302
        assert store.find(text, now_ms()) is None
        row.refresh_from_db()
        assert row.revoked_by == "charlie"

    def test_staff_who_may_only_look_do_not(self, client: Client, bob: Any) -> None:
        text = shown(client.post(PAGE, FORM)) or ""
        bob.is_staff = True
        bob.save()
        bob.user_permissions.add(Permission.objects.get(codename="view_apitoken"))
        looker = Client()
        looker.force_login(bob)
        chosen = {"action": "revoke", "_selected_action": str(ApiToken.objects.get().pk)}
        looker.post("/admin/tokens/apitoken/", chosen)
        assert store.find(text, now_ms()) is not None
