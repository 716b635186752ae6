"""The token of a hello: of one session, and computed from nothing that another page can read (rule W11)."""

from __future__ import annotations

from typing import Any

from django.test import Client

from chat.entrances.web.greeting import is_token_of, token_of

KEY = "the-key-of-a-session"


def test_W11_it_is_of_one_session() -> None:
    token = token_of(KEY)
    assert is_token_of(KEY, token)
    assert not is_token_of("another", token) and not is_token_of(None, token)
    assert not is_token_of(KEY, "") and not is_token_of(KEY, token[:-1]) and not is_token_of(KEY, token + "0")
    assert KEY not in token


def test_W11_without_a_session_there_is_none(settings: Any) -> None:
    assert token_of(None) == token_of("") == ""
    assert not is_token_of(None, "") and not is_token_of("", "")


def test_W11_it_outlives_a_secret_key_that_is_being_replaced(settings: Any) -> None:
    token = token_of(KEY)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-secret" * 5, [settings.SECRET_KEY]
    assert token_of(KEY) != token and is_token_of(KEY, token)
    settings.SECRET_KEY_FALLBACKS = []
    assert not is_token_of(KEY, token)


def test_W11_page_and_boot_data_tell_it_to_the_login_and_each_login_has_its_own(
    client: Client, alice: Any
) -> None:
    told = []
    for _ in range(2):
        client.force_login(alice)
        key = client.cookies["sessionid"].value
        boot = client.get("/api/boot")
        token = boot.json()["hello_token"]
        assert token == token_of(key) and "no-store" in boot["Cache-Control"]
        page = client.get("/")
        if page.status_code == 200:  # 503 without a built frontend
            assert f'data-hello="{token}"' in page.content.decode() and "no-store" in page["Cache-Control"]
        told.append(token)
        client.logout()
    assert told[0] != told[1]
