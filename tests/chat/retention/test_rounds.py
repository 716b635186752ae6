"""A round removes what is older than its policy says, a little at a time, one worker after the other."""

from __future__ import annotations

import os
import time
import uuid
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench import large
from chat.entrances.feishu.models import FeishuApp, FeishuMessage
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.models import Attachment, Conversation, Event, Fault, Run
from chat.retention import table
from chat.retention.ages import aged
from chat.retention.models import Round
from chat.retention.policy import DAY_MS
from chat.retention.purge import MAX_ROWS, MIN_ROWS, TARGET_MS, Pace, purge_some
from chat.retention.rounds import CLAIM_MS, Retention, ask_for_round
from chat.retention.table import due, policies, set_days
from chat.runtime import opened
from chat.support.clock import now_ms
from tests.chat.retention.conftest import Planted
from tests.support.everywhere import everywhere
from tests.support.valkey import Valkey

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_url")]


def round_(worker: str = "w1", **how: Any) -> dict[str, int] | None:
    async def work() -> dict[str, int] | None:
        async with opened() as runtime:
            return await Retention(runtime.sessions, runtime.database, worker).round(**how)

    return async_to_sync(work)()


def test_a_pace_follows_what_a_transaction_takes() -> None:
    pace = Pace()
    for _ in range(20):
        assert pace.took(0.001) > 0
    assert pace.rows == MAX_ROWS
    for _ in range(20):
        assert pace.took(TARGET_MS / 1000 + 0.1) >= 0.2
    assert pace.rows == MIN_ROWS


def test_conversations_that_were_deleted_go_after_thirty_days_and_others_stay(
    people: tuple[Planted, Planted], valkey: Valkey
) -> None:
    one, other = people
    now = now_ms()
    Conversation.objects.filter(pk=one.conversation).update(deleted_at=now - 31 * DAY_MS)
    Conversation.objects.filter(pk=other.conversation).update(deleted_at=now - 29 * DAY_MS)
    removed = round_()
    assert removed is not None and removed["deleted"] == 1
    assert everywhere(one.said, valkey) == []
    assert Conversation.objects.filter(pk=other.conversation).exists()


def test_old_conversations_go_only_where_that_was_set_and_never_with_a_run_at_work(
    people: tuple[Planted, Planted],
) -> None:
    one, other = people
    busy = Planted(one.user, "bandicoot", "x")
    busy.talk(end=False)
    old = now_ms() - 400 * DAY_MS
    Conversation.objects.update(updated_at=old)
    Conversation.objects.filter(pk=other.conversation).update(updated_at=now_ms())
    round_()
    assert Conversation.objects.count() == 3
    set_days("conversations", 365, now_ms())
    removed = round_(now=True)
    assert removed is not None and removed["conversations"] == 1
    left = set(Conversation.objects.values_list("pk", flat=True))
    assert left == {uuid.UUID(busy.conversation), uuid.UUID(other.conversation)}


def test_every_policy_removes_what_is_old_and_nothing_else(people: tuple[Planted, Planted]) -> None:
    """With each policy on, and everything old by a clock that is far ahead: each finds rows, and none is left."""
    for policy in policies():
        if not policy.conversations:
            set_days(policy.name, policy.least, now_ms())
    ahead = now_ms() + 40_000 * DAY_MS
    tried = [one for one in policies() if not (one.conversations or one.name.startswith("pager"))]
    found = {policy.name: due(policy, policy.least, ahead) for policy in tried}
    counts = {name: rows.count() for name, rows in found.items() if rows is not None}
    nothing = {name for name, count in counts.items() if not count}
    assert nothing == {"requests", "replays", "learned", "set_aside", "erasures"}
    for policy in tried:
        rows = found[policy.name]
        assert rows is not None
        while policy.remove(rows, 50):
            pass
        assert rows.count() == 0, policy.name
        # Nothing is old a moment after 1970.
        none = due(policy, policy.least, 0)
        assert none is not None and none.count() == 0, policy.name
    assert Conversation.objects.count() == 2


def test_files_go_with_their_rows(people: tuple[Planted, Planted], settings: Any) -> None:
    media = settings.MEDIA_ROOT
    assert len([path for path in media.rglob("*") if path.is_file()]) == 6
    set_days("attachments", 1, now_ms())
    Attachment.objects.update(created_at=now_ms() - 3 * DAY_MS)
    TriggerFiring.objects.update(created_at=now_ms() - 31 * DAY_MS)
    removed = round_()
    assert removed is not None and (removed["attachments"], removed["webhook_bodies"]) == (2, 4)
    left = [path.name for path in media.rglob("*") if path.is_file()]
    assert len(left) == 2  # two that were uploaded and not sent; the sweeper sees to those
    assert TriggerFiring.objects.count() == 4
    assert set(TriggerFiring.objects.values_list("prompt", "body", "title")) == {("", "", "")}


def test_files_that_no_row_names_go_after_a_day(people: tuple[Planted, Planted], settings: Any) -> None:
    """Whoever wrote one died before its row was there; whoever removed a row died before its file was gone."""
    media = settings.MEDIA_ROOT
    there = {path for path in media.rglob("*") if path.is_file()}
    for folder in ("attachments", "deliveries"):
        for name, age in (("young", 3_600), ("old", 2 * 86_400)):
            path = media / folder / "ab" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
            os.utime(path, (time.time() - age,) * 2)
    for path in there:
        os.utime(path, (1, 1))
    removed = round_()
    assert removed is not None and removed["strays"] == 2
    left = {path for path in media.rglob("*") if path.is_file()}
    assert {path.name for path in left - there} == {"young"} and there <= left
    removed = round_(now=True)
    assert removed is not None and "strays" not in removed, "once a day"


def test_a_firing_that_is_still_to_be_carried_out_is_never_touched() -> None:
    user = get_user_model().objects.create_user("alice")
    now = now_ms()
    trigger = Trigger.objects.create(
        owner=user, name="t", kind="webhook", prompt="p", created_at=now, updated_at=now
    )
    common = {"trigger": trigger, "seen": {"a": 1}, "prompt": "x", "created_at": 0}
    TriggerFiring.objects.create(**common, key="1", state="pending")
    TriggerFiring.objects.create(**common, key="2", state="fired")
    app = FeishuApp.objects.create(slug="a", app_id="a", name="A", owner=user)
    message = {"app": app, "chat_id": "c", "sender": "s", "event": {}, "sent_at": 0, "received_at": 0}
    FeishuMessage.objects.create(**message, message_id="1", state="received")
    FeishuMessage.objects.create(**message, message_id="2", state="taken")
    round_()
    assert list(TriggerFiring.objects.values_list("key", flat=True)) == ["1"]
    assert list(FeishuMessage.objects.values_list("message_id", flat=True)) == ["1"]


def test_one_worker_is_at_it_and_the_next_one_comes_when_it_died() -> None:
    assert round_("w1") is not None
    assert round_("w2") is None, "the next round is due in an hour"
    ask_for_round()
    Round.objects.update(claimed_by="w1", claimed_until=now_ms() + CLAIM_MS)
    assert round_("w2") is None
    Round.objects.update(claimed_until=now_ms() - 1)
    assert round_("w2") is not None
    row = Round.objects.get()
    assert (row.claimed_by, row.policy, row.error) == ("", "", "") and row.ended_at >= row.started_at


def test_the_command_counts_first_sets_days_and_removes() -> None:
    large.fill(large.Size(60, people=2, chats_every=3), now_ms())
    faults = Fault.objects.count()
    Fault.objects.update(created_at=now_ms() - 100 * DAY_MS)
    said = StringIO()
    call_command("retention", "--dry-run", stdout=said)
    line = next(one for one in said.getvalue().splitlines() if " faults " in one)
    assert line.split()[:4] == [str(faults), "faults", "90", "days"]
    assert Fault.objects.count() == faults
    call_command("retention", "--set", "faults=never", stdout=StringIO())
    call_command("retention", "--only", "faults", stdout=StringIO())
    assert Fault.objects.count() == faults
    call_command("retention", "--set", "faults=99", stdout=StringIO())
    said = StringIO()
    call_command("retention", "--only", "faults", stdout=said)
    assert said.getvalue().split() == [str(faults), "faults"]
    assert Fault.objects.count() == 0
    for wrong in (["--set", "faults"], ["--set", "faults=-1"], ["--set", "falts=1"], ["--only", "falts"]):
        with pytest.raises(CommandError):
            call_command("retention", *wrong)


def test_no_transaction_is_larger_than_a_batch_and_leaves_come_first() -> None:
    large.fill(large.Size(60, people=2, chats_every=3), now_ms())
    rows = Conversation.objects.all()
    with CaptureQueriesContext(connection) as queries:
        while some := purge_some(rows, 100):
            assert some <= 100
            # Whoever dies here leaves nothing that hangs on what is gone.
            assert not Event.objects.exclude(conversation__in=Conversation.objects.all()).exists()
            assert not Run.objects.exclude(conversation__in=Conversation.objects.all()).exists()
    assert Conversation.objects.count() == Event.objects.count() == Run.objects.count() == 0
    deletions = [query["sql"] for query in queries if query["sql"].startswith("DELETE")]
    assert len(deletions) > 10


def test_what_is_old_is_found_by_halving() -> None:
    large.fill(large.Size(60, people=2), now_ms())
    rows = list(Fault.objects.order_by("pk"))
    for number, row in enumerate(rows):
        Fault.objects.filter(pk=row.pk).update(created_at=1_000 + number)
    Fault.objects.filter(pk=rows[5].pk).delete()
    ages = sorted(Fault.objects.values_list("created_at", flat=True))
    for before in (0, 1_000, 1_001, 1_005, 1_006, 1_007, 1_000 + len(rows), 9_999):
        found = sorted(aged(Fault.objects.all(), "created_at", before).values_list("created_at", flat=True))
        assert found == [age for age in ages if age < before]
    assert list(aged(Fault.objects.filter(pk=-1), "created_at", 5)) == []


def test_the_table_is_of_this_release() -> None:
    assert table.find("deleted").days == 30
