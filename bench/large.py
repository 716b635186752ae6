"""A database as large as one wants it: people, conversations with their journals and all that is kept beside them.

`tests/chat/test_plans.py` holds that what the workers ask by themselves, and the pages of the admin, cost the same in
it (`bench/cost.py`). Rows are as in a database that is in use: runs are over, chats were told everything, firings
were carried out. By hand, into a migrated database, a million events in some minutes:

    DJANGO_SETTINGS_MODULE=config.settings HOLDFAST_TRIAL=1 DATABASE_URL=… python -m bench.large --conversations 40000
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.lived import Lives

#: Rows that one statement writes.
CHUNK = 2_000
#: Conversations that are made at a time.
BATCH = 1_000
#: Time between two turns of a conversation (milliseconds): an installation that has been in use for a while.
APART_MS = 60_000
#: Every so many conversations a request was refused.
FAULTY = 3
#: The types of one turn's events, in order.
TURN = ("message.added", "run.queued", "run.started", "step.started", "step.finished", "run.finished")


@dataclass(frozen=True)
class Size:
    """How much there is."""

    conversations: int
    turns: int = 2
    people: int = 10
    #: Every so many conversations one is a Feishu chat's, and one was begun by a trigger and one by a schedule.
    chats_every: int = 4


def fill(size: Size, now: int, start: int = 0, lives: Lives | None = None) -> None:
    """Write so much more, the last of it at `now` (milliseconds). `start`: how many conversations are there already.
    With `lives` their events can be read; without, there are as many rows, and nobody could show what they say."""
    from django.contrib.auth import get_user_model

    from chat import models as m
    from chat.entrances.feishu import models as f
    from chat.entrances.schedules import models as s
    from chat.entrances.triggers import models as t

    people = [get_user_model()(username=f"person-{start + n}") for n in range(size.people)]
    get_user_model().objects.bulk_create(people, CHUNK)
    app, _ = f.FeishuApp.objects.get_or_create(
        slug="large", defaults={"app_id": "cli_large", "name": "Large", "owner": people[0]}
    )
    schedules = [
        s.Schedule(owner=one, name="s", state="paused", created_at=now, updated_at=now) for one in people
    ]
    s.Schedule.objects.bulk_create(schedules)
    triggers = [
        t.Trigger(owner=one, name="t", kind="message", paused=True, created_at=now, updated_at=now)
        for one in people
    ]
    t.Trigger.objects.bulk_create(triggers)
    rows: dict[type, list[Any]] = {}

    def add(row: Any) -> None:
        rows.setdefault(type(row), []).append(row)

    for number in range(size.conversations):
        age = (size.conversations - number) * APART_MS
        owner = people[number % size.people]
        conversation = m.Conversation(
            id=uuid.uuid4(),
            owner=owner,
            agent="assistant",
            title=f"About {start + number}",
            head_seq=0 if lives else size.turns * len(TURN),
            head_tag="" if lives else "t" * 16,
            created_at=now - age,
            updated_at=now - age,
        )
        add(conversation)
        if not lives:
            for turn in range(size.turns):
                _turn(add, m, conversation, turn, now - age)
            if number % FAULTY == 0:
                add(_fault(m, conversation, now - age))
        add(t.TriggerScan(conversation=conversation, seq=conversation.head_seq))
        if number % size.chats_every == 0:
            _chat(add, f, app, conversation, number + start, now - age)
            _fired(add, s, t, conversation, number + start, now - age, schedules, triggers)
    if lives:
        made = rows.pop(m.Conversation)
        m.Conversation.objects.bulk_create(made, CHUNK)
        rows[m.Fault] = lives.write(list(enumerate(made, start)), size.turns)
        heads = {one.pk: one.head_seq for one in made}
        for scan in rows[t.TriggerScan]:
            scan.seq = heads[scan.conversation_id]
        for lane in rows.get(f.FeishuLane, []):
            lane.head_seq = heads[lane.conversation]
    lanes = rows.get(f.FeishuLane, [])
    model: Any
    for model in (m.Conversation, m.Event, m.Command, m.Message, m.Run, m.Step, m.Call, f.FeishuLane):
        model.objects.bulk_create(rows.pop(model, []), CHUNK)  # type: ignore[attr-defined]
    for delivery, lane in zip(rows.get(f.FeishuDelivery, []), lanes, strict=True):
        delivery.lane = lane
    for model, found in rows.items():
        model.objects.bulk_create(found, CHUNK)  # type: ignore[attr-defined]


def _turn(add: Callable[[Any], None], m: Any, conversation: Any, turn: int, at: int) -> None:
    run, seq = f"run-{turn}", turn * len(TURN)
    step = f"step-{turn}"
    for place, kind in enumerate(TURN, start=1):
        text = json.dumps({"type": kind, "at": at, "run": run, "text": "x" * 200})
        add(m.Event(conversation=conversation, seq=seq + place, type=kind, at=at, text=text, tag="t" * 16))
    common = {"conversation": conversation}
    add(m.Command(**common, command=f"c-{turn}", digest="d" * 64, result="{}", seq=seq + 2))
    add(m.Message(**common, seq=seq + 1, message=f"m-{turn}", kind="message", at=at, body={"text": "hello"}))
    add(
        m.Run(
            **common,
            run=run,
            seq=seq + 2,
            cause=f"m-{turn}",
            status="finished",
            worker=f"worker-{random.randrange(20)}",
            queued_at=at,
            started_at=at,
            ended_at=at,
            updated_at=at,
        )
    )
    add(
        m.Step(
            **common, seq=seq + 4, step=step, run=run, status="finished", open=False, started_at=at, body={}
        )
    )
    add(
        m.Call(
            **common,
            call=f"call-{turn}",
            step=step,
            ordinal=0,
            name="calculator",
            arguments="{}",
            effect="read_only",
            status="succeeded",
        )
    )


def _fault(m: Any, conversation: Any, at: int) -> Any:
    return m.Fault(
        conversation=conversation,
        run="run-0",
        step="step-0",
        kind="E25",
        text="refused",
        model="m",
        profile="p",
        address="a",
        digest="d" * 64,
        request="{}",
        created_at=at,
    )


def _chat(add: Callable[[Any], None], f: Any, app: Any, conversation: Any, number: int, at: int) -> None:
    chat = f"oc_{number}"
    add(
        f.FeishuLane(
            app=app,
            chat_id=chat,
            conversation=conversation.id,
            owner=conversation.owner,
            head_seq=conversation.head_seq,
        )
    )
    add(
        f.FeishuMessage(
            app=app,
            message_id=f"om_{number}",
            chat_id=chat,
            sender=f"ou_{number}",
            event={},
            sent_at=at,
            received_at=at,
            state="taken",
            run=f"run-{number}",
            answered_at=at,
        )
    )
    add(
        f.FeishuDelivery(
            uuid=f"u-{number}", run=f"run-{number}", content="{}", state="sent", created_at=at, sent_at=at
        )
    )


def _fired(
    add: Callable[[Any], None],
    s: Any,
    t: Any,
    conversation: Any,
    number: int,
    at: int,
    schedules: list[Any],
    triggers: list[Any],
) -> None:
    schedule, trigger = schedules[number % len(schedules)], triggers[number % len(triggers)]
    place = {"conversation": conversation.id}
    add(
        s.ScheduleFiring(
            schedule=schedule, due=at + number, state="over", run=f"run-{number}", created_at=at, **place
        )
    )
    add(
        t.TriggerFiring(
            trigger=trigger, key=f"k-{number}", state="fired", run=f"r-{number}", created_at=at, **place
        )
    )


def analyze() -> None:
    """Have the database know its tables, as its own service does in time."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def main(arguments: list[str]) -> int:
    """Fill the database that the settings name."""
    parser = argparse.ArgumentParser(prog="python -m bench.large")
    parser.add_argument("--conversations", type=int, default=5_000)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--people", type=int, default=100)
    given = parser.parse_args(arguments)
    import django

    django.setup()
    from chat.models import Conversation, Event

    there = Conversation.objects.count()
    for start in range(there, there + given.conversations, BATCH):
        fill(Size(BATCH, given.turns, given.people), time.time_ns() // 1_000_000, start)
        print(f"{start + BATCH} conversations", flush=True)
    analyze()
    print(f"{Event.objects.count()} events")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
