"""The admin writes secrets and never shows them, and sends dead letters again."""

import time
import uuid

import pytest

from chat.entrances.feishu.models import FeishuApp, FeishuDelivery, FeishuLane, FeishuMessage


@pytest.fixture
def as_charlie(client, charlie):
    client.force_login(charlie)
    return client


def form(app, **changed):
    fields = ("slug", "name", "app_id", "base_url", "private_policy", "group_policy", "documents")
    return {
        **{name: getattr(app, name) for name in fields},
        "owner": app.owner_id,
        "enabled": "on",
        "mention_only": "on",
        **changed,
    }


def test_secrets_are_never_shown_and_are_kept_when_left_empty(as_charlie, app):
    url = f"/admin/feishu/feishuapp/{app.pk}/change/"
    page = as_charlie.get(url).content.decode()
    assert not any(secret in page for secret in ("the-app-secret", "token-1", "gAAAA", 'value="k1"'))
    assert "/feishu/bot/events" in page
    answer = as_charlie.post(url, form(app, name="Renamed", encrypt_key="k2"))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    app.refresh_from_db()
    assert (app.name, app.secret, app.encrypt_key) == ("Renamed", "the-app-secret", "k2")


def test_a_new_app_needs_its_secret_and_a_safe_address(as_charlie, app):
    new = form(app, slug="new", base_url="http://example.com")
    errors = as_charlie.post("/admin/feishu/feishuapp/add/", new).context["adminform"].form.errors
    assert set(errors) == {"secret", "verification_token", "base_url"}


def test_another_app_id_is_another_bot_whose_id_is_asked_for_again(as_charlie, app):
    FeishuApp.objects.update(bot_open_id="ou_old")
    url = f"/admin/feishu/feishuapp/{app.pk}/change/"
    as_charlie.post(url, form(app, name="Renamed"))
    app.refresh_from_db()
    assert app.bot_open_id == "ou_old"
    as_charlie.post(url, form(app, app_id="cli_other"))
    app.refresh_from_db()
    assert app.bot_open_id == ""


def test_all_pages_open(as_charlie, app):
    now = time.time_ns() // 1_000_000
    owner = app.owner
    lane = FeishuLane.objects.create(app=app, chat_id="oc", conversation=uuid.uuid4(), owner=owner)
    rows = [
        app,
        lane,
        FeishuMessage.objects.create(
            app=app,
            message_id="om",
            chat_id="oc",
            sender="ou",
            event={"a": "<b>"},
            sent_at=1,
            received_at=now,
        ),
        FeishuDelivery.objects.create(lane=lane, uuid="u", content="{}", created_at=now),
    ]
    for row in rows:
        base = f"/admin/feishu/{row._meta.model_name}/"
        assert as_charlie.get(base).status_code == 200
        assert as_charlie.get(f"{base}{row.pk}/change/").status_code == 200


def test_dead_letters_are_sent_again_and_others_left_alone(as_charlie, app):
    lane = FeishuLane.objects.create(app=app, chat_id="oc", conversation=uuid.uuid4(), owner=app.owner)
    for state in ("dead", "sent"):
        FeishuDelivery.objects.create(
            lane=lane, uuid=state, content="{}", created_at=1, state=state, attempts=9, error="gone"
        )
    keys = list(FeishuDelivery.objects.values_list("pk", flat=True))
    as_charlie.post(
        "/admin/feishu/feishudelivery/", {"action": "resend", "sure": "1", "_selected_action": keys}
    )
    assert list(FeishuDelivery.objects.order_by("uuid").values_list("state", "attempts", "error")) == [
        ("pending", 0, ""),
        ("sent", 9, "gone"),
    ]
    assert FeishuApp.objects.count() == 1


def test_what_was_set_aside_is_found_and_tried_again(as_charlie, app):
    given = {"app": app, "chat_id": "oc", "sender": "ou", "event": {}, "sent_at": 1, "received_at": 1}
    for id, reason in (("om_1", "set aside: TypeError: no"), ("om_2", "by policy")):
        FeishuMessage.objects.create(**given, message_id=id, state="refused", reason=reason)
    page = as_charlie.get("/admin/feishu/feishumessage/", {"aside": "1"})
    assert [row.message_id for row in page.context["cl"].result_list] == ["om_1"]
    keys = list(FeishuMessage.objects.values_list("pk", flat=True))
    asked = {"action": "take_again", "sure": "1", "_selected_action": keys}
    as_charlie.post("/admin/feishu/feishumessage/", asked, follow=True)
    assert list(FeishuMessage.objects.order_by("message_id").values_list("state", "reason")) == [
        ("received", ""),
        ("refused", "by policy"),
    ]
