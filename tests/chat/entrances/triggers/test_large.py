"""Large deliveries: stored whole, filled in from the whole, refused with a row, and read one at a time."""

from __future__ import annotations

import asyncio
import json
import resource
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.files.storage import default_storage

from chat.entrances.triggers import bodies
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.entrances.triggers.service import MAX_KEPT, tidy
from chat.entrances.triggers.store import fire_again
from tests.chat.entrances.triggers.house import House

GITHUB = 25 * 1024 * 1024


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


def push(commits: int, size: int = 0) -> dict[str, Any]:
    """A push as GitHub tells it, at least so large."""
    one = {
        "id": "f" * 40,
        "message": "Mend the thing\n\nIt was broken.",
        "added": ["a/b.py"],
        "author": {"name": "ann"},
    }
    made = {
        "ref": "refs/heads/main",
        "commits": [{**one, "n": n} for n in range(commits)],
        "pusher": {"name": "ann"},
    }
    if size:
        made["commits"][0]["message"] = "x" * (size - len(json.dumps(made)))
    return made


async def test_a_push_of_150_commits_is_filled_in_and_stored(house: House, storage: Path) -> None:
    trigger = await house.trigger(
        prompt="{{ payload.pusher.name }}: {{ payload.commits[149].n }} on {{ payload.ref }}"
    )
    body = json.dumps(push(500)).encode()
    assert len(body) > 64 * 1024
    assert (await house.post(trigger, body))["status"] == "fired"
    assert await house.said() == ["ann: 149 on refs/heads/main"]
    (row,) = await house.rows()
    assert row.size == len(body) and len(json.dumps(row.seen)) < 20_000
    assert bodies.read(row.body) == (body, "")


@pytest.mark.exhaustive
async def test_25_MB_are_taken_five_at_once_and_one_of_them_in_memory(house: House) -> None:
    trigger = await house.trigger(prompt="{{ payload.ref }}")
    body = json.dumps(push(20_000, GITHUB - 100)).encode()
    assert GITHUB - 200 < len(body) <= GITHUB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    async def sent(number: int) -> dict[str, str]:
        """As senders do, again when the server says that it was too busy to keep it in time."""
        for tries in range(20):
            told: dict[str, str] | None = await house.post(trigger, body, None, X_Delivery_Id=str(number))
            if told is not None:
                return told
            await asyncio.sleep(0.1 * tries)
        return {}

    told = await asyncio.gather(*(sent(number) for number in range(5)))
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert all(told) and {one["status"] for one in told} <= {"fired", "pending"}
    await house.settle()
    assert await house.said() == ["refs/heads/main"] * 5
    # Each copy of the test's own requests is 25 MB more; a document of all five would be a gigabyte.
    assert grown_mb < 600, grown_mb


async def test_what_is_too_large_is_refused_with_a_row_that_says_so(house: House, settings: Any) -> None:
    settings.HOLDFAST_WEBHOOK_BYTES = 100_000
    trigger = await house.trigger()
    await house.post(trigger, b"x" * 100_001, 413, X_Delivery_Id="d1")
    (row,) = await house.rows()
    assert (row.state, row.reason, row.size) == ("skipped", "too_large", 100_001)
    assert await house.said() == [] and row.body == ""
    settings.HOLDFAST_WEBHOOK_BYTES = 200_000
    assert (await house.post(trigger, b"x" * 100_001, X_Delivery_Id="d1"))["status"] == "fired"


async def test_who_does_not_know_the_address_leaves_no_row(house: House, settings: Any) -> None:
    settings.HOLDFAST_WEBHOOK_BYTES = 100_000
    trigger = await house.trigger()
    wrong = trigger.hook[:-1] + ("a" if trigger.hook[-1] != "a" else "b")
    answer = await house.client.post(wrong, b"x" * 100_001, content_type="application/json")
    assert answer.status_code == 404 and await house.rows() == []


async def test_a_form_as_github_sends_it_and_a_document_of_too_many_values(house: House) -> None:
    from urllib.parse import urlencode

    trigger = await house.trigger(prompt="{{ payload.ref }}{{ payload.commits[3].n }}")
    form = urlencode({"payload": json.dumps(push(1_000))}).encode()
    answer = await house.client.post(trigger.hook, form, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200 and await house.said() == ["refs/heads/main3"]
    assert (await house.post(trigger, b"[" + b"1," * 2_000_001 + b"1]"))["status"] == "fired"
    assert "1,1,1" in (await house.said())[1]


async def test_what_is_fired_again_is_filled_in_from_the_whole(house: House) -> None:
    trigger = await house.trigger(prompt="x", paused=True)
    told = await house.post(trigger, json.dumps(push(1_000)).encode())
    assert told["reason"] == "paused"
    await Trigger.objects.filter(pk=trigger.pk).aupdate(prompt="number {{ payload.commits[999].n }}")
    assert await sync_to_async(fire_again)(told["firing"])
    await house.settle()
    assert await house.said() == ["number 999"]


async def test_a_repetition_stores_nothing_more_and_rows_take_their_bodies_along(house: House) -> None:
    trigger = await house.trigger(prompt="{{ payload.ref }}")
    body = json.dumps(push(1_000)).encode()
    first = await house.post(trigger, body, X_Delivery_Id="d")
    assert await house.post(trigger, body, X_Delivery_Id="d") == first
    folder: Any = default_storage
    stored = [path for path in Path(folder.location).rglob("*") if path.is_file()]
    assert len(stored) == 1
    await trigger.adelete()
    assert not stored[0].exists()


async def test_old_bodies_go_and_their_rows_stay(house: House) -> None:
    trigger = await house.trigger(prompt="{{ payload.ref }}")
    await house.post(trigger, json.dumps(push(1_000)).encode())
    (row,) = await house.rows()
    await sync_to_async(tidy)(row.created_at + bodies.KEPT_MS)
    assert default_storage.exists(row.body)
    await sync_to_async(tidy)(row.created_at + bodies.KEPT_MS + 1)
    assert not default_storage.exists(row.body)
    await row.arefresh_from_db()
    assert (row.state, row.body) == ("fired", "")


async def test_of_what_was_refused_only_the_newest_rows_are_kept(house: House) -> None:
    trigger = await house.trigger()
    row = {"trigger": trigger, "state": "skipped", "reason": "too_large", "created_at": 1}
    await TriggerFiring.objects.abulk_create(
        TriggerFiring(key=f"refused:{n}", **row) for n in range(MAX_KEPT + 9)
    )
    await sync_to_async(tidy)(house.now)
    assert len(await house.rows()) == MAX_KEPT
