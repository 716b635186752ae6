"""Requests of other machines: deliveries to webhooks, signed as each kind of sender signs, and callbacks of Feishu."""

from __future__ import annotations

import base64
import hmac
import json
import random
import time
from typing import Any
from urllib.parse import urlencode

from tests.hostile import words
from tests.hostile.asking import Asked
from tests.hostile.browsers import METHODS, source
from tests.hostile.house import FEISHU_KEY, FEISHU_TOKEN, House, Person
from tests.support import feishu_events

#: What senders send.
PAYLOADS: tuple[Any, ...] = (
    {"ref": "refs/heads/main", "items": [{"id": "abc"}, {"id": "c"}], "a": "1", "event": "push"},
    {"type": "url_verification", "challenge": "c", "token": "t"},
    {"type": "charge.failed", "id": "evt_1", "data": {"object": {"id": "ch_1", "amount": 5}}},
    {
        "event": {"id": "1", "event_type": "incident.triggered", "type": "message", "data": {}},
        "event_id": "Ev1",
    },
    [[{"a": 1}], {"a": 1}],
)
NAMES = ("a", "items", "event", "payload", "id", "type", "challenge")
#: In the place of a time that is signed.
TIMES = ("", "0", "-1", "1e999", "²", "٣", "9" * 15, "9" * 400, "NaN", " ", "1.5")


def delivery(rng: random.Random, house: House) -> tuple[Asked, Person | None]:
    """One delivery to a webhook of a stranger's, or a request to something like one."""
    trigger = rng.choice(rng.choice(house.strangers).triggers)
    path = trigger["hook"]
    if rng.random() < 0.06:
        path = rng.choice(
            (
                house.bob.triggers[0]["hook"].rpartition("/")[0] + "/" + trigger["hook"].rpartition("/")[2],
                f"/hooks/{trigger['id']}/{words.escaped(words.text(rng)[:200])}",
                f"/hooks/{rng.getrandbits(128):032x}/x",
                path + "/",
            )
        )
    body, kind = _payload(rng)
    headers = [("Content-Type", kind if rng.random() < 0.9 else rng.choice(words.CONTENT_TYPES))]
    at = str(int(time.time())) if rng.random() < 0.9 else rng.choice(TIMES)
    id = rng.choice(
        (
            "m1",
            words.plain(rng),
            words.plain(rng),
            words.text(rng)[:400].replace("\n", " ").replace("\r", " "),
        )
    )
    headers += signed(trigger["sender"], trigger["secret"], body, at, id)
    if rng.random() < 0.4:
        name = rng.choice(
            (
                "X-D",
                "X-GitHub-Delivery",
                "X-GitHub-Event",
                "Idempotency-Key",
                "X-Delivery-Id",
                "X-Gitlab-Event",
            )
        )
        headers.append((name, id))
    if rng.random() < 0.15:
        headers = _meddled(rng, headers)
    if rng.random() < 0.03:
        body, encoding = words.packed(rng, body)
        headers.append(("Content-Encoding", encoding))
    if rng.random() < 0.1:
        headers += words.headers(rng)
    method = "POST" if rng.random() < 0.97 else rng.choice(METHODS)
    length = rng.choice((-1, 0, 10**9, 10**30, len(body) + 3)) if rng.random() < 0.01 else None
    return Asked(method, path, tuple(headers), body, length, source(rng)), None


def _payload(rng: random.Random) -> tuple[bytes, str]:
    made = words.changed(rng, rng.choice(PAYLOADS), NAMES)
    chosen = rng.random()
    if chosen < 0.1:
        fields = {
            "payload": words.written(rng, made),
            words.plain(rng, 2): words.text(rng).encode("utf-8", "replace"),
        }
        return urlencode(fields).encode(), "application/x-www-form-urlencoded"
    if chosen < 0.12:
        return words.text(rng).encode("utf-8", "replace"), "text/plain"
    if chosen < 0.13:
        return json.dumps([made] * 400).encode()[:400_000], "application/json"
    if chosen < 0.135:
        return rng.choice((b"[", b'{"a":', b"[[],", b"0,", b'"\\u0000')) * 50_000, "application/json"
    return words.written(rng, made), "application/json"


def signed(sender: str, secret: str, body: bytes, at: str, id: str) -> list[tuple[str, str]]:
    """The headers by which this sender says that it is who it is."""
    at_bytes, id_bytes = at.encode("utf-8", "replace"), id.encode("utf-8", "replace")

    def mac(*parts: bytes) -> bytes:
        return hmac.digest(secret.encode(), b"".join(parts), "sha256")

    match sender:
        case "":
            return []
        case "hmac":
            return [("X-Sig", mac(body).hex())]
        case "github":
            return [("X-Hub-Signature-256", f"sha256={mac(body).hex()}")]
        case "gitlab":
            return [("X-Gitlab-Token", secret)]
        case "gitea":
            return [("X-Gitea-Signature", mac(body).hex())]
        case "stripe":
            return [("Stripe-Signature", f"t={at},v1={'0' * 64},v1={mac(at_bytes, b'.', body).hex()}")]
        case "slack":
            right = mac(b"v0:", at_bytes, b":", body).hex()
            return [("X-Slack-Request-Timestamp", at), ("X-Slack-Signature", f"v0={right}")]
        case "standard":
            right = base64.b64encode(mac(id_bytes, b".", at_bytes, b".", body)).decode()
            return [("Webhook-Id", id), ("Webhook-Timestamp", at), ("Webhook-Signature", f"v1,{right}")]
        case "shopify":
            return [("X-Shopify-Hmac-Sha256", base64.b64encode(mac(body)).decode())]
        case "sentry":
            return [("Sentry-Hook-Signature", mac(body).hex())]
        case "pagerduty":
            return [("X-PagerDuty-Signature", f"v1={mac(body).hex()}")]
        case "token":
            return [("X-Sig", secret)]
        case "basic":
            return [("Authorization", f"Basic {base64.b64encode(secret.encode()).decode()}")]
    raise AssertionError(f"nobody has said how {sender} signs")


def _meddled(rng: random.Random, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    made = list(headers)
    place = rng.randrange(len(made))
    name, value = made[place]
    kind = rng.randrange(5)
    if kind == 0:
        made.pop(place)
    elif kind == 1:
        made[place] = (
            name,
            rng.choice(("", ",", ",," * 2_000, "v1=" * 500, "\xff\xfe", "é", "sha256=", "t=,v1=")),
        )
    elif kind == 2:
        made.insert(place, (name, rng.choice(("x", value, "²", ""))))
    elif kind == 3:
        made[place] = (name.upper(), value + rng.choice((" ", "0", "\xff")))
    else:
        made[place] = (name.replace("-", "_"), value)
    return made


def callback(rng: random.Random, house: House) -> tuple[Asked, Person | None]:
    """One request to the address of a Feishu app: an event, a pressed button, a question whether we are there."""
    slug = rng.choice(("sealed", "plain", "plain", "sealed", "nobody"))
    event = words.changed(
        rng, _event(rng, f"cli_{slug}"), ("thread_id", "root_id", "parent_id", "challenge", "type")
    )
    if rng.random() < 0.05:
        event = _with(event, "schema", rng.choice(("1.0", "9", None)))
    raw, headers = words.written(rng, event), {}
    if slug == "sealed" and rng.random() < 0.95:
        sealed = {"encrypt": feishu_events.encrypt(FEISHU_KEY, raw)}
        if rng.random() < 0.1:
            sealed = words.changed(
                rng,
                {"encrypt": rng.choice(("", "AAAA", "A" * 44, "A" * 45, "²" * 32, sealed["encrypt"][:-8]))},
            )
        raw = words.written(rng, sealed) if rng.random() < 0.1 else json.dumps(sealed).encode()
        raw, headers = feishu_events.signed({}, FEISHU_KEY if rng.random() < 0.95 else "k2", raw=raw)
    given = [
        ("Content-Type", "application/json" if rng.random() < 0.95 else rng.choice(words.CONTENT_TYPES)),
        *headers.items(),
    ]
    if rng.random() < 0.05:
        given = _meddled(rng, given)
    if rng.random() < 0.1:
        given += words.headers(rng)
    method = "POST" if rng.random() < 0.97 else rng.choice(METHODS)
    return Asked(method, f"/feishu/{slug}/events", tuple(given), raw, source=source(rng)), None


def _with(event: Any, name: str, value: Any) -> Any:
    return {**event, name: value} if isinstance(event, dict) else event


def _event(rng: random.Random, app: str) -> Any:
    chat, who = f"oc_{rng.randrange(20)}", f"ou_{rng.randrange(20)}"
    how: dict[str, Any] = {"app_id": app, "token": FEISHU_TOKEN}
    chosen = rng.random()
    if chosen < 0.08:
        return {"type": "url_verification", "challenge": "c", "token": FEISHU_TOKEN}
    if chosen < 0.3:
        value = {
            "press": rng.choice(("approve", "refuse", "stop")),
            "call": "c1",
            "digest": "d",
            "thread": "",
            "run": "r1",
        }
        return feishu_events.action_event(words.changed(rng, value), chat=chat, operator=who, **how)
    if chosen < 0.4:
        return feishu_events.recall_event(f"om_{rng.randrange(2_000)}", chat=chat, **how)
    kind = rng.choice(
        ("text", "text", "post", "image", "file", "sticker", "interactive", "merge_forward", "²")
    )
    content = {
        "text": {"text": rng.choice(("hi", "/new", "/stop", "@_user_1 hi", words.text(rng)[:3_000]))},
        "post": {
            "title": "t",
            "content": [
                [
                    {"tag": "text", "text": "a"},
                    {"tag": "at", "user_id": "@_user_1"},
                    {"tag": "img", "image_key": "i"},
                ]
            ],
        },
        "image": {"image_key": "img_1"},
        "file": {"file_key": "f_1", "file_name": words.text(rng)[:100]},
    }.get(kind, {"a": 1})
    # Groups in which nobody has named the bot are most of what Feishu sends, and begin no run.
    return feishu_events.message_event(
        content=words.changed(rng, content) if rng.random() < 0.5 else content,
        kind=kind,
        message_id=f"om_{rng.randrange(2_000)}" if rng.random() < 0.2 else "",
        chat=chat,
        chat_type=rng.choice(("group", "group", "group", "group", "p2p")),
        sender=who,
        sender_type=rng.choice(("user", "user", "user", "app")),
        thread=rng.choice(("", "", "omt_1")),
        mentions=rng.choice(
            ([], [], [{"key": "@_user_1", "id": {"open_id": "ou_bot"}, "name": "Bot"}], words.value(rng))
        ),
        parent=rng.choice(("", "", "om_1")),
        **how,
    )
