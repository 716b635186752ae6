"""The webhook: what is stored, what is refused, and how fast."""

import json
import time

import pytest
from django.db import connection

from chat.entrances.feishu.models import FeishuApp, FeishuMessage
from tests.chat.entrances.feishu.conftest import make_app
from tests.support.feishu_events import action_event, encrypt, message_event, recall_event, signed

URL = "/feishu/bot/events"


def post(client, event, *, key="k1", url=URL, **changed):
    raw, headers = signed(event, key)
    return client.post(url, raw, content_type="application/json", headers={**headers, **changed})


def test_a_message_is_stored_once_however_often_it_comes(client, app):
    event = message_event("hello", message_id="om_1", at_ms=1_700_000_000_000)
    for _ in range(5):
        event["header"]["event_id"] += "x"  # it may change between two deliveries
        answer = post(client, event)
        assert answer.status_code == 200 and answer.json() == {}
    row = FeishuMessage.objects.get()
    assert (row.message_id, row.state, row.sent_at) == ("om_1", "received", 1_700_000_000_000)
    assert row.received_at and row.answered_at is None


def test_two_apps_in_one_group_both_get_the_message(client, app):
    make_app(slug="other", app_id="cli_2")
    for url, app_id in ((URL, "cli_1"), ("/feishu/other/events", "cli_2")):
        assert post(client, message_event("hi", message_id="om_1", app_id=app_id), url=url).status_code == 200
    assert FeishuMessage.objects.count() == 2


def test_an_old_message_is_not_dropped_for_its_age(client, app):
    assert post(client, message_event("late", at_ms=1_000)).status_code == 200
    assert FeishuMessage.objects.get().sent_at == 1_000


@pytest.mark.parametrize(
    "event",
    [
        message_event("I am a bot", sender_type="app"),
        {
            **message_event("x"),
            "header": {**message_event("x")["header"], "event_type": "im.chat.updated_v1"},
        },
        message_event("no ids", chat="c" * 101),
    ],
    ids=["bot", "unknown type", "broken"],
)
def test_what_is_not_for_us_is_answered_without_work(client, app, event):
    assert post(client, event).status_code == 200
    assert not FeishuMessage.objects.exists()


def test_the_wrong_gets_401_and_an_empty_body(client, app):
    event = message_event("hello")
    answers = [
        post(client, event, key="wrong"),
        post(client, event, **{"x-lark-signature": "0"}),
        client.post(URL, json.dumps(event), content_type="application/json"),
        client.post(URL, "{", content_type="application/json"),
        post(client, event, url="/feishu/nobody/events"),
        post(client, message_event("x", token="wrong")),
        post(client, message_event("x", app_id="cli_9")),
    ]
    assert [answer.status_code for answer in answers] == [401] * 7
    assert {answer.content for answer in answers} == {b""}
    assert not FeishuMessage.objects.exists()
    assert client.get(URL).status_code == 405


def test_a_disabled_app_is_as_if_it_were_not_there(client, app):
    FeishuApp.objects.update(enabled=False)
    assert post(client, message_event("hello")).status_code == 401


def test_a_huge_body_is_not_read(client, app):
    for size in (600_000, 2_000_000):
        assert client.post(URL, "x" * size, content_type="application/json").status_code == 413


def test_the_challenge_is_answered(client, app):
    ask = {"type": "url_verification", "token": "token-1", "challenge": 'a"b'}
    sealed = {"encrypt": encrypt("k1", json.dumps(ask).encode())}
    began = time.monotonic()
    answer = client.post(URL, json.dumps(sealed), content_type="application/json")
    assert answer.json() == {"challenge": 'a"b'} and time.monotonic() - began < 3  # as long as Feishu waits


def test_a_button_is_stored_and_answered_with_a_toast(client, app):
    event = action_event({"act": "stop", "lane": 1, "thread": "omt_1"})
    answer = post(client, event)
    assert answer.json()["toast"]["type"] == "info"
    row = FeishuMessage.objects.get()
    assert row.message_id.startswith("action:") and row.thread_id == "omt_1"
    assert 1_600_000_000_000 < row.sent_at < 10_000_000_000_000
    post(client, event)
    assert FeishuMessage.objects.count() == 1


def test_secrets_are_encrypted_in_the_database(app):
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, encrypt_key, verification_token FROM chat_feishuapp")
        stored = cursor.fetchone()
    assert not any(text in " ".join(stored) for text in ("the-app-secret", "token-1"))
    assert all(text.startswith("gAAAA") for text in stored)
    assert FeishuApp.objects.get().secret == "the-app-secret"


def test_another_secret_key_opens_nothing_and_an_old_one_still_does(app, settings, caplog):
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "another" * 10
    assert FeishuApp.objects.get().secret == ""
    assert "enter it again" in caplog.text
    settings.SECRET_KEY_FALLBACKS = [old]
    assert FeishuApp.objects.get().secret == "the-app-secret"


def test_a_message_that_is_taken_back_while_it_waits_is_withdrawn(client, app):
    post(client, message_event("secret", message_id="om_1"))
    assert post(client, recall_event("om_1")).status_code == 200
    row = FeishuMessage.objects.get()
    assert (row.state, row.reason) == ("ignored", "recalled") and "secret" not in json.dumps(row.event)
    assert post(client, message_event("secret", message_id="om_1")).status_code == 200  # delivered again
    assert FeishuMessage.objects.get().state == "ignored"


def test_a_message_that_is_taken_back_later_is_noted(client, app):
    post(client, message_event("read", message_id="om_1"))
    FeishuMessage.objects.update(state="taken")
    for _ in range(2):
        assert post(client, recall_event("om_1")).status_code == 200
    row = FeishuMessage.objects.get()
    assert (row.state, row.reason) == ("taken", "recalled after it was read")
    assert post(client, recall_event("om_unknown")).status_code == 200


def test_talk_of_a_group_that_does_not_name_the_bot_is_not_kept(client, app):
    app.bot_open_id = "ou_bot"
    app.save()
    group = {"chat": "oc_g", "chat_type": "group"}
    ann = {"key": "@_user_1", "id": {"open_id": "ou_ann"}, "name": "Ann"}
    for mentions in ([], [ann]):
        assert post(client, message_event("between us", mentions=mentions, **group)).status_code == 200
    assert not FeishuMessage.objects.exists()
    post(client, message_event("to you", mentions=[{**ann, "id": {"open_id": "ou_bot"}}], **group))
    post(client, message_event("private"))
    assert FeishuMessage.objects.count() == 2
    FeishuApp.objects.update(mention_only=False)
    post(client, message_event("to all", **group))
    assert FeishuMessage.objects.count() == 3


def test_an_event_of_the_old_format_is_refused_with_a_line_that_says_so(client, app, caplog):
    old = {
        "uuid": "u",
        "token": "token-1",
        "ts": "1.2",
        "type": "event_callback",
        "event": {"type": "message"},
    }
    assert post(client, old).status_code == 401
    assert "version 2.0" in caplog.text
