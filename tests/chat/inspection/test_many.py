"""Several conversations deleted for good from the list: counted first, twice, late, with Redis away. Permissions:
test_asking.py."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.admin.models import LogEntry

from chat import erasure
from chat.commands import CreateBody, SendBody
from chat.models import Conversation, Event, Run
from chat.retention.models import Erasure
from tests.chat.inspection.test_operating import House, house, say, staff, uid
from tests.support import rows

__all__ = ["house", "staff"]

LIST = "/admin/chat/conversation/"


def choose(client: Any, *keys: Any, **more: str) -> Any:
    """What the list sends when these are marked and the action is chosen."""
    sent = {"action": "erase", "index": "0", "_selected_action": [str(key) for key in keys], **more}
    return client.post(LIST, sent, follow=True)


def form_of(page: Any) -> dict[str, Any]:
    """The page's own form, as a browser sends it."""
    found: dict[str, Any] = {"_selected_action": []}
    for name, value in re.findall(
        r'<input type="hidden" name="([\w]+)" value="([^"]*)"', page.content.decode()
    ):
        if name == "_selected_action":
            found[name].append(value)
        elif name in ("action", "sure"):
            found[name] = value
    return found


def two(house: House) -> list[str]:
    """Two conversations of Alice's; in the second a run is queued."""
    house.submit(CreateBody(kind="create", title="Rent"))
    first = house.conversation
    house.conversation = uid()
    house.submit(CreateBody(kind="create", title="Tea"))
    house.submit(SendBody(kind="send", message=uid(), text="hello"))
    return [first, house.conversation]


def test_it_is_counted_first_then_written_down_once_for_each_and_done(
    staff: Any, house: House, bob: Any
) -> None:
    keys = two(house)
    other = rows.conversation(bob, "Not chosen")
    html = staff.get(LIST).content.decode()
    assert '<option value="erase">' in html, re.findall(
        r'(?s)<select.*?</select>|<div class="actions.*?</div>', html
    )
    page = choose(staff, *keys)
    facts = re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", page.content.decode())
    events = Event.objects.exclude(conversation=other).count()
    assert [value for _, value in facts] == ["2", "1", str(events), "1", "0"]
    assert "cannot be taken back" in page.content.decode() and not Erasure.objects.exists()

    sent = form_of(page)
    assert "2 conversations for good" in say(staff.post(LIST, sent, follow=True))
    asked = Erasure.objects.order_by("pk")
    assert {(one.key, str(one.asked_by)) for one in asked} == {(key, "charlie") for key in keys}
    log = LogEntry.objects.filter(change_message="erase.", user__username="charlie")
    assert {entry.object_id for entry in log} == set(keys)
    # The same page again, and a new one: nothing is asked for twice.
    for again in (sent, form_of(choose(staff, *keys))):
        assert "2 are being deleted for good already" in say(staff.post(LIST, again, follow=True))
    assert asked.count() == log.count() == 2
    for one in asked:
        assert erasure.carry_out(one) is not None
    assert list(Conversation.objects.all()) == [other]
    # Now there is nothing left to choose.
    staff.post(LIST, sent, follow=True)
    assert asked.count() == 2


def test_what_changed_meanwhile_goes_whole_and_what_came_meanwhile_stays(staff: Any, house: House) -> None:
    """All of a filtered list was chosen; until somebody says yes one is written to, one deleted, and one begun."""
    first, second = two(house)
    page = choose(staff, first, select_across="1")
    sent = form_of(page)
    assert set(sent["_selected_action"]) == {first, second}
    house.submit(SendBody(kind="send", message=uid(), text="and one more"))
    house.with_sessions(lambda sessions: sessions.delete(first))
    house.conversation = uid()
    house.submit(CreateBody(kind="create", title="Came later"))
    staff.post(LIST, sent)
    for one in Erasure.objects.all():
        erasure.carry_out(one)
    assert [row.title for row in Conversation.objects.all()] == ["Came later"]
    assert not Run.objects.exists()


def test_with_redis_away_it_is_written_down_all_the_same(staff: Any, house: House, settings: Any) -> None:
    keys = two(house)
    redis, settings.HOLDFAST_REDIS_URL = settings.HOLDFAST_REDIS_URL, "redis://127.0.0.1:1/0"
    staff.post(LIST, form_of(choose(staff, *keys)))
    settings.HOLDFAST_REDIS_URL = redis
    for one in Erasure.objects.all():
        assert erasure.carry_out(one) is not None
    assert Conversation.objects.count() == 0
