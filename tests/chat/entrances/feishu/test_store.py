"""Events of requests that come at the same time are stored together, each on its own merits."""

import asyncio

import pytest

from chat.entrances.feishu.models import FeishuMessage
from chat.messenger.store import MAX_ROWS, Storing


def row(app, name, **changed):
    values = {"chat_id": "oc_1", "sender": "ou_1", "event": {"name": name}, "sent_at": 1, "received_at": 2}
    return FeishuMessage(app=app, message_id=name, **values | changed)


async def put_all(*rows):
    storing = Storing()
    return await asyncio.gather(*(storing.put(one) for one in rows), return_exceptions=True)


async def test_all_that_come_at_once_are_stored_once(app):
    names = [f"om_{number}" for number in range(2 * MAX_ROWS + 10)]
    assert set(await put_all(*(row(app, name) for name in names + names[:50]))) == {None}
    assert await FeishuMessage.objects.acount() == len(names)
    assert set(await put_all(*(row(app, name, sender="ou_2") for name in names[:3]))) == {None}
    kept = await FeishuMessage.objects.aget(message_id="om_0")
    assert (kept.sender, kept.event) == ("ou_1", {"name": "om_0"})


async def test_one_that_the_database_refuses_keeps_out_no_other(app):
    told = await put_all(
        row(app, "om_1"), row(app, "om_2", sent_at=2**70), row(app, "om_3"), row(app, "om_1")
    )
    assert [told[0], told[2], told[3]] == [None] * 3 and isinstance(told[1], Exception)
    assert {one.message_id async for one in FeishuMessage.objects.all()} == {"om_1", "om_3"}


async def test_who_gives_up_holds_up_nobody(app):
    storing = Storing()
    first = asyncio.create_task(storing.put(row(app, "om_1")))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await storing.put(row(app, "om_2"))
    assert await FeishuMessage.objects.filter(message_id="om_2").aexists()
