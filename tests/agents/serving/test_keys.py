"""A stored key opens for the address that it was entered for, and for no other."""

from typing import Any

import pytest
from cryptography.fernet import Fernet

from agents.serving.keys import canonical, environment_key, key_state, open_key, seal_key
from chat.support.encryption import seal

ADDRESS = "https://api.example.com/v1"


def test_a_key_is_unreadable_as_stored_and_opens_for_its_address():
    sealed = seal_key("sk-secret", ADDRESS)
    assert "sk-secret" not in sealed and "example" not in sealed
    assert open_key(sealed, ADDRESS) == "sk-secret" and key_state(sealed, ADDRESS) == "stored"


@pytest.mark.parametrize(
    "spelled",
    ["https://API.example.com/v1/", "https://api.example.com:443/v1", " https://api.example.com/v1 "],
)
def test_another_spelling_is_the_same_address(spelled: str):
    assert open_key(seal_key("k", ADDRESS), spelled) == "k"


@pytest.mark.parametrize(
    "other",
    [
        "http://api.example.com/v1",
        "https://api.example.com:8443/v1",
        "https://api.example.com/v2",
        "https://api.example.com.evil.example/v1",
        "https://evil.example/v1",
        "",
    ],
)
def test_at_another_address_there_is_no_key(other: str):
    sealed = seal_key("k", ADDRESS)
    assert open_key(sealed, other) == "" and key_state(sealed, other) == "other_address"


def test_another_secret_key_opens_nothing_and_a_fallback_of_it_does(settings: Any):
    sealed, before = seal_key("k", ADDRESS), settings.SECRET_KEY
    settings.SECRET_KEY = "another-" + "y" * 50
    assert open_key(sealed, ADDRESS) == "" and key_state(sealed, ADDRESS) == "unreadable"
    settings.SECRET_KEY_FALLBACKS = [before]
    assert open_key(sealed, ADDRESS) == "k"


def test_what_was_sealed_for_another_purpose_does_not_open_as_a_key():
    assert key_state(seal('{"address": "https://api.example.com/v1", "key": "k"}'), ADDRESS) == "unreadable"
    assert key_state(Fernet(Fernet.generate_key()).encrypt(b"{}").decode(), ADDRESS) == "unreadable"
    assert key_state("", ADDRESS) == "none" and seal_key("", ADDRESS) == ""


def test_the_environments_keys_go_to_their_own_servers_only(settings: Any):
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = "https://main.example/v1", "main"
    settings.HOLDFAST_MODEL_KEYS = {"https://spare.example": "spare"}
    assert environment_key("https://main.example/other") == "main"
    assert environment_key("https://spare.example/v1") == "spare"
    assert environment_key("https://evil.example/v1") == environment_key("http://main.example/v1") == ""


def test_canonical_keeps_what_is_no_address():
    assert canonical(" base_url 5 ") == "base_url 5"
    assert canonical("http://[::1]:8080/v1/") == "http://[::1]:8080/v1"
