"""What no layer should be surprised by, at every door that takes something over HTTP: never a 5xx, never a traceback.

`make fuzz` runs it with HOLDFAST_FUZZ=100000 requests a door; here it is some of them. A request that fails prints its
seed and itself.
"""

from __future__ import annotations

import json
import logging
import os
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from agents.models import ensure_default_agent
from chat.entrances.feishu.models import FeishuApp
from chat.entrances.schedules import editing as schedules
from chat.entrances.schedules.models import Schedule
from chat.entrances.schedules.validation import Draft
from chat.entrances.triggers import api as triggers_api
from chat.entrances.triggers import editing as triggers
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.http.limits import Allowance
from chat.support.clock import now_ms
from tests.support import odd

COUNT = int(os.environ.get("HOLDFAST_FUZZ", "40"))
SEED = int(os.environ.get("HOLDFAST_FUZZ_SEED", "14"))

SCHEDULE = {
    "name": "News",
    "prompt": "What is new?",
    "kind": "cron",
    "cron": "0 9 * * *",
    "zone": "Europe/Berlin",
}
SCHEDULE_FIELDS = tuple(name for name in Draft.model_fields)
TRIGGER = {"name": "T", "kind": "webhook", "prompt": "Look at {{ payload.a }}"}
TRIGGER_FIELDS = tuple(triggers_api.Wanted.model_fields)

Request = tuple[str, str, bytes | dict[str, Any]]
Door = Callable[[random.Random, "Place"], Request]


class Place:
    """Alice's trigger and schedule, to be changed."""

    def __init__(self, owner: Any) -> None:
        ensure_default_agent()
        self.owner = owner
        self.trigger = triggers.create(owner.pk, TRIGGER, now_ms())[0]
        FeishuApp.objects.create(
            slug="bot", name="Bot", app_id="cli_1", secret="s", verification_token="token-1", owner=owner
        )
        self.schedule = schedules.create(owner, Draft(**SCHEDULE))[0]


def _make_schedule(rng: random.Random, place: Place) -> Request:
    return "POST", "/api/schedules", odd.body(rng, SCHEDULE, SCHEDULE_FIELDS)


def _preview(rng: random.Random, place: Place) -> Request:
    return "POST", "/api/schedules/preview", odd.body(rng, SCHEDULE, SCHEDULE_FIELDS)


def _change_schedule(rng: random.Random, place: Place) -> Request:
    body = odd.body(rng, {}, (*SCHEDULE_FIELDS, "paused"))
    return "PATCH", f"/api/schedules/{place.schedule.pk}", body


def _run_schedule(rng: random.Random, place: Place) -> Request:
    return "POST", f"/api/schedules/{place.schedule.pk}/run", odd.body(rng, {}, ("id",))


def _make_trigger(rng: random.Random, place: Place) -> Request:
    sample = {
        **TRIGGER,
        "kind": rng.choice(("webhook", "poll", "message", "run")),
        "url": "https://example.com/",
    }
    return "POST", "/api/triggers", odd.body(rng, sample, TRIGGER_FIELDS)


def _change_trigger(rng: random.Random, place: Place) -> Request:
    return "PATCH", f"/api/triggers/{place.trigger.pk}", odd.body(rng, {}, TRIGGER_FIELDS)


def _run_trigger(rng: random.Random, place: Place) -> Request:
    return "POST", f"/api/triggers/{place.trigger.pk}/run", odd.body(rng, {}, ("id",))


def _lists(rng: random.Random, place: Place) -> Request:
    path = rng.choice(
        (
            f"/api/schedules/{place.schedule.pk}/history",
            f"/api/triggers/{place.trigger.pk}/history",
            "/api/conversations",
            f"/api/conversations/{uuid4()}/items",
            f"/api/conversations/{uuid4()}/calls/{quote(rng.choice(('²', 'a b', 'x' * 300, '..', '%')), safe='')}",
            "/api/boot",
        )
    )
    return "GET", f"{path}?{odd.query(rng, ('before', 'limit', 'after', 'q', 'cursor'))}", b""


def _upload(rng: random.Random, place: Place) -> Request:
    name = rng.choice([str(one) for one in odd.ODD if isinstance(one, str)]).encode(errors="replace").decode()
    data = rng.choice(
        (b"", b"text", b"\0", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"GIF89a", b"\xff\xfe")
    )
    file: Any = SimpleUploadedFile("x", data)
    file._name = name[:200]  # Django's own would not send it
    fields = {
        "file": file,
        "id": rng.choice(("", "\0", "²", str(uuid4()))),
    }
    return "POST", "/api/attachments", fields


def _login(rng: random.Random, place: Place) -> Request:
    texts = [one.encode(errors="replace").decode() for one in odd.ODD if isinstance(one, str)]
    return (
        "POST",
        "/accounts/login/",
        {"username": rng.choice(texts), "password": rng.choice(texts), "next": rng.choice(texts)},
    )


def _admin(rng: random.Random, place: Place) -> Request:
    kind = rng.choice(
        ("triggers/trigger", "triggers/triggerfiring", "schedules/schedule", "chat/conversation", "chat/run")
    )
    what = rng.choice(("", "", "²/change/", f"{10**25}/change/", "x/history/", f"{place.trigger.pk}/change/"))
    names = (
        "q",
        "p",
        "o",
        "id__exact",
        "trigger__id__exact",
        "owner__id__exact",
        "kind",
        "state",
        "all",
        "_popup",
    )
    query = odd.query(rng, names).replace(
        "%00", "%01"
    )  # those with U+0000 end before Django (test_borders.py)
    return "GET", f"/admin/{kind}/{what}?{query}", b""


def _form(rng: random.Random, place: Place) -> Request:
    texts = [one.encode(errors="replace").decode() for one in odd.ODD if isinstance(one, str)]
    made = {
        "owner": place.owner.pk,
        "name": "T",
        "kind": "webhook",
        "prompt": "x",
        "match": "any",
        "speaker": "person",
        "cooldown_s": "0",
        "per_hour": "30",
        "interval_s": "300",
        "signature_header": "X-A",
    }
    names = (*made, *TRIGGER_FIELDS, "expires_0", "expires_1", "unsigned", "_save")
    for _ in range(3):
        made[rng.choice(names)] = rng.choice(
            (*texts, "1e400", str(10**30), "-1", "0001-01-01", "9999-12-31", "23:59:59")
        )
    return "POST", "/admin/triggers/trigger/add/", made


def _hook(rng: random.Random, place: Place) -> Request:
    return "POST", place.trigger.hook, odd.body(rng, {"a": 1}, ("a", "b", "payload"))


def _feishu(rng: random.Random, place: Place) -> Request:
    message = {
        "message_id": f"om_{rng.random()}",
        "chat_id": "oc_1",
        "create_time": "1",
        "message_type": "text",
    }
    event = {
        "sender": {"sender_type": "user", "sender_id": {"open_id": "ou_1"}},
        "message": {**message, "content": json.dumps({"text": rng.choice(("hi", "\0", "\ud800"))})},
    }
    header = {"event_type": "im.message.receive_v1", "token": "token-1", "event_id": "e", "create_time": "1"}
    told = {"schema": "2.0", "header": header, "event": event}
    part: dict[str, Any] = rng.choice((told, header, event, event["message"], event["sender"]["sender_id"]))
    name = rng.choice(list(part))
    part[name] = rng.choice((*odd.ODD, "raw-0-raw"))
    raw = json.dumps(told).replace('"raw-0-raw"', rng.choice(odd.RAW))
    return "POST", "/feishu/bot/events", raw.encode()


DOORS: dict[str, Door] = {
    name.strip("_"): door
    for name, door in list(globals().items())
    if name.startswith("_")
    and callable(door)
    and getattr(door, "__annotations__", {}).get("return") == "Request"
}


@pytest.fixture
def place(transactional_db: None, redis_url: str, charlie: Any, monkeypatch: Any) -> Place:
    # What is written at once by one person is bounded elsewhere.
    monkeypatch.setattr(Allowance, "take", lambda self, key: True)
    return Place(charlie)


@pytest.mark.parametrize("name", DOORS)
def test_no_door_is_surprised(place: Place, caplog: Any, settings: Any, name: str) -> None:
    settings.HOLDFAST_TRIGGERS_PER_USER = settings.HOLDFAST_SCHEDULES_PER_USER = 10**6
    client = Client(raise_request_exception=False)
    client.force_login(place.owner)
    caplog.set_level(logging.ERROR)
    for number in range(COUNT):
        rng = random.Random(f"{SEED}:{name}:{number}")
        method, path, body = DOORS[name](rng, place)
        if isinstance(body, dict):
            answer = client.post(path, body)
        else:
            kind = (
                rng.choice(("application/json", "application/x-www-form-urlencoded"))
                if name == "hook"
                else "application/json"
            )
            answer = client.generic(method, path, body, content_type=kind)
        told = (number, method, path, body if isinstance(body, dict) else body[:2_000])
        assert answer.status_code < 500, told
        assert not [one for one in caplog.records if one.exc_info], told
        if answer.get("Content-Type") == "application/json":
            json.loads(answer.content, parse_constant=_refuse)
        if number % 200 == 199:
            Schedule.objects.exclude(pk=place.schedule.pk).delete()
            Trigger.objects.exclude(pk=place.trigger.pk).delete()
            TriggerFiring.objects.all().delete()


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
