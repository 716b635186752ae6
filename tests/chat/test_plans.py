"""What workers ask by themselves, and the pages of the admin, cost the same in a database six times as large.

The cost is counted (rows that are looked at, or steps of the virtual machine) and not timed. Run on SQLite and on
PostgreSQL. HOLDFAST_PLANS=5000,45000 does it with a tenth of a million events and with a million (ten minutes), and
prints what each costs and takes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from bench import large
from bench.cost import Cost, measured
from chat import extensions
from chat.entrances.feishu.adapter import FEISHU
from chat.entrances.schedules import delivery, dispatch, results, store
from chat.entrances.triggers import dispatch as firings
from chat.entrances.triggers import polling, watching
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.files import attachments
from chat.inspection import base
from chat.journal import queries
from chat.limits import usage
from chat.limits.decide import day_of
from chat.limits.spending import Spender
from chat.messenger import lanes, outbox
from chat.models import Conversation, Run, listed
from chat.retention import table
from chat.retention.models import OPEN, Erasure
from chat.search import finding, indexer
from chat.search.query import parse
from chat.support.clock import now_ms
from chat.titles import store as titles

pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]

#: Conversations at first, and how many are added.
SIZES = os.environ.get("HOLDFAST_PLANS", "")
FIRST, MORE = (int(number) for number in (SIZES or "260,1300").split(","))
TURNS = 3 if SIZES else 2
SMALL, LARGE = large.Size(FIRST, TURNS), large.Size(MORE, TURNS, people=2)
#: Rows of one look, and rows that a list counts (more than a page of it has): fewer than there are at first, so that
#: each does all that it may.
PAGE, COUNTED = 50, 60
#: What a cost may have grown to, and what does not matter: a level more in a tree, a page that is half full.
FACTOR, SLACK = 1.3, 40


def crowd() -> None:
    """How many runs a worker that was lost had (chat/journal/queries.py)."""

    class Journal:
        using = "default"

    queries._crowd(Journal(), "worker-3")  # type: ignore[arg-type]


def active() -> None:
    list(queries.active_rows().order_by("queued_at", "pk")[:500])


def old() -> None:
    """What retention would remove, a page of each kind."""
    for policy in table.policies():
        rows = table.due(policy, policy.days, now_ms())
        if rows is not None:
            list(rows.values_list("pk", flat=True)[:PAGE])


#: Everything that a worker asks again and again without anybody having asked it to.
LOOKS: dict[str, Callable[[], Any]] = {
    "runs to work on": active,
    "runs of a lost worker": crowd,
    "chats of a messenger": lambda: lanes.look(FEISHU, "me", now_ms(), page=PAGE),
    "whether anything has come to chats": lambda: lanes.newest_message(FEISHU.tables),
    "people of new chats": lambda: FEISHU.people(FEISHU.tables.apps.first(), ["ou_1", "ou_2"]),
    "the answer of a run": lambda: outbox.complete(FEISHU.tables, "run-8"),
    "what a run answers": lambda: (
        FEISHU.tables.messages.filter(run="run-8").order_by("sent_at", "id").first()
    ),
    "what came to triggers lately": lambda: watching.behind(now_ms() - 300_000),
    "what came to triggers, in turn": lambda: watching.turn(limit=PAGE),
    "firings to carry out": lambda: firings.due(now_ms()),
    "what entrances have due, and what waits for an operator": lambda: [
        *(count() for entrance in extensions.entrances() for count in entrance.due.values()),
        *(one.count() for _, one in extensions.attention()),
    ],
    "firings without a run": lambda: firings.unread(now_ms()),
    "addresses to look at": lambda: polling.due(now_ms()),
    "schedules that are due": lambda: store.due_schedules(now_ms()),
    "schedules' firings to begin": dispatch.waiting,
    "schedules' runs that are over": results.moved,
    "schedules' results to send": delivery.pending,
    "files that were never sent": lambda: attachments.clean(now_ms()),
    "what a person has used today": lambda: usage.of_day(Spender("user:1", "web"), day_of(now_ms())),
    "what is old enough to go": old,
    "what is to be deleted for good": lambda: list(Erasure.objects.filter(OPEN).order_by("pk")[:20]),
    "what search has not read lately": lambda: indexer.behind(now_ms() - 300_000, now_ms()),
    "what search has not read, in turn": lambda: indexer.turn(limit=PAGE),
    "conversations without a title": lambda: titles.answered(now_ms()),
    "titles that are due": lambda: titles.take("me", now_ms(), 4),
    "what a person looks for": lambda: finding.search(
        get_user_model().objects.get(username="person-0").pk, parse("hello"), finding.Filters()
    ),
    "a person's conversations": lambda: list(
        listed(get_user_model().objects.get(username="person-0").pk)[:50]
    ),
}


def admin_pages() -> dict[str, str]:
    """The lists of the admin that grow, with what is clicked in them. `old`: the first conversation of all."""
    old = Conversation.objects.order_by("updated_at").values_list("pk", flat=True)[0]
    trigger = Trigger.objects.order_by("created_at").values_list("pk", flat=True)[0]
    of = f"?conversation__id__exact={old}"
    return {
        "overview": "/admin/",
        "conversations": "/admin/chat/conversation/",
        "conversations, by date": "/admin/chat/conversation/?o=6",
        "conversations, by a title that nobody may sort by": "/admin/chat/conversation/?o=1",
        "conversation": f"/admin/chat/conversation/{old}/change/",
        "events": "/admin/chat/event/",
        "events of a rare type": "/admin/chat/event/?by_type=run.recovering",
        "events of an old conversation": f"/admin/chat/event/{of}",
        "runs": "/admin/chat/run/",
        "runs, by a column": "/admin/chat/run/?o=5",
        "runs of an old conversation": f"/admin/chat/run/{of}",
        "steps of an old conversation": f"/admin/chat/step/{of}",
        "calls of an old conversation": f"/admin/chat/call/{of}",
        "messages of an old conversation": f"/admin/chat/message/{of}",
        "refused requests": "/admin/chat/fault/",
        "firings of triggers": "/admin/triggers/triggerfiring/",
        "firings of a trigger": f"/admin/triggers/triggerfiring/?trigger__id__exact={trigger}",
        "firings of schedules": "/admin/schedules/schedulefiring/",
        "Feishu's chats": "/admin/feishu/feishulane/",
        "Feishu's messages": "/admin/feishu/feishumessage/",
        "triggers": "/admin/triggers/trigger/",
    }


@contextmanager
def by_indexes() -> Iterator[None]:
    """PostgreSQL reads tables of this size whole although it has an index for the question: that is quicker here, and
    no measure for a large one. Where it has no index, it reads the table all the same."""
    if connection.vendor != "postgresql" or SIZES:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        yield
        cursor.execute("SET LOCAL enable_seqscan = on")


def costs(client: Client, pages: dict[str, str]) -> dict[str, Cost]:
    """What each look and each page costs now."""
    found = {}
    for name, look in LOOKS.items():
        with measured() as found[name]:
            look()
    for name, address in pages.items():
        with measured() as found[name]:
            answer = client.get(address)
            assert answer.status_code == 200, (address, answer.status_code)
    return found


def taken(client: Client, pages: dict[str, str]) -> dict[str, float]:
    """Seconds that each look and each page takes now, the middle one of five."""
    found: dict[str, float] = {}
    for name, look in (LOOKS | {name: lambda at=at: client.get(at) for name, at in pages.items()}).items():
        times = []
        for _ in range(5):
            began = time.monotonic()
            look()
            times.append(time.monotonic() - began)
        found[name] = sorted(times)[2]
    return found


def test_what_is_asked_by_itself_and_the_admins_pages_do_not_grow(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_COUNTED", COUNTED)
    large.fill(SMALL, now_ms())
    large.analyze()
    pages = admin_pages()
    costs(admin_client, pages)  # what is read once, such as content types
    with by_indexes():
        before = costs(admin_client, pages)
    large.fill(LARGE, now_ms(), SMALL.conversations)
    large.analyze()
    with by_indexes():
        after = costs(admin_client, pages)
    if SIZES:
        times = taken(admin_client, pages)
        for name, cost in after.items():
            print(f"{name:<52} {before[name].total:>8} {cost.total:>8}  {times[name] * 1000:>8.1f} ms")
    grown = {
        name: f"{before[name].total} -> {cost.total}\n{cost.told()}"
        for name, cost in after.items()
        if cost.total > before[name].total * FACTOR + SLACK
    }
    if connection.vendor == "postgresql":
        with (
            connection.cursor() as cursor
        ):  # lists of the admin have set it for the transaction that is this test
            cursor.execute("SET LOCAL statement_timeout = 0")
    assert not grown, "\n\n".join(f"=== {name}: {told}" for name, told in grown.items())
    assert Run.objects.count() > 3_000 and TriggerFiring.objects.count() > 300
