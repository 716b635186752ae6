"""Random deliveries, signed by the senders' own libraries and then perhaps changed: we say of each what they say.

    python -m tests.senders --deliveries 2000 --seed 7

Stripe's library takes a time that lies ahead; we take none, of any sender. That is left out here and tested apart.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import os
import random
import string
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import gidgethub.sansio
import slack_sdk.signature
import standardwebhooks
import stripe
import svix.webhooks
from django.http.request import HttpHeaders

from chat.entrances.triggers.senders import Given, is_signed

Headers = dict[str, str]
#: What a library would say: whether a delivery with this secret, body and headers is genuine.
Judge = Callable[[str, bytes, Headers], bool]
Sign = Callable[[str, bytes, int], Headers]


def judged(work: Callable[[], Any]) -> bool:
    """Whether a library lets something pass: it returns True or an event, or raises."""
    try:
        return work() is not False
    except Exception:
        return False


def sign_stripe(secret: str, body: bytes, at: int) -> Headers:
    signature = stripe.WebhookSignature._compute_signature(f"{at}.{body.decode()}", secret)
    return {"Stripe-Signature": f"t={at},v1={signature}"}


def judge_stripe(secret: str, body: bytes, headers: Headers) -> bool:
    header = headers["Stripe-Signature"]
    return judged(lambda: stripe.WebhookSignature.verify_header(body.decode(), header, secret, 300))


def sign_slack(secret: str, body: bytes, at: int) -> Headers:
    verifier = slack_sdk.signature.SignatureVerifier(secret)
    signature = verifier.generate_signature(timestamp=str(at), body=body) or ""
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": signature}


def judge_slack(secret: str, body: bytes, headers: Headers) -> bool:
    verifier = slack_sdk.signature.SignatureVerifier(secret)
    names = ("X-Slack-Request-Timestamp", "X-Slack-Signature")
    return judged(lambda: verifier.is_valid(body, *(headers[name] for name in names)))


def standard(library: Any, prefix: str) -> tuple[Sign, Judge]:
    """The two libraries of the standard: they have the same methods."""

    def sign(secret: str, body: bytes, at: int) -> Headers:
        signature = library(secret).sign("msg_1", datetime.fromtimestamp(at, UTC), body.decode())
        return {f"{prefix}-id": "msg_1", f"{prefix}-timestamp": str(at), f"{prefix}-signature": signature}

    def judge(secret: str, body: bytes, headers: Headers) -> bool:
        def verify() -> Any:
            library(secret).verify(body.decode(), headers)
            return True

        return judged(verify)

    return sign, judge


def sign_github(secret: str, body: bytes, at: int) -> Headers:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def judge_github(secret: str, body: bytes, headers: Headers) -> bool:
    def verify() -> Any:
        gidgethub.sansio.validate_event(body, signature=headers["X-Hub-Signature-256"], secret=secret)
        return True

    return judged(verify)


LIBRARIES: dict[str, tuple[str, Sign, Judge]] = {
    "stripe": ("stripe", sign_stripe, judge_stripe),
    "slack_sdk": ("slack", sign_slack, judge_slack),
    "standardwebhooks": ("standard", *standard(standardwebhooks.Webhook, "webhook")),
    "svix": ("standard", *standard(svix.webhooks.Webhook, "svix")),
    "gidgethub": ("github", sign_github, judge_github),
}


def a_secret(chance: random.Random, sender: str) -> str:
    """A secret as this sender makes them."""
    if sender == "standard":
        return "whsec_" + base64.b64encode(chance.randbytes(24)).decode()
    return "".join(chance.choices(string.ascii_letters + string.digits, k=32))


def changed(chance: random.Random, body: bytes, headers: Headers) -> tuple[bytes, Headers]:
    """A delivery somebody has meddled with: one sign of it, or one header that is gone."""
    kind = chance.randrange(4)
    if kind == 0:
        return body + b" ", headers
    name = chance.choice(sorted(headers))
    value = headers[name]
    if kind == 1 and value:
        place = chance.randrange(len(value))
        return body, {**headers, name: value[:place] + chance.choice("0af,=v1 ") + value[place + 1 :]}
    if kind == 2:
        return body, {**headers, name: value[: chance.randrange(len(value) + 1)]}
    return body, {**headers, name: ""}


def main() -> int:
    """Parse, compare, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.senders", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=2_000, help="of each library")
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    chance, wrong = random.Random(seed), 0
    print(f"seed {seed}")
    for library, (sender, sign, judge) in LIBRARIES.items():
        genuine = 0
        for _ in range(chosen.deliveries):
            secret = a_secret(chance, sender)
            text = "".join(chance.choices('{}[]":,é中\n abc123', k=chance.randrange(1, 200)))
            body = json.dumps({"said": text}, ensure_ascii=False).encode()  # some libraries read it, too
            at = int(time.time()) - chance.choice((0, 0, 0, 100, 290, 310, 4_000))
            headers = sign(secret, body, at)
            if chance.random() < 0.5:
                body, headers = changed(chance, body, headers)
            theirs = judge(secret, body, headers)
            wsgi = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
            ours = is_signed(sender, Given(HttpHeaders(wsgi), body, time.time()), secret)
            genuine += theirs
            if ours != theirs:
                wrong += 1
                print(f"{library} says {theirs}, we say {ours}: {headers} {body!r} {secret}")
        print(f"{library}: {chosen.deliveries:,} deliveries, {genuine:,} of them genuine")
    print("We say the same of each." if not wrong else f"{wrong} differ.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
