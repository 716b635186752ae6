"""Signatures as senders make them: what their own documentation and clients give as examples, and what is near them.

`make senders` holds the same table against the senders' own libraries.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from django.http.request import HttpHeaders

from chat.entrances.triggers.senders import SENDERS, TOLERANCE_S, Given, is_signed
from tests.chat.entrances.triggers.house import House

PAGERDUTY = (
    '{"event":{"id":"01BWDWL3NYY7LUFPZCC28QUCMK","event_type":"incident.priority_updated","resource_type":"incident",'
    '"occurred_at":"2021-04-26T17:36:27.458Z","agent":{"html_url":"https://acme.pagerduty.com/users/PLH1HKV","id":'
    '"PLH1HKV","self":"https://api.pagerduty.com/users/PLH1HKV","summary":"Tenex Engineer","type":"user_reference"},'
    '"client":null,"data":{"id":"PGR0VU2","type":"incident","self":"https://api.pagerduty.com/incidents/PGR0VU2",'
    '"html_url":"https://acme.pagerduty.com/incidents/PGR0VU2","number":2,"status":"triggered","title":"A little bump '
    'in the road","service":{"html_url":"https://acme.pagerduty.com/services/PF9KMXH","id":"PF9KMXH","self":'
    '"https://api.pagerduty.com/services/PF9KMXH","summary":"API Service","type":"service_reference"},"assignees":'
    '[{"html_url":"https://acme.pagerduty.com/users/PTUXL6G","id":"PTUXL6G","self":'
    '"https://api.pagerduty.com/users/PTUXL6G","summary":"User 123","type":"user_reference"}],"escalation_policy":'
    '{"html_url":"https://acme.pagerduty.com/escalation_policies/PUS0KTE","id":"PUS0KTE","self":'
    '"https://api.pagerduty.com/escalation_policies/PUS0KTE","summary":"Default","type":'
    '"escalation_policy_reference"},"teams":[{"html_url":"https://acme.pagerduty.com/teams/PFCVPS0","id":"PFCVPS0",'
    '"self":"https://api.pagerduty.com/teams/PFCVPS0","summary":"Engineering","type":"team_reference"}],"priority":'
    '{"html_url":"https://acme.pagerduty.com/account/incident_priorities","id":"PSO75BM","self":'
    '"https://api.pagerduty.com/priorities/PSO75BM","summary":"P1","type":"priority_reference"},"urgency":"high",'
    '"conference_bridge":{"conference_number":1000,"conference_url":"https://example.com"},"resolve_reason":null}}}'
)
SLACK = (
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    "&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    "%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
    "803a0bc887a14d10d2c447fce8b6703c"
)
#: (sender, secret, body, headers, the second in which it was sent): from the senders' documentation and clients.
PUBLISHED = [
    (
        "github",
        "It's a Secret to Everybody",
        "Hello, World!",
        {"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
        0,
    ),
    (
        "slack",
        "8f742231b10e8888abcd99yyyzzz85a5",
        SLACK,
        {
            "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
            "X-Slack-Request-Timestamp": "1531420618",
        },
        1531420618,
    ),
    (
        "standard",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        '{"test": 2432232314}',
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        1614265330,
    ),
    (
        "pagerduty",
        "lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK",
        PAGERDUTY,
        {"X-PagerDuty-Signature": "v1=0c0b9495b893a39e70d1fea2fe11fbe0a825f88b9f67846f6cc07dd2bc5476cd"},
        0,
    ),
]
SECRET = "s3cret"
BODY = '{"id": "evt_1", "type": "charge.failed"}'


def hexed(text: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def signed(sender: str, body: str = BODY, at: int = 1_000) -> dict[str, str]:
    """The headers of a delivery that this sender signs with SECRET."""
    based = base64.b64encode(hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).digest()).decode()
    standard = hmac.new(SECRET.encode(), f"m1.{at}.{body}".encode(), hashlib.sha256).digest()
    return {
        "hmac": {"X-Sig": hexed(body)},
        "github": {"X-Hub-Signature-256": f"sha256={hexed(body)}"},
        "gitlab": {"X-Gitlab-Token": SECRET},
        "gitea": {"X-Gitea-Signature": hexed(body)},
        "stripe": {"Stripe-Signature": f"t={at},v1={'0' * 64},v1={hexed(f'{at}.{body}')},v0=old"},
        "slack": {
            "X-Slack-Request-Timestamp": str(at),
            "X-Slack-Signature": f"v0={hexed(f'v0:{at}:{body}')}",
        },
        "standard": {
            "Webhook-Id": "m1",
            "Webhook-Timestamp": str(at),
            "Webhook-Signature": f"v1a,xx v1,{base64.b64encode(standard).decode()}",
        },
        "shopify": {"X-Shopify-Hmac-Sha256": based},
        "sentry": {"Sentry-Hook-Signature": hexed(body)},
        "pagerduty": {"X-PagerDuty-Signature": f"v1={'0' * 64},v1={hexed(body)}"},
        "token": {"X-Sig": SECRET},
        "basic": {"Authorization": f"Basic {base64.b64encode(SECRET.encode()).decode()}"},
    }[sender]


def given(headers: dict[str, str], body: str = BODY, now: float = 1_000) -> Given:
    wsgi = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return Given(HttpHeaders(wsgi), body.encode(), now, "X-Sig")


@pytest.mark.parametrize(
    ("sender", "secret", "body", "headers", "at"), PUBLISHED, ids=lambda one: str(one)[:9]
)
def test_what_senders_publish_is_signed(sender: str, secret: str, body: str, headers: Any, at: int) -> None:
    assert is_signed(sender, given(headers, body, at), secret)
    assert not is_signed(sender, given(headers, body + " ", at), secret)
    assert not is_signed(sender, given(headers, body, at), secret + "x")
    assert not is_signed(sender, given({}, body, at), secret)


@pytest.mark.parametrize("sender", SENDERS)
def test_a_signature_is_taken_and_anything_else_is_not(sender: str) -> None:
    right = signed(sender)
    assert is_signed(sender, given(right), SECRET)
    assert not is_signed(sender, given(right), "another")
    assert not is_signed(sender, given(right), "")
    assert not is_signed("nobody", given(right), SECRET)
    for name in right:
        for wrong in ("", "v1=", "v1,", "t=,v1=", "sha256=", "ä", "Basic", "\ud800"):
            assert not is_signed(sender, given({**right, name: wrong}), SECRET), (name, wrong)


@pytest.mark.parametrize("sender", sorted(set(SENDERS) - {"gitlab", "token", "basic"}))
def test_another_body_is_not_signed(sender: str) -> None:
    assert not is_signed(sender, given(signed(sender), BODY.replace("evt_1", "evt_2")), SECRET)


@pytest.mark.parametrize("sender", ["stripe", "slack", "standard"])
def test_what_was_signed_long_ago_or_in_the_future_is_a_copy(sender: str) -> None:
    for now in (1_000 - TOLERANCE_S, 1_000 + TOLERANCE_S):
        assert is_signed(sender, given(signed(sender), now=now), SECRET)
    for now in (1_000 - TOLERANCE_S - 1, 1_000 + TOLERANCE_S + 1):
        assert not is_signed(sender, given(signed(sender), now=now), SECRET)


def test_a_token_may_come_as_a_bearer_and_svix_has_names_of_its_own() -> None:
    assert is_signed("token", given({"Authorization": f"Bearer {SECRET}"}), SECRET)
    assert not is_signed("gitlab", given({"Authorization": f"Bearer {SECRET}"}), SECRET)
    svix = {name.replace("Webhook", "Svix"): value for name, value in signed("standard").items()}
    assert is_signed("standard", given(svix), SECRET)


# ---- through the door ----


def posted(sender: str, body: str = BODY) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in signed(sender, body, int(time.time())).items()}


@pytest.mark.parametrize("sender", sorted(SENDERS))
async def test_each_sender_is_let_in_and_others_are_not(house: House, sender: str) -> None:
    secret = SECRET
    if sender == "basic":
        secret = "ann:s3cret"
    trigger = await house.trigger(
        sender=sender, secret=secret, signature_header="X-Sig", prompt="{{ payload.type }}"
    )
    headers = posted(sender)
    if sender == "basic":
        headers = {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
    assert (await house.post(trigger, BODY.encode(), **headers))["status"] == "fired"
    await house.post(trigger, BODY.encode(), 401)
    await house.post(trigger, BODY.encode(), 401, **dict.fromkeys(headers, "x"))
    (row,) = await house.rows()
    told = json.dumps(row.seen) + row.prompt
    assert secret not in told and not any(value in told for value in headers.values() if len(value) > 20)


@pytest.mark.parametrize(
    ("sender", "headers", "body", "event", "delivery"),
    [
        ("github", {"X_GitHub_Event": "push", "X_GitHub_Delivery": "d1"}, {}, "push", "d1"),
        ("gitlab", {"X_Gitlab_Event": "Push Hook", "Idempotency_Key": "d2"}, {}, "Push Hook", "d2"),
        ("stripe", {}, {"id": "evt_1", "type": "charge.failed"}, "charge.failed", "evt_1"),
        ("slack", {}, {"event_id": "Ev1", "event": {"type": "app_mention"}}, "app_mention", "Ev1"),
        (
            "shopify",
            {"X_Shopify_Topic": "orders/paid", "X_Shopify_Webhook_Id": "d3"},
            {},
            "orders/paid",
            "d3",
        ),
        ("sentry", {"Sentry_Hook_Resource": "issue", "Request_ID": "d4"}, {}, "issue", "d4"),
        (
            "pagerduty",
            {},
            {"event": {"id": "01B", "event_type": "incident.triggered"}},
            "incident.triggered",
            "01B",
        ),
    ],
)
async def test_events_and_deliveries_are_where_each_sender_names_them(
    house: House, sender: str, headers: dict[str, str], body: dict[str, Any], event: str, delivery: str
) -> None:
    trigger = await house.trigger(sender=sender, secret=SECRET, prompt="{{ event }} {{ delivery }}")
    raw = json.dumps(body)
    first = await house.post(trigger, raw.encode(), **headers, **posted(sender, raw))
    assert await house.said() == [f"{event} {delivery}"]
    again = await house.post(trigger, raw.encode(), **headers, **posted(sender, raw))
    assert again == first, "a repetition is the same firing"


async def test_headers_and_the_event_can_be_filled_in_and_looked_for(house: House) -> None:
    trigger = await house.trigger(
        path="event",
        match="equals",
        pattern="push",
        prompt="{{ headers.x-github-event }} {{ headers.x-ours }}",
    )
    assert (await house.post(trigger, {}, X_GitHub_Event="issues"))["reason"] == "no_match"
    await house.post(trigger, {}, X_GitHub_Event="push", X_Ours="here", Cookie="secret", X_Api_Key="secret")
    assert await house.said() == ["push here"]
    rows = await house.rows()
    assert "secret" not in json.dumps(rows[1].seen)
    other = await house.trigger(path="headers.x-ours", match="contains", pattern="her", prompt="x")
    assert (await house.post(other, {}, X_Ours="there"))["status"] == "fired"


async def test_slack_hears_what_it_asks_for_and_nothing_fires(house: House) -> None:
    trigger = await house.trigger(sender="slack", secret=SECRET)
    asked = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3g"})
    told = await house.post(trigger, asked.encode(), **posted("slack", asked))
    assert told == {"challenge": json.loads(asked)["challenge"]}
    await house.post(trigger, asked.encode(), 401)
    assert await house.rows() == []


async def test_a_delivery_is_named_at_a_place_in_the_payload(house: House) -> None:
    trigger = await house.trigger(delivery_header="$.data.number", prompt="{{ delivery }}")
    first = await house.post(trigger, {"data": {"number": 7}})
    assert await house.post(trigger, {"data": {"number": 7}, "tried": 2}) == first
    assert (await house.post(trigger, {"data": {"number": 8}}))["firing"] != first["firing"]


async def test_keys_with_dots_are_written_in_quotes(house: House) -> None:
    trigger = await house.trigger(delivery_header='$["data.v1"].number', prompt="{{ delivery }}")
    await house.post(trigger, {"data.v1": {"number": 7}})
    assert await house.said() == ["7"]


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"sender": "github"}, "secret", "with which it signs"),
        ({"sender": "basic", "secret": "x"}, "secret", "name:password"),
        ({"sender": "nobody"}, "sender", ""),
        ({"delivery_header": "$.a b"}, "delivery_header", ""),
        ({"delivery_header": "$"}, "delivery_header", ""),
        ({"path": "headers..x"}, "path", ""),
        ({"path": "payload.x", "match": "contains", "pattern": "x"}, "path", ""),
    ],
)
async def test_what_cannot_be_is_said_by_field(house: House, fields: Any, field: str, words: str) -> None:
    from chat.entrances.triggers.editing import InvalidTrigger

    with pytest.raises(InvalidTrigger, match=words or None) as told:
        await house.trigger(**fields)
    assert list(told.value.fields) == [field]
