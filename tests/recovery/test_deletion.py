"""Whoever deletes for good is killed at any moment: what follows finishes it, and nothing of it is left half done."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.erasing import measure
from tests.support.everywhere import in_folder
from tests.support.processes import ROOT, Stack
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

MARKER = "quokka"
FILL = f"""
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from bench import large
from chat.models import Attachment, Conversation, Event, Message
from chat.support.clock import now_ms
import uuid
large.fill(large.Size(30, people=2), now_ms())
first = get_user_model().objects.get(username="person-0")
Message.objects.filter(conversation__owner=first).update(body={{"text": "{MARKER}"}})
Event.objects.filter(conversation__owner=first).update(text="{MARKER}")
for row in Conversation.objects.filter(owner=first)[:3]:
    file = Attachment(id=uuid.uuid4(), owner=first, conversation=row, name="{MARKER}", media_type="text/plain",
                      size=1, sha256="0" * 64, created_at=now_ms())
    file.file.save(str(file.id), ContentFile(b"{MARKER}"), save=True)
large_app = __import__("chat.entrances.feishu.models", fromlist=["FeishuApp"]).FeishuApp
large_app.objects.update(owner=get_user_model().objects.get(username="person-1"))
"""


@pytest.fixture
def filled(database_template: Path) -> Iterator[Stack]:
    with Stack(template=database_template) as stack:
        stack.manage("shell", "-v", "0", "-c", FILL)
        yield stack


def die(stack: Stack, at: str, *argv: str) -> int:
    """Run a command that kills itself at this place; its status."""
    env = stack.env | {"HOLDFAST_DIE_AT": at}
    return subprocess.run(
        [sys.executable, "manage.py", *argv], cwd=ROOT, env=env, capture_output=True
    ).returncode


def left(stack: Stack) -> list[str]:
    """Where the marker still is."""
    found = [
        str(path) for path in stack.data.glob("holdfast.sqlite3*") if MARKER.encode() in path.read_bytes()
    ]
    return found + list(in_folder(MARKER, stack.data / "media"))


def whole(stack: Stack) -> None:
    """No row hangs on one that is gone."""
    assert stack.sql("PRAGMA foreign_key_check") == []


PLACES = ["erasing.hidden", "erasing.step:1", "erasing.step:9", "erasing.step:14", "erasing.person"]


@pytest.mark.parametrize(
    "place",
    [pytest.param(one, marks=() if one == "erasing.step:9" else pytest.mark.exhaustive) for one in PLACES],
)
def test_a_person_is_gone_although_whoever_deleted_them_was_killed(filled: Stack, place: str) -> None:
    assert left(filled) != []
    assert die(filled, place, "delete_person", "person-0", "--yes") == -signal.SIGKILL
    whole(filled)
    assert filled.sql("SELECT is_active FROM auth_user WHERE username = 'person-0'") == [(0,)]
    if place == "erasing.step:9":
        # Nobody repeats the command: a worker goes on once the dead one's claim has run out.
        filled.sql("UPDATE retention_erasure SET claimed_until = 0")
        filled.start("worker")
        wait_until(
            lambda: filled.sql("SELECT state FROM retention_erasure") == [("over",)], 60, "the erasure"
        )
    else:
        assert "is deleted." in filled.manage("delete_person", "person-0", "--yes")
    whole(filled)
    assert filled.sql("SELECT COUNT(*) FROM auth_user WHERE username = 'person-0'") == [(0,)]
    assert filled.sql("SELECT COUNT(*) FROM chat_conversation") == [(15,)]
    assert left(filled) == []


@pytest.mark.exhaustive
def test_a_round_goes_on_where_it_was_killed(filled: Stack) -> None:
    first = filled.sql("SELECT id FROM auth_user WHERE username = 'person-0'")[0][0]
    filled.sql("UPDATE chat_conversation SET deleted_at = 1 WHERE owner_id = ?", first)
    filled.sql("UPDATE chat_fault SET created_at = 1")
    for place in ("erasing.step:5", "retention.step:1", "retention.step:2"):
        filled.sql("UPDATE retention_round SET claimed_until = 0")
        assert die(filled, place, "retention") in (-signal.SIGKILL, 0)
        whole(filled)
    filled.sql("UPDATE retention_round SET claimed_until = 0")
    filled.manage("retention")
    assert filled.sql("SELECT COUNT(*) FROM chat_conversation") == [(15,)]
    assert filled.sql("SELECT COUNT(*) FROM chat_fault") == [(0,)]
    assert left(filled) == []


@pytest.mark.exhaustive
async def test_others_chat_on_while_somebody_with_many_conversations_is_deleted(
    database_template: Path,
) -> None:
    """A small form of `python -m bench.erasing`, whose numbers are in docs/benchmarks.md."""
    with Stack(template=database_template) as stack:
        found = await measure(stack, 150)
    print(found.before.told(), found.during.told(), sep="\n")
    assert len(found.during.all) > 3
    # A machine that is busy with other tests is slow before, too.
    assert found.during.all[-1] < max(0.2, 2 * found.before.all[-1]), found.during.told()
