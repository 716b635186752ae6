"""The reference's vectors, and everything that must be refused."""

import base64
import json

import pytest

from chat.entrances.feishu.signature import Challenge, FeishuEvent, Untrusted, decrypt, open_request
from tests.support.feishu_events import encrypt, signed

TOKEN, KEY = "token-1", "k1"
EVENT = {
    "schema": "2.0",
    "header": {"event_id": "e1", "token": TOKEN, "event_type": "im.message.receive_v1", "app_id": "cli_1"},
    "event": {"message": {"message_id": "om_1"}},
}


def refused(raw, headers=None, key=KEY, token=TOKEN):
    with pytest.raises(Untrusted):
        open_request(raw, headers or {}, encrypt_key=key, token=token)
    return True


def test_the_documented_vector_is_decrypted():
    assert decrypt("test key", "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=") == b"hello world"


def test_the_vector_with_a_known_iv():
    sealed = "MDEyMzQ1Njc4OWFiY2RlZlOP+XjZ2FFA8LYVx2vF6L0="
    assert decrypt("k1", sealed) == b'{"a":1}'
    assert encrypt("k1", b'{"a":1}', iv=b"0123456789abcdef") == sealed


def test_a_signed_encrypted_event_is_opened():
    raw, headers = signed(EVENT, KEY)
    opened = open_request(raw, headers, encrypt_key=KEY, token=TOKEN)
    assert opened == FeishuEvent(EVENT["header"], EVENT["event"])


def test_without_a_key_the_token_decides():
    raw = json.dumps(EVENT).encode()
    assert isinstance(open_request(raw, {}, encrypt_key="", token=TOKEN), FeishuEvent)
    assert refused(raw, key="", token="another")
    assert refused(raw, key="", token="")


def test_the_challenge_needs_no_signature_but_the_token():
    ask = {"type": "url_verification", "token": TOKEN, "challenge": 'a"b'}
    sealed = json.dumps({"encrypt": encrypt(KEY, json.dumps(ask).encode())}).encode()
    assert open_request(sealed, {}, encrypt_key=KEY, token=TOKEN) == Challenge('a"b')
    assert open_request(json.dumps(ask).encode(), {}, encrypt_key="", token=TOKEN) == Challenge('a"b')
    assert refused(json.dumps(ask).encode())
    wrong = json.dumps({"encrypt": encrypt(KEY, json.dumps({**ask, "token": "x"}).encode())}).encode()
    assert refused(wrong)


def test_wrong_signatures_and_missing_headers_are_refused():
    raw, headers = signed(EVENT, KEY)
    assert refused(raw, {**headers, "x-lark-signature": "0" * 64})
    assert refused(raw, {**headers, "x-lark-signature": "ü"})
    for name in headers:
        assert refused(raw, {k: v for k, v in headers.items() if k != name})
    assert refused(raw + b" ", headers)
    assert refused(*signed(EVENT, "another key"))


def test_signed_plaintext_is_refused_when_a_key_is_set():
    raw = json.dumps(EVENT).encode()
    _, headers = signed(EVENT, KEY, raw=raw)
    assert refused(raw, headers)


@pytest.mark.parametrize(
    "sealed",
    [
        "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzg",  # truncated base64
        base64.b64encode(b"x" * 16).decode(),  # nothing after the IV
        base64.b64encode(b"x" * 40).decode(),  # no whole block
        base64.b64encode(b"x" * 48).decode(),  # bad padding
        pytest.param(encrypt("test key", b""), id="empty"),  # its IV is random, and a test's name must not be
        "not base64 at all!",
        None,
        7,
    ],
)
def test_what_cannot_be_decrypted_is_refused(sealed):
    with pytest.raises(Untrusted):
        decrypt("test key", sealed)


@pytest.mark.parametrize("raw", [b"", b"[]", b"nonsense", b"\xff", b"[" * 100_000, b'{"header": 1}'])
def test_what_is_no_event_is_refused(raw):
    assert refused(raw, key="")
