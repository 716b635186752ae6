"""The owner's API: what can be said, what is refused, and that nobody sees or moves what is not theirs."""

import json
import uuid

import pytest
from django.test import Client

from agents.models import ensure_default_agent
from chat.entrances.triggers import api
from chat.entrances.triggers.models import Trigger, TriggerFiring
from tests.support import hurry, rows

URL = "/api/triggers"


@pytest.fixture(autouse=True)
def prepared(db):
    ensure_default_agent()
    for allowance in (api.reading, api.writing):
        allowance.forget()


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    return client


def send(client, method, url, body=None, **more):
    answer = client.generic(method, url, json.dumps(body or {}), content_type="application/json", **more)
    return answer.status_code, json.loads(answer.content or b"null")


def wanted(**fields):
    return {"name": "Builds", "kind": "webhook", "prompt": "Build {{ payload.id }}", **fields}


def test_a_trigger_is_made_shown_changed_and_deleted(as_alice, alice):
    place = rows.conversation(alice)
    status, made = send(as_alice, "POST", URL, wanted(conversation=str(place.pk), cooldown_s=60))
    assert status == 201
    assert made["address"].startswith("http://testserver/hooks/") and made["state"] == "active"
    status, listed = send(as_alice, "GET", URL)
    assert [one["name"] for one in listed["triggers"]] == ["Builds"] and listed["most"] == 100
    assert "address" not in listed["triggers"][0]  # lists hold nothing secret
    own = f"{URL}/{made['id']}"
    status, changed = send(as_alice, "PATCH", own, {"paused": True, "name": "Paused"})
    assert (status, changed["name"], changed["state"], changed["cooldown_s"]) == (200, "Paused", "paused", 60)
    assert changed["address"] == made["address"]
    status, renewed = send(as_alice, "POST", f"{own}/renew")
    assert status == 200 and renewed["address"] != made["address"]
    assert send(as_alice, "DELETE", own) == (200, {})
    assert send(as_alice, "GET", own)[0] == 404


def test_the_same_id_is_made_once(as_alice, bob):
    id = str(uuid.uuid4())
    answers = [send(as_alice, "POST", URL, wanted(id=id)) for _ in range(2)]
    assert [status for status, _ in answers] == [201, 200]
    assert answers[0][1]["id"] == answers[1][1]["id"] == id
    as_alice.force_login(bob)
    assert send(as_alice, "POST", URL, wanted(id=id))[1]["fields"]["id"]["code"] == "invalid"


def test_a_secret_is_taken_and_never_given_back(as_alice):
    _, made = send(as_alice, "POST", URL, wanted(secret="s3cret"))
    own = f"{URL}/{made['id']}"
    for answer in (made, send(as_alice, "GET", own)[1], send(as_alice, "GET", URL)[1]):
        assert "s3cret" not in json.dumps(answer)
    assert made["signed"] is True
    assert Trigger.objects.values_list("secret", flat=True).get() == "s3cret"
    assert send(as_alice, "PATCH", own, {"name": "X"})[1]["signed"] is True
    assert send(as_alice, "PATCH", own, {"secret": ""})[1]["signed"] is False


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"kind": "other"}, "kind"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "{{ 1 + 1 }}"}, "prompt"),
        ({"prompt": "{{ settings.SECRET_KEY }}"}, "prompt"),
        ({"agent": "nobody"}, "agent"),
        ({"conversation": str(uuid.uuid4())}, "conversation"),
        ({"cooldown_s": 10**9}, "cooldown_s"),
        ({"per_hour": 0}, "per_hour"),
        ({"max_fires": 0}, "max_fires"),
        ({"path": "$..a"}, "path"),
        ({"match": "contains"}, "pattern"),
        ({"match": "regex", "pattern": "("}, "pattern"),
        ({"delivery_header": "X: y"}, "delivery_header"),
        ({"kind": "poll", "prompt": "x", "url": ""}, "url"),
        ({"kind": "poll", "prompt": "x", "url": "ftp://example.com/"}, "url"),
        ({"kind": "poll", "prompt": "x", "url": "https://a:b@example.com/"}, "url"),
        ({"kind": "poll", "prompt": "x", "url": "https://example.com/", "interval_s": 59}, "interval_s"),
        ({"kind": "message", "prompt": "x", "watched": [str(uuid.uuid4())]}, "watched"),
        ({"kind": "message", "prompt": "{{ payload.a }}"}, "prompt"),
        ({"kind": "run", "prompt": "x", "outcomes": ["other"]}, "outcomes"),
        ({"kind": "run", "prompt": "x", "after_trigger": str(uuid.uuid4())}, "after_trigger"),
        ({"owner": 1}, "owner"),
        ({"salt": "x"}, "salt"),
        ({"expires_at": "tomorrow"}, "expires_at"),
    ],
)
def test_what_cannot_be_is_refused_by_field(as_alice, fields, field):
    status, answer = send(as_alice, "POST", URL, wanted(**fields))
    assert status == 400 and answer["code"] == "invalid", answer
    assert list(answer["fields"]) == [field]
    assert Trigger.objects.count() == 0


def test_what_belongs_to_others_is_not_there(as_alice, alice, bob):
    _, made = send(as_alice, "POST", URL, wanted())
    theirs = Client()
    theirs.force_login(bob)
    own = f"{URL}/{made['id']}"
    for method, url in (
        ("GET", own),
        ("PATCH", own),
        ("DELETE", own),
        ("POST", f"{own}/run"),
        ("POST", f"{own}/renew"),
        ("GET", f"{own}/history"),
    ):
        status, answer = send(theirs, method, url)
        assert (status, answer["code"]) == (404, "not_found"), (method, url)
    assert send(theirs, "GET", URL)[1]["triggers"] == []
    assert Trigger.objects.count() == 1 and TriggerFiring.objects.count() == 0
    # Nor can somebody speak, or listen, in another's conversation.
    place = str(rows.conversation(alice).pk)
    for fields in ({"conversation": place}, {"kind": "message", "prompt": "x", "watched": [place]}):
        assert send(theirs, "POST", URL, wanted(**fields))[0] == 400


def test_nobody_asks_without_a_login_or_a_token(alice):
    assert Client().get(URL).status_code == 401
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(URL, "{}", content_type="application/json").status_code == 403


def test_limits_hold(as_alice, alice, settings):
    settings.HOLDFAST_TRIGGERS_PER_USER = 1
    assert send(as_alice, "POST", URL, wanted())[0] == 201
    status, answer = send(as_alice, "POST", URL, wanted())
    assert (status, answer["code"]) == (409, "too_many")
    assert send(as_alice, "POST", URL, wanted(prompt="x" * 110_000))[0] == 413
    assert as_alice.post(URL, "{", content_type="application/json").status_code == 400
    assert as_alice.put(URL, "{}", content_type="application/json").status_code == 405
    hurry.refused(lambda: as_alice.post(URL, "{", content_type="application/json"), api.writing, alice.pk)


def test_firing_by_hand_is_journalled_once_per_id_and_counts_for_nothing(as_alice):
    _, made = send(as_alice, "POST", URL, wanted(paused=True, max_fires=1))
    own, id = f"{URL}/{made['id']}", str(uuid.uuid4())
    answers = [send(as_alice, "POST", f"{own}/run", {"id": id}) for _ in range(2)]
    assert answers[0] == answers[1] and answers[0][0] == 201
    assert answers[0][1]["state"] == "pending" and answers[0][1]["manual"] is True
    assert send(as_alice, "GET", own)[1]["fires"] == 0


def test_the_history_is_paged_and_names_runs(as_alice, alice):
    _, made = send(as_alice, "POST", URL, wanted())
    place = rows.conversation(alice)
    run = rows.run(place, 2)
    for n in range(5):
        TriggerFiring.objects.create(
            trigger_id=made["id"],
            key=f"k{n}",
            state="fired" if n else "skipped",
            reason="" if n else "cooldown",
            seen={"payload": n},
            conversation=place.pk,
            run=run.run if n else "",
            created_at=n,
        )
    _, first = send(as_alice, "GET", f"{URL}/{made['id']}/history?limit=3")
    _, rest = send(as_alice, "GET", f"{URL}/{made['id']}/history?limit=3&before={first['firings'][-1]['id']}")
    assert [one["at"] for one in first["firings"] + rest["firings"]] == [4, 3, 2, 1, 0]
    assert first["more"] and not rest["more"]
    assert first["firings"][0]["outcome"] == "finished"
    assert rest["firings"][-1]["detail"] == "The trigger had fired a moment before."


def test_an_address_inside_is_refused_when_it_is_written(as_alice):
    status, told = send(
        as_alice, "POST", URL, wanted(kind="poll", prompt="x", url="http://10.1.2.3/now", interval_s=300)
    )
    assert status == 400 and "not on the public internet" in told["fields"]["url"]["detail"]


def test_a_sender_is_chosen_and_shown(as_alice):
    status, made = send(as_alice, "POST", URL, wanted(sender="stripe", secret="whsec_x"))
    assert status == 201 and made["sender"] == "stripe" and "whsec" not in json.dumps(made)
    status, told = send(as_alice, "POST", URL, wanted(sender="stripe"))
    assert status == 400 and list(told["fields"]) == ["secret"]
