"""Secret addresses, signatures, and what a body says."""

import hashlib
import hmac
import uuid

import pytest
from django.http.request import HttpHeaders

from chat.entrances.triggers import hooks


def test_an_address_is_secret_and_another_salt_is_another_one(settings):
    trigger, salt = uuid.uuid4(), hooks.new_salt()
    token = hooks.token_of(trigger, salt)
    assert len(token) == 43
    assert hooks.is_token(token, trigger, salt)
    assert not hooks.is_token(token, trigger, hooks.new_salt())
    assert not hooks.is_token(token, uuid.uuid4(), salt)
    assert not hooks.is_token("", trigger, salt) and not hooks.is_token("é" * 43, trigger, salt)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert hooks.is_token(token, trigger, salt)
    settings.SECRET_KEY_FALLBACKS = []
    assert not hooks.is_token(token, trigger, salt)


def test_signatures():
    right = hmac.new(b"s3cret", b"body", hashlib.sha256).hexdigest()
    assert hooks.is_signed(b"body", f"sha256={right}", "s3cret")
    assert hooks.is_signed(b"body", right.upper(), "s3cret")
    for wrong in ("", "sha256=", right[:-1], f"sha1={right}", "é"):
        assert not hooks.is_signed(b"body", wrong, "s3cret")
    assert not hooks.is_signed(b"bodY", right, "s3cret")


def test_deliveries_are_named_by_known_headers_or_by_the_one_that_is_set():
    headers = HttpHeaders({"HTTP_X_GITHUB_DELIVERY": "d1", "HTTP_X_OURS": "d2"})
    assert hooks.delivery_of(headers, "") == "d1"
    assert hooks.delivery_of(headers, "X-Ours") == "d2"
    assert hooks.delivery_of(headers, "X-Missing") == ""
    long = HttpHeaders({"HTTP_WEBHOOK_ID": "x" * 500})
    assert len(hooks.delivery_of(long, "")) == 64


@pytest.mark.parametrize(
    ("body", "kind", "payload"),
    [
        (b'{"a": [1]}', "application/json", {"a": [1]}),
        (b'{"a": 1}', "text/plain", {"a": 1}),
        (b"hello", "application/json", "hello"),
        (b"", "", ""),
        (b"a=1&b=x%20y", "application/x-www-form-urlencoded; charset=utf-8", {"a": "1", "b": "x y"}),
        (b"payload=%7B%22a%22%3A1%7D", "application/x-www-form-urlencoded", {"a": 1}),
        (b"[" * 60_000, "application/json", "[" * 60_000),
        (b"[" * 200 + b"]" * 200, "application/json", "[" * 200 + "]" * 200),
        (b"\xff", "", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_what_a_body_says(body, kind, payload):
    assert hooks.payload_of(body, kind) == payload
