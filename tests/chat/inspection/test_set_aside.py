"""Rows that were set aside, dead letters and what is stuck: told on the admin's first page, and tried again there."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from chat import set_aside
from chat.entrances.feishu.models import FeishuApp, FeishuDelivery, FeishuLane, FeishuMessage
from chat.models import QueueFailure
from chat.support.clock import now_ms
from chat.support.poison import MAX_TRIES

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/chat/queuefailure/"


@pytest.fixture
def as_charlie(client: Any, charlie: Any) -> Any:
    client.force_login(charlie)
    return client


@pytest.fixture
def queue() -> Iterator[set_aside.Queue]:
    """A queue of the test's own, and what it was asked to try again."""
    tried: list[str] = []

    def again(key: str) -> None:
        if key == "gone":
            raise ValueError("It is gone.")
        tried.append(key)

    made = set_aside.register(set_aside.Queue("of the test", "a row of the test", again))
    made.__dict__["tried"] = tried
    yield made
    del set_aside._queues[made.name]


def lines(client: Any) -> list[str]:
    page = client.get("/admin/").content.decode()
    return [
        re.sub(r"<[^>]*>", "", line) for line in re.findall(r'<p class="hf-attention">.*?</p>', page, re.S)
    ]


def aside(queue: set_aside.Queue, key: str) -> None:
    for _ in range(MAX_TRIES):
        set_aside.raised(queue, key, ValueError("no"))


def test_what_is_tried_is_not_told_and_what_was_set_aside_is(as_charlie: Any, queue: set_aside.Queue) -> None:
    for n in range(MAX_TRIES - 1):
        assert set_aside.raised(queue, "a", ValueError("no")).tries == n + 1
    assert not [line for line in lines(as_charlie) if "Set aside" in line]
    assert set_aside.raised(queue, "a", ValueError("no")).aside
    assert "Set aside, because it raised each time that it was tried: 1" in lines(as_charlie)
    assert set_aside.among(queue, ["a", "b"]) == {"a"}
    page = as_charlie.get(f"{LIST}?aside__exact=1").content.decode()
    assert "a row of the test" in page and "ValueError: no" in page


def test_they_are_tried_again_from_the_list(as_charlie: Any, queue: set_aside.Queue) -> None:
    for key in ("a", "gone"):
        aside(queue, key)
    set_aside.raised(queue, "tried", ValueError("no"))
    ids = [str(row.pk) for row in QueueFailure.objects.all()]
    assert '<option value="try_again">' in as_charlie.get(LIST).content.decode(), "it can be chosen there"
    answer = as_charlie.post(LIST, {"action": "try_again", "sure": "1", "_selected_action": ids}, follow=True)
    told = [str(one) for one in answer.context["messages"]]
    assert told == ["gone: It is gone.", "1 will be tried again."]
    assert queue.__dict__["tried"] == ["a"]
    assert set(QueueFailure.objects.values_list("key", flat=True)) == {"gone", "tried"}


def test_a_count_of_long_ago_does_not_count_and_is_forgotten(queue: set_aside.Queue) -> None:
    set_aside.raised(queue, "a", ValueError("no"))
    QueueFailure.objects.update(tries=MAX_TRIES - 1, last_at=now_ms() - set_aside.FORGET_MS)
    assert set_aside.raised(queue, "a", ValueError("no")).tries == 1
    aside(queue, "b")
    assert set_aside.forget_old(now_ms() + 2 * set_aside.FORGET_MS) == 1
    assert set(QueueFailure.objects.values_list("key", flat=True)) == {"b"}


def test_outages_are_not_counted(queue: set_aside.Queue) -> None:
    from chat.session.errors import JournalUnavailable

    def away() -> bool:
        raise JournalUnavailable("away")

    with pytest.raises(JournalUnavailable):
        set_aside.attempt(queue, "a", away, lambda reason: None)
    assert not QueueFailure.objects.exists()


def test_dead_letters_set_aside_messages_and_stuck_chats_are_told_with_the_way_to_them(
    as_charlie: Any, alice: Any
) -> None:
    app = FeishuApp.objects.create(slug="bot", name="Bot", app_id="cli_1", owner=alice)
    long_ago = now_ms() - 3_600_000
    lane = FeishuLane.objects.create(app=app, chat_id="oc", conversation=uuid.uuid4(), owner=alice)
    moving = FeishuLane.objects.create(app=app, chat_id="oc2", conversation=uuid.uuid4(), owner=alice)
    FeishuDelivery.objects.create(lane=lane, uuid="d", content="{}", state="dead", created_at=long_ago)
    for n, (state, reason, at) in enumerate(
        (
            ("refused", "set aside: TypeError: no", long_ago),
            ("received", "", long_ago),
            ("taken", "", long_ago),
        )
    ):
        row = {"app": app, "chat_id": "oc", "sender": "ou", "event": {}, "sent_at": at, "received_at": at}
        FeishuMessage.objects.create(message_id=f"om{n}", state=state, reason=reason, **row)
    FeishuDelivery.objects.create(lane=moving, uuid="e", content="{}", created_at=now_ms())
    told = [line for line in lines(as_charlie) if line.startswith("Feishu: ")]
    assert told == [
        "Feishu: what came in and was set aside, because it raises: 1",
        "Feishu: messages that could not be sent and were given up: 1",
        "Feishu: chats in which nothing has moved for ten minutes: 1",
    ]
    page = as_charlie.get("/admin/").content.decode()
    for address in re.findall(r'<p class="hf-attention"><a href="([^"]+)"', page):
        assert as_charlie.get(address.replace("&amp;", "&")).status_code == 200


def test_who_may_not_see_them_is_told_nothing(
    client: Any, django_user_model: Any, queue: set_aside.Queue
) -> None:
    aside(queue, "a")
    looker = django_user_model.objects.create_user("looker", is_staff=True)
    client.force_login(looker)
    assert lines(client) == []
    looker.user_permissions.set(Permission.objects.filter(codename="view_queuefailure"))
    assert len(lines(client)) == 1
    answer = client.post(LIST, {"action": "try_again", "sure": "1", "_selected_action": ["1"]}, follow=True)
    assert "will be tried again" not in answer.content.decode()
