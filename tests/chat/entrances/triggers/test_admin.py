"""Triggers in the admin: forms with validation, the secret address, actions, and what was seen."""

import pytest

from agents.models import ensure_default_agent
from chat.entrances.triggers import editing
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.entrances.triggers.store import Sighting, record
from tests.support import rows

NOW = 1_790_000_000_000
LIST = "/admin/triggers/trigger/"


@pytest.fixture
def as_charlie(client, charlie):
    ensure_default_agent()
    client.force_login(charlie)
    return client


def form(owner, **fields):
    return {
        "owner": owner.pk,
        "name": "Builds",
        "kind": "webhook",
        "prompt": "Build {{ payload.id }}",
        "cooldown_s": "0",
        "per_hour": "30",
        "match": "any",
        "interval_s": "300",
        "speaker": "person",
        "signature_header": "X-Hub-Signature-256",
        **fields,
    }


def test_one_is_made_and_its_address_shown_to_be_copied(as_charlie, alice):
    answer = as_charlie.post(
        f"{LIST}add/", form(alice, secret="s3cret", expires_0="2030-01-02", expires_1="03:04")
    )
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = Trigger.objects.get()
    assert (row.secret, row.signed, row.expires_at) == ("s3cret", True, 1_893_553_440_000)
    page = as_charlie.get(f"{LIST}{row.pk}/change/").content.decode()
    assert f"http://testserver{row.hook}" in page
    assert "s3cret" not in page and "gAAAA" not in page
    changed = form(alice, name="Renamed", expires_0="2030-01-02", expires_1="03:04")
    assert as_charlie.post(f"{LIST}{row.pk}/change/", changed).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.secret, row.signed) == ("Renamed", "s3cret", True)
    as_charlie.post(f"{LIST}{row.pk}/change/", form(alice, unsigned="on"))
    row.refresh_from_db()
    assert (row.secret, row.signed, row.expires_at) == ("", False, None)


def test_bad_input_is_named_by_field(as_charlie, alice):
    bad = form(
        alice,
        kind="poll",
        prompt="{{ payload.id }}",
        url="ftp://x",
        interval_s="5",
        path="$..a",
        match="regex",
        pattern="(",
        agent="nobody",
        conversation="018f3c5e-7c1a-7000-8000-000000000000",
        watched="not an id",
    )
    errors = as_charlie.post(f"{LIST}add/", bad).context["adminform"].form.errors
    fields = {"prompt", "url", "interval_s", "path", "pattern", "agent", "conversation", "watched"}
    assert set(errors) == fields
    assert Trigger.objects.count() == 0


def test_one_that_listens_begins_now(as_charlie, alice):
    place = rows.conversation(alice)
    as_charlie.post(
        f"{LIST}add/", form(alice, kind="run", prompt="x", watched=f"{place.pk}\n", outcomes=["failed"])
    )
    row = Trigger.objects.get()
    assert (row.watched, row.outcomes) == ([str(place.pk)], ["failed"])
    from chat.entrances.triggers import watching

    assert watching.behind() == []


def test_actions(as_charlie, alice):
    made = editing.create(alice.pk, {"name": "T", "kind": "webhook", "prompt": "x"}, NOW)[0]

    def act(name):
        answer = as_charlie.post(LIST, {"action": name, "_selected_action": [str(made.pk)]}, follow=True)
        made.refresh_from_db()
        return answer.content.decode()

    act("pause")
    assert made.paused
    act("resume")
    assert not made.paused
    before = made.hook
    act("renew")
    assert made.hook != before
    act("fire")
    assert TriggerFiring.objects.filter(trigger=made, state="pending", test=True).count() == 1


def test_staff_who_may_only_look_do_not_see_the_address(client, alice, django_user_model):
    from django.contrib.auth.models import Permission

    made = editing.create(alice.pk, {"name": "T", "kind": "webhook", "prompt": "x"}, NOW)[0]
    looker = django_user_model.objects.create_user("looker", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename="view_trigger"))
    client.force_login(looker)
    answer = client.get(f"{LIST}{made.pk}/change/")
    assert answer.status_code == 200
    assert made.hook.rsplit("/", 1)[1] not in answer.content.decode()


def test_what_was_seen_is_shown_with_its_reason_and_escaped(as_charlie, alice):
    made = editing.create(alice.pk, {"name": "T", "kind": "webhook", "prompt": "x", "cooldown_s": 60}, NOW)[0]
    seen = {"payload": {"a": "<script>alert(1)</script>"}}
    rows_made = record(made.pk, [Sighting("delivery:1", seen), Sighting("delivery:2", seen)], NOW)
    assert [row.reason for row in rows_made] == ["", "cooldown"]
    pages = [
        "/admin/triggers/triggerfiring/",
        f"/admin/triggers/triggerfiring/?trigger__id__exact={made.pk}",
        LIST,
    ]
    for row in rows_made:
        pages.append(f"/admin/triggers/triggerfiring/{row.pk}/change/")
    for page in pages:
        answer = as_charlie.get(page)
        assert answer.status_code == 200, page
        assert "<script>alert" not in answer.content.decode()
    assert "had fired a moment before" in as_charlie.get(pages[-1]).content.decode()
