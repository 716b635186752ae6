"""The house that is attacked: real processes, Bob, whose data nobody else may see, and many strangers with accounts.

Many, because each may ask only so much: their limits are not what is looked at here.
"""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.support import template
from tests.support.feishu_server import FeishuServer
from tests.support.postgres import Postgres
from tests.support.processes import Stack
from tests.support.waiting import wait_until

#: Strangers, and triggers that each of them has of each kind of sender.
STRANGERS, TRIGGERS = 40, 1
FEISHU_KEY, FEISHU_TOKEN = "k1", "token-1"

#: Run by `manage.py shell`; prints one line of JSON.
FURNISH = """
import json
from django.contrib.auth import get_user_model, login
from django.http import HttpRequest
from chat.entrances.feishu.models import FeishuApp
from chat.entrances.schedules import editing as schedules
from chat.entrances.schedules.validation import Draft
from chat.entrances.triggers import editing as triggers
from chat.entrances.triggers.senders import SENDERS
from chat.http.sessions import SessionStore
from chat.support.clock import now_ms
from chat.tokens import store
from chat.tokens.models import ApiToken
from chat.tokens.scopes import SCOPES

users = get_user_model().objects
plan = json.loads({plan!r})

def trigger(owner, **fields):
    row = triggers.create(owner.pk, fields, now_ms())[0]
    return dict(id=str(row.pk), hook=row.hook, sender=row.sender if row.signed else "", secret=row.secret,
                header=row.signature_header)

def person(name, secret):
    user = users.filter(username=name).first() or users.create_user(name)
    request = HttpRequest()
    request.session = SessionStore()
    login(request, user, backend="chat.http.authentication.PasswordBackend")
    request.session.save()
    token = store.make(user.pk, "Test", SCOPES, 7, 600, now_ms())[1]
    schedule = schedules.create(user, Draft(name=secret or "News", prompt=secret or "What is new?", kind="cron",
                                            cron="0 9 1 1 *", zone="UTC"))[0]
    mine = [trigger(user, name=secret or "T", kind="webhook", prompt=(secret or "Look") + " {{{{ payload.a }}}}",
                    secret=secret and "whsec-" + secret, per_hour=5)]
    for number in range(0 if secret else plan["triggers"]):
        for sender in ("", *SENDERS):
            how = (
                dict(match="any"),
                dict(match="regex", path="$.items[*].id", pattern="(a|b)*c$"),
                dict(match="contains", path="event", pattern="push"),
                dict(match="equals", path="$[0,0].a", pattern="1"),
            )[(number + len(sender)) % 4]
            kind = dict(sender=sender, secret="s3cret:of-" + sender) if sender else {{}}
            if sender in ("hmac", "token"):
                kind["signature_header"] = "X-Sig"
            prompt = "Look at {{{{ payload.a }}}} {{{{ event }}}} {{{{ headers.x-d }}}}"
            named = "X-D" if number % 2 else ""
            mine.append(trigger(user, name="T", kind="webhook", per_hour=3, delivery_header=named, prompt=prompt,
                                **kind, **how))
    return dict(name=name, session=request.session.session_key, token=token, schedule=str(schedule.pk),
                triggers=mine, staff=user.is_staff)

people = [person("bob", plan["secret"])]
people += [person(f"stranger{{n}}", "") for n in range(plan["strangers"])]
people.append(person("charlie", ""))
ApiToken.objects.update(per_minute=1_000_000)
for slug, key in (("sealed", plan["key"]), ("plain", "")):
    FeishuApp.objects.create(slug=slug, name=slug, app_id="cli_" + slug, secret="app-secret", encrypt_key=key,
        verification_token=plan["token"], base_url=plan["feishu"], owner=users.get(username="alice"))
print("\\n" + json.dumps(people))
"""


@dataclass
class Person:
    """Somebody with an account, and what they have. `known`: ids that they have seen, of anything."""

    name: str
    session: str
    token: str
    schedule: str
    triggers: list[dict[str, str]]
    staff: bool = False
    csrf: str = field(default_factory=lambda: secrets.token_hex(16))
    conversation: str = ""
    attachment: str = ""
    known: list[str] = field(default_factory=list)

    @property
    def cookies(self) -> str:
        return f"sessionid={self.session}; csrftoken={self.csrf}"

    def browser(self, address: str) -> dict[str, str]:
        """The headers with which their browser asks."""
        return {"Cookie": self.cookies, "X-CSRFToken": self.csrf, "Origin": address}

    def program(self) -> dict[str, str]:
        """The headers with which a program of theirs asks."""
        return {"Authorization": f"Bearer {self.token}"}

    def saw(self, id: str) -> None:
        """Keep the last ids that they have been told."""
        self.known = [*self.known[-30:], id]


@dataclass
class House:
    """Where everything stands, and who is there."""

    stack: Stack
    bob: Person
    charlie: Person
    strangers: list[Person]
    #: What stands in all that Bob has.
    secret: str
    #: The forms of pages that were shown, by path: their fields with the values that they had.
    forms: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """What nobody but Bob and staff may be told."""
        own = (self.bob.token, self.bob.session, self.bob.triggers[0]["hook"].rpartition("/")[2])
        return tuple(one.encode() for one in (self.secret, *own))

    def ids(self, rng: random.Random, person: Person) -> str:
        """An id of something: theirs, Bob's or nobody's."""
        other = self.bob
        chosen = rng.random()
        if chosen < 0.55 and person.known:
            return rng.choice(person.known)
        if chosen < 0.75:
            return rng.choice(
                (person.conversation, person.schedule, person.triggers[0]["id"], person.attachment)
            )
        if chosen < 0.95:
            return rng.choice(
                (other.conversation, other.schedule, other.triggers[0]["id"], other.attachment, *other.known)
            )
        return f"{rng.getrandbits(128):032x}"


@contextmanager
def house(
    database_template: Path | None = None,
    *,
    postgres: bool = False,
    strangers: int = STRANGERS,
    triggers: int = TRIGGERS,
) -> Iterator[House]:
    """A house on SQLite (a copy of the template) or on PostgreSQL, furnished and up."""
    secret = f"bobs-{secrets.token_hex(12)}"
    env = {
        "HOLDFAST_TRIGGERS_PER_USER": "10000",
        "HOLDFAST_SCHEDULES_PER_USER": "10000",
        "HOLDFAST_COMMANDS_PER_MINUTE": "1000000",
    }
    with _database(postgres) as database, FeishuServer() as feishu:
        with Stack(template=None if database else database_template, database=database, env=env) as stack:
            if database:
                template.fill(database, stack.data)
            plan = {"secret": secret, "strangers": strangers, "triggers": triggers, "feishu": feishu.url}
            plan |= {"key": FEISHU_KEY, "token": FEISHU_TOKEN}
            told = stack.manage("shell", "-v", "0", "-c", FURNISH.format(plan=json.dumps(plan)))
            people = [Person(**one) for one in json.loads(told.strip().splitlines()[-1])]
            made = House(stack, people[0], people[-1], people[1:-1], secret)
            stack.up()
            for person in people:
                _move_in(made, person)
            yield made


@contextmanager
def _database(postgres: bool) -> Iterator[str | None]:
    if not postgres:
        yield None
        return
    with Postgres() as server:
        server.execute("CREATE DATABASE hostile")
        yield server.url("hostile")


def _move_in(made: House, person: Person) -> None:
    """A conversation that somebody has begun, with an answer in it, and a file."""
    said = made.secret if person is made.bob else "Hello"
    with httpx.Client(base_url=made.stack.address, timeout=30) as client:
        begun = _done(
            client.post("/api/v1/conversations", json={"title": said, "text": said}, headers=person.program())
        )
        person.conversation = str(begun["conversation"])
        form: Any = {"id": f"{random.getrandbits(128):032x}"}
        files = {"file": (f"{said}.txt", said.encode(), "text/plain")}
        kept = client.post(
            "/api/attachments", data=form, files=files, headers=person.browser(made.stack.address)
        )
        person.attachment = str(_done(kept)["id"])
        if person is made.bob:
            items = f"/api/v1/conversations/{person.conversation}/items"
            wait_until(
                lambda: len(_done(client.get(items, headers=person.program()))["items"]) > 1, 30, "an answer"
            )
            for item in _done(client.get(items, headers=person.program()))["items"]:
                person.saw(str(item["id"]))


def _done(answer: httpx.Response) -> Any:
    assert answer.status_code < 300, (answer.status_code, answer.text)
    return answer.json()
