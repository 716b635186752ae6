"""How senders sign what they send, and where they name an event and a delivery: a table, chosen from by name. Pure.

    github       X-Hub-Signature-256     sha256=<hex of HMAC(secret, body)>
    gitlab       X-Gitlab-Token          the secret itself
    gitea        X-Gitea-Signature       <hex>                                    (Forgejo sends it, too)
    stripe       Stripe-Signature        t=<seconds>,v1=<hex of HMAC(secret, "t.body")>[,v1=…]
    slack        X-Slack-Signature       v0=<hex of HMAC(secret, "v0:t:body")>    t: X-Slack-Request-Timestamp
    standard     Webhook-Signature       v1,<base64 of HMAC(key, "id.t.body")>[ v1,…]    key: base64 after "whsec_"
    shopify      X-Shopify-Hmac-Sha256   <base64>
    sentry       Sentry-Hook-Signature   <hex>
    pagerduty    X-PagerDuty-Signature   v1=<hex>[,v1=…]
    hmac         a header of one's own   <hex>, with or without sha256=
    token        a header of one's own   the secret itself; or Authorization: Bearer <secret>
    basic        Authorization           Basic <base64 of the secret, which is name:password>

Where a time is signed, what is older or newer than TOLERANCE_S is no good: it may be a copy of what was sent long ago.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

TOLERANCE_S = 300
_STEP = re.compile(r"""\.([A-Za-z0-9_-]+)|\["([^"]+)"\]""")
_PLACE = re.compile(rf"\$(?:{_STEP.pattern}){{1,10}}")


@dataclass(frozen=True)
class Given:
    """What came in. `headers` are asked without regard to case; `now` in seconds; `header` is the trigger's own."""

    headers: Mapping[str, str]
    body: bytes
    now: float
    header: str = ""

    def named(self, name: str) -> str:
        """A header, or ""."""
        return self.headers.get(name, "").strip()


Check = Callable[[Given, str], bool]


@dataclass(frozen=True)
class Sender:
    """A sender. `label` for people; `signed` says whether a delivery is signed with this secret. `events` and
    `deliveries` are where it names the event and the delivery: headers, or places in the payload ("$.data.id"), the
    first that is there."""

    name: str
    label: Any
    signed: Check
    events: tuple[str, ...] = ()
    deliveries: tuple[str, ...] = ()


def same(given: str, right: str) -> bool:
    """Whether two texts are the same, in constant time, and neither is empty."""
    return bool(right) and hmac.compare_digest(_bytes(given), _bytes(right))


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")


def mac(key: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA256 of the parts, one after the other."""
    made = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        made.update(part)
    return made.digest()


def _any(given: Iterable[str], right: str) -> bool:
    found = False
    for one in given:  # all of them: which one it was is nobody's to time
        found |= same(one, right)
    return found


def _hex(header: str, prefix: str = "") -> Check:
    def signed(given: Given, secret: str) -> bool:
        value = given.named(header or given.header)
        return same(value.removeprefix(prefix).lower(), mac(secret.encode(), given.body).hex())

    return signed


def _base64(header: str) -> Check:
    def signed(given: Given, secret: str) -> bool:
        return same(given.named(header), base64.b64encode(mac(secret.encode(), given.body)).decode())

    return signed


def _is_now(given: Given, at: str) -> bool:
    return at.isascii() and at.isdigit() and len(at) < 15 and abs(given.now - int(at)) <= TOLERANCE_S


def _stripe(given: Given, secret: str) -> bool:
    pairs = [part.strip().partition("=") for part in given.named("Stripe-Signature").split(",")]
    at = next((value for name, _, value in pairs if name == "t"), "")
    right = mac(secret.encode(), _bytes(at), b".", given.body).hex()
    return _is_now(given, at) and _any((value for name, _, value in pairs if name == "v1"), right)


def _slack(given: Given, secret: str) -> bool:
    at = given.named("X-Slack-Request-Timestamp")
    right = mac(secret.encode(), b"v0:", _bytes(at), b":", given.body).hex()
    return _is_now(given, at) and same(given.named("X-Slack-Signature"), f"v0={right}")


def _standard(given: Given, secret: str) -> bool:
    id, at, signatures = (
        given.named(f"Webhook-{name}") or given.named(f"Svix-{name}")
        for name in ("Id", "Timestamp", "Signature")
    )
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = secret.encode()
    right = base64.b64encode(mac(key, _bytes(id), b".", _bytes(at), b".", given.body)).decode()
    found = (one.partition(",") for one in signatures.split())
    return (
        bool(id) and _is_now(given, at) and _any((value for kind, _, value in found if kind == "v1"), right)
    )


def _pagerduty(given: Given, secret: str) -> bool:
    right = mac(secret.encode(), given.body).hex()
    signatures = [one.strip() for one in given.named("X-PagerDuty-Signature").split(",")]
    return _any(signatures, f"v1={right}")


def _token(header: str = "") -> Check:
    def signed(given: Given, secret: str) -> bool:
        bearer = given.named("Authorization")
        bearer = bearer[7:].strip() if bearer[:7].lower() == "bearer " else ""
        return _any([given.named(header or given.header), bearer if not header else ""], secret)

    return signed


def _basic(given: Given, secret: str) -> bool:
    kind, _, value = given.named("Authorization").partition(" ")
    right = base64.b64encode(secret.encode()).decode()
    return kind.lower() == "basic" and same(value.strip(), right)


#: Where senders whom nobody has named say which event and which delivery it is.
EVENTS = (
    "X-GitHub-Event",
    "X-Gitlab-Event",
    "X-Gitea-Event",
    "X-Shopify-Topic",
    "Sentry-Hook-Resource",
    "X-Event-Key",
)
DELIVERIES = (
    "Idempotency-Key",
    "Webhook-Id",
    "X-GitHub-Delivery",
    "X-Gitlab-Event-UUID",
    "X-Gitea-Delivery",
    "X-Shopify-Webhook-Id",
    "X-Delivery-Id",
)

SENDERS: dict[str, Sender] = {
    one.name: one
    for one in (
        Sender("hmac", _("HMAC-SHA256 in a header"), _hex("", "sha256="), EVENTS, DELIVERIES),
        Sender(
            "github",
            "GitHub",
            _hex("X-Hub-Signature-256", "sha256="),
            ("X-GitHub-Event",),
            ("X-GitHub-Delivery",),
        ),
        Sender(
            "gitlab",
            "GitLab",
            _token("X-Gitlab-Token"),
            ("X-Gitlab-Event",),
            ("Idempotency-Key", "X-Gitlab-Event-UUID"),
        ),
        Sender(
            "gitea", "Gitea, Forgejo", _hex("X-Gitea-Signature"), ("X-Gitea-Event",), ("X-Gitea-Delivery",)
        ),
        Sender("stripe", "Stripe", _stripe, ("$.type",), ("$.id",)),
        Sender("slack", "Slack", _slack, ("$.event.type", "$.type"), ("$.event_id",)),
        Sender("standard", "Standard Webhooks, Svix", _standard, ("$.type",), ("Webhook-Id", "Svix-Id")),
        Sender(
            "shopify",
            "Shopify",
            _base64("X-Shopify-Hmac-Sha256"),
            ("X-Shopify-Topic",),
            ("X-Shopify-Webhook-Id",),
        ),
        Sender("sentry", "Sentry", _hex("Sentry-Hook-Signature"), ("Sentry-Hook-Resource",), ("Request-ID",)),
        Sender("pagerduty", "PagerDuty", _pagerduty, ("$.event.event_type",), ("$.event.id",)),
        Sender("token", _("a shared token"), _token(), EVENTS, DELIVERIES),
        Sender("basic", _("a name and a password"), _basic, EVENTS, DELIVERIES),
    )
}


def is_signed(sender: str, given: Given, secret: str) -> bool:
    """Whether a delivery is signed as this sender signs. Without a secret nothing is."""
    found = SENDERS.get(sender)
    return found is not None and bool(secret) and found.signed(given, secret)


def first(places: Iterable[str], headers: Mapping[str, str], payload: Any) -> str:
    """The first text among headers and places in the payload, or ""."""
    for place in places:
        found = at(payload, place) if place.startswith("$") else headers.get(place, "").strip()
        if found:
            return found
    return ""


def at(payload: Any, place: str) -> str:
    """The text or number at a place, like "$.event.id" or '$["a.b"].id'; "" if there is none."""
    value = payload
    for plain, quoted in _STEP.findall(place):
        value = value.get(plain or quoted) if isinstance(value, dict) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def is_place(text: str) -> bool:
    """Whether this is how a place in a payload is written."""
    return _PLACE.fullmatch(text) is not None


def challenge(sender: str, payload: Any) -> str:
    """What Slack wants to hear back when an address is entered there; "" if this is no such question."""
    asked = sender == "slack" and isinstance(payload, dict) and payload.get("type") == "url_verification"
    return at(payload, "$.challenge")[:1_000] if asked else ""
