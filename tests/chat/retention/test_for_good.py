"""A conversation and a person deleted for good: nothing of them is found in any store, and everything of others is."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection

from chat import erasure
from chat.entrances.feishu.models import FeishuMessage
from chat.entrances.schedules.models import ScheduleFiring
from chat.entrances.triggers.models import TriggerFiring
from chat.models import Attachment, Conversation, Event, Run
from chat.retention.erasing import MOST_STEPS, steps_for
from chat.retention.models import Erasure
from chat.retention.rounds import ask_for
from chat.session.errors import Unavailable
from tests.chat.retention.conftest import Planted, with_sessions
from tests.support.everywhere import everywhere
from tests.support.valkey import Valkey

Two = tuple[Planted, Planted]


def rows_and_keys(marker: str, valkey: Valkey) -> list[str]:
    """Where a text is, but for the files of SQLite: in which of them it lies is SQLite's own business."""
    return [place for place in everywhere(marker, valkey) if not place.startswith("file ")]


def erase(kind: str, key: Any) -> Erasure | None:
    row, new = ask_for(kind, str(key))
    assert new
    return erasure.carry_out(row)


def test_the_search_finds_every_store_before(people: Two, valkey: Valkey) -> None:
    """What a search does not find, its silence proves nothing about."""
    found = everywhere(people[0].said, valkey)
    stores = {place.split()[0] for place in found}
    assert stores == {"table", "storage", "redis"} | ({"file"} if connection.vendor == "sqlite" else set())
    tables = {place.split()[1] for place in found if place.startswith("table ")}
    assert tables >= {
        *("chat_conversation", "chat_event", "chat_message", "chat_step", "chat_call", "chat_fault"),
        *("chat_attachment", "chat_schedulefiring", "chat_scheduledelivery", "chat_triggerfiring"),
        *("chat_feishumessage", "chat_feishudelivery", "django_admin_log"),
    }
    kept = {place for place in everywhere(people[0].kept, valkey) if place.startswith("table ")}
    assert {place.split()[1] for place in kept} >= {
        *("auth_user", "agents_note", "chat_schedule", "chat_trigger", "chat_feishuuser", "tokens_apitoken"),
        "django_admin_log",
    }


def test_a_conversation_is_nowhere_afterwards(people: Two, valkey: Valkey) -> None:
    one, other = people
    theirs = rows_and_keys(other.said, valkey)
    done = erase("conversation", one.conversation)
    assert done is not None and (done.state, done.done, done.error) == ("over", 1, "")
    assert everywhere(one.said, valkey) == []
    assert everywhere(one.conversation, valkey) != []  # the record that it was deleted, and by which ids
    assert rows_and_keys(other.said, valkey) == theirs
    # What is the person's and not the conversation's stays, and so do rows by which something is known to be done.
    assert everywhere(one.kept, valkey) != []
    assert ScheduleFiring.objects.filter(conversation=one.conversation).count() == 1
    assert TriggerFiring.objects.filter(key=f"message:{one.conversation}:3").exists()
    assert FeishuMessage.objects.filter(run=one.run).exists()
    assert LogEntry.objects.filter(object_id=one.conversation, change_message="Read: transcript.").exists()


def test_a_conversation_that_its_owner_had_deleted_is_nowhere_afterwards(people: Two, valkey: Valkey) -> None:
    one, _ = people
    with_sessions(lambda sessions: sessions.delete(one.conversation))
    assert everywhere(one.said, valkey) != []
    erase("conversation", one.conversation)
    assert everywhere(one.said, valkey) == []
    assert not Attachment.objects.filter(created_at=Attachment.LET_GO).exists()


def test_a_person_is_nowhere_afterwards(people: Two, valkey: Valkey) -> None:
    one, other = people
    theirs = [rows_and_keys(marker, valkey) for marker in (other.said, other.kept)]
    logins = Session.objects.count()
    done = erase("person", one.user.pk)
    assert done is not None and (done.state, done.done) == ("over", 1)
    assert everywhere(one.said, valkey) == []
    assert everywhere(one.kept, valkey) == []
    assert [rows_and_keys(marker, valkey) for marker in (other.said, other.kept)] == theirs
    assert Session.objects.count() == logins - 1
    assert not get_user_model().objects.filter(pk=one.user.pk).exists()


def test_a_run_that_goes_on_is_ended_and_its_worker_can_write_nothing_more(
    people: Two, valkey: Valkey
) -> None:
    busy = Planted(people[1].user, "bandicootsaid", "x")
    busy.talk(end=False)
    fence = with_sessions(lambda sessions: sessions.take(busy.conversation, "w1", 30_000))
    assert Run.objects.get(run=busy.run).status == "running"
    erase("conversation", busy.conversation)
    assert everywhere(busy.said, valkey) == []
    assert not with_sessions(lambda sessions: _renews(sessions, busy.conversation))
    with pytest.raises(Exception, match="no such conversation"):
        with_sessions(lambda sessions: sessions.part(busy.conversation, fence, "m", 0, busy.said))
    assert everywhere(busy.said, valkey) == []


async def _renews(sessions: Any, conversation: str) -> bool:
    from chat.session.errors import NoConversation

    try:
        return bool(await sessions.renew(conversation, "w1", 30_000))
    except NoConversation:
        return False


def test_with_redis_away_it_waits_and_goes_on(people: Two, valkey: Valkey, settings: Any) -> None:
    one, _ = people
    row, _new = ask_for("conversation", one.conversation)
    redis, settings.HOLDFAST_REDIS_URL = settings.HOLDFAST_REDIS_URL, "redis://127.0.0.1:1/0"
    with pytest.raises(Unavailable):
        erasure.carry_out(row)
    row.refresh_from_db()
    assert row.state == "running" and row.error and row.claimed_until == 0
    assert Event.objects.filter(conversation=one.conversation).exists()
    settings.HOLDFAST_REDIS_URL = redis
    done = erasure.carry_out(row)
    assert done is not None and done.state == "over" and done.error == ""
    assert everywhere(one.said, valkey) == []


def test_who_asks_twice_gets_the_same_and_once_it_is_gone_a_new_one_does_nothing(people: Two) -> None:
    one, _ = people
    first, new = ask_for("conversation", one.conversation)
    second, again = ask_for("conversation", one.conversation)
    assert (new, again) == (True, False) and first.pk == second.pk
    assert erasure.carry_out(first) is not None
    assert erasure.carry_out(first) is None
    done = erase("conversation", one.conversation)
    assert done is not None and done.state == "over"


def test_the_command_asks_first_and_then_deletes(people: Two, capsys: Any) -> None:
    one, other = people
    call_command("delete_conversation", one.conversation)
    assert "Nothing was changed" in capsys.readouterr().out
    assert Conversation.objects.filter(pk=one.conversation).exists()
    call_command("delete_conversation", one.conversation, "--yes")
    assert f"{one.conversation} is deleted for good." in capsys.readouterr().out
    assert list(Conversation.objects.values_list("pk", flat=True)) == [
        Conversation.objects.get(pk=other.conversation).pk
    ]
    with pytest.raises(CommandError, match="no such conversation"):
        call_command("delete_conversation", one.conversation)


@pytest.mark.parametrize(
    ("steps", "pages", "then"), [(10, 200, 20), (10, 400, 10), (10, 900, 5), (1, 9_000, 1)]
)
def test_sqlites_log_is_written_back_before_others_have_to_and_not_much_earlier(
    steps: int, pages: int, then: int
) -> None:
    """Not after so many steps, but after so many pages; whoever writes first afterwards waits for the disk."""
    assert steps_for(steps, pages) == then
    assert steps_for(MOST_STEPS, 0) == MOST_STEPS
