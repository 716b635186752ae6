"""Schedules over HTTP: what their owner may do, what others see (nothing), and what is said of bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from agents.models import ensure_default_agent
from chat.entrances.schedules import api, editing
from chat.entrances.schedules.models import Schedule, ScheduleDelivery, ScheduleFiring
from chat.http.refusals import allowance
from chat.models import Conversation
from chat.support.clock import wall_ms

DAILY = {
    "name": "News",
    "prompt": "What is new?",
    "kind": "cron",
    "cron": "0 9 * * *",
    "zone": "Europe/Berlin",
}
HOUR = 3_600_000

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture(autouse=True)
def full_buckets(monkeypatch: Any) -> None:
    """Nobody has asked yet."""
    for bucket in (api.reading, api.writing):
        bucket._buckets.clear()


def asker(user: Any, **options: Any) -> Ask:
    client = Client(**options)
    if user is not None:
        client.force_login(user)

    def ask(method: str, path: str = "", body: Any = None, **headers: Any) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
        url = f"/api/schedules{path}"
        if method == "GET":
            answer = client.get(url)
        else:
            answer = client.generic(method, url, raw, content_type="application/json", headers=headers)
        return answer.status_code, json.loads(answer.content) if answer[
            "content-type"
        ] == "application/json" else None

    return ask


@pytest.fixture
def ask(alice: Any) -> Ask:
    ensure_default_agent()
    return asker(alice)


def made(ask: Ask, **changes: Any) -> Any:
    status, entry = ask("POST", "", DAILY | changes)
    assert status == 201, entry
    return entry


def conversation_of(owner: Any, **fields: Any) -> Conversation:
    return Conversation.objects.create(
        id=uuid4(), owner=owner, agent="assistant", created_at=1, updated_at=1, **fields
    )


def test_one_is_made_shown_changed_and_removed(ask: Ask) -> None:
    entry = made(ask)
    assert entry["state"] == "active" and len(entry["next"]) == 5 and entry["last"] is None
    assert {name: entry[name] for name in DAILY} == DAILY
    path = f"/{entry['id']}"
    assert ask("GET", path) == (200, entry)
    status, listing = ask("GET")
    assert status == 200 and listing["schedules"] == [entry]
    assert (listing["most"], listing["least_s"], listing["destinations"]) == (50, 60, [])
    status, changed = ask("PATCH", path, {"cron": "30 8 * * *"})
    assert status == 200 and changed["cron"] == "30 8 * * *" and changed["prompt"] == entry["prompt"]
    assert changed["next"] != entry["next"]
    assert ask("DELETE", path) == (200, {})
    assert ask("GET", path)[0] == 404 and ask("GET")[1]["schedules"] == []


def test_making_it_again_with_the_same_id_makes_no_second_one(ask: Ask) -> None:
    id = str(uuid4())
    first = made(ask, id=id)
    status, again = ask("POST", "", DAILY | {"id": id})
    assert status == 200 and again == first and first["id"] == id
    assert Schedule.objects.count() == 1


def test_it_is_paused_and_goes_on(ask: Ask) -> None:
    path = f"/{made(ask)['id']}"
    status, paused = ask("PATCH", path, {"state": "paused"})
    assert (status, paused["state"], paused["next"]) == (200, "paused", [])
    status, resumed = ask("PATCH", path, {"state": "active"})
    assert (status, resumed["state"], len(resumed["next"])) == (200, "active", 5)


def test_run_now_and_the_history(ask: Ask, alice: Any) -> None:
    entry = made(ask)
    path = f"/{entry['id']}"
    key = str(uuid4())
    assert ask("POST", f"{path}/run", {"id": key})[0] == 201
    assert ask("POST", f"{path}/run", {"id": key})[0] == 201
    status, page = ask("GET", f"{path}/history")
    assert status == 200 and page["more"] is False
    (firing,) = page["firings"]
    assert firing["manual"] and firing["state"] == "received" and firing["conversation"] is None
    place, gone = conversation_of(alice), conversation_of(alice, deleted_at=5)
    row = Schedule.objects.get()
    for number, where in enumerate((place, gone), start=1):
        one = editing.record(row, number)
        ScheduleFiring.objects.filter(pk=one.pk).update(
            state="over", outcome="finished", conversation=where.id
        )
    ScheduleDelivery.objects.create(
        firing=one, kind="email", address="a@b.c", subject="s", text="t", created_at=1
    )
    status, page = ask("GET", f"{path}/history?limit=2")
    assert page["more"] is True and [one["due"] for one in page["firings"]] == [firing["due"], 2]
    assert page["firings"][1]["conversation"] is None, "it was deleted"
    assert page["firings"][1]["delivery"] == {"state": "pending", "error": ""}
    status, rest = ask("GET", f"{path}/history?before=2")
    assert [one["conversation"] for one in rest["firings"]] == [str(place.id)]
    assert ask("GET", path)[1]["last"]["due"] == firing["due"]


def test_a_draft_is_previewed_before_it_is_stored(ask: Ask) -> None:
    status, answer = ask("POST", "/preview", {"kind": "cron", "cron": "0 9 * * *", "zone": "Asia/Shanghai"})
    assert status == 200 and len(answer["times"]) == 5 and answer["fields"] == {}
    assert all((moment // HOUR) % 24 == 1 for moment in answer["times"]), "nine in Shanghai is one in UTC"
    status, answer = ask("POST", "/preview", {"kind": "cron", "cron": "nonsense"})
    assert status == 200 and answer["times"] == [] and answer["fields"]["cron"]["code"] == "bad_cron"
    status, answer = ask("POST", "/preview", {"kind": "interval", "every_s": 90})
    assert [
        later - earlier for earlier, later in zip(answer["times"], answer["times"][1:], strict=False)
    ] == [90_000] * 4
    assert Schedule.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"prompt": " "}, "prompt", "empty"),
        ({"prompt": "x" * 32_001}, "prompt", "invalid"),
        ({"prompt": 7}, "prompt", "invalid"),
        ({"name": "x" * 101}, "name", "invalid"),
        ({"cron": "* * *"}, "cron", "bad_cron"),
        ({"zone": "Mars/Olympus"}, "zone", "unknown_zone"),
        ({"kind": "sometimes"}, "kind", "invalid"),
        ({"kind": "interval", "every_s": 5}, "every_s", "bad_interval"),
        ({"kind": "once", "at": "2020-01-01T00:00"}, "at", "not_in_future"),
        ({"kind": "once"}, "at", "not_in_future"),
        ({"kind": "once", "at": "2037-03-29T02:30", "zone": "Europe/Berlin"}, "at", "bad_time"),
        ({"ends_at": "soon"}, "ends_at", "bad_time"),
        ({"ends_at": 5}, "ends_at", "never"),
        ({"missed": "perhaps"}, "missed", "invalid"),
        ({"most": 101}, "most", "invalid"),
        ({"agent": "nobody"}, "agent", "agent_missing"),
        ({"place": "same", "conversation": str(uuid4())}, "conversation", "not_found"),
        ({"place": "same", "conversation": "here"}, "conversation", "invalid"),
        ({"delivery": {"kind": "fax", "address": "1"}}, "delivery", "undeliverable"),
        ({"delivery": "bob"}, "delivery", "invalid"),
        ({"owner": 1}, "owner", "invalid"),
        ({"id": "x"}, "id", "invalid"),
        ({"next_at": 1}, "next_at", "invalid"),
    ],
)  # fmt: skip
def test_bad_input_is_said_of_its_field(ask: Ask, changes: Any, field: str, code: str) -> None:
    status, answer = ask("POST", "", DAILY | changes)
    assert (status, answer["code"], answer["retry"]) == (400, "invalid", False)
    assert {name: one["code"] for name, one in answer["fields"].items()} == {field: code}
    assert answer["fields"][field]["detail"] and Schedule.objects.count() == 0


def test_bad_changes_change_nothing(ask: Ask) -> None:
    entry = made(ask)
    for changes in ({"cron": "x"}, {"state": "gone"}, {"state": "ended"}, {"prompt": "", "name": "Other"}):
        assert ask("PATCH", f"/{entry['id']}", changes)[0] == 400
    assert ask("GET", f"/{entry['id']}")[1] == entry


def test_what_is_past_is_not_held_against_a_change_of_something_else(ask: Ask) -> None:
    entry = made(ask, kind="once", at=wall_ms() + HOUR)
    Schedule.objects.update(at=5, state="ended", next_at=None)
    status, changed = ask("PATCH", f"/{entry['id']}", {"name": "Old news"})
    assert (status, changed["name"], changed["state"]) == (200, "Old news", "ended")
    assert ask("PATCH", f"/{entry['id']}", {"state": "active"})[0] == 400


def test_W11_nobody_sees_or_touches_somebody_elses(ask: Ask, alice: Any, bob: Any) -> None:
    entry = made(ask)
    path = f"/{entry['id']}"
    theirs = asker(bob)
    assert theirs("GET")[1]["schedules"] == []
    for method, where, body in (
        ("GET", path, None), ("PATCH", path, {"state": "paused"}), ("DELETE", path, None),
        ("POST", f"{path}/run", None), ("GET", f"{path}/history", None), ("GET", f"/{uuid4()}", None),
    ):  # fmt: skip
        assert theirs(method, where, body) == (
            404,
            {"code": "not_found", "detail": "You have no such schedule.", "retry": False},
        )
    status, answer = theirs("POST", "", DAILY | {"id": entry["id"]})
    assert status == 400 and answer["fields"]["id"]["code"] == "taken" and "News" not in json.dumps(answer)
    status, answer = theirs(
        "POST", "", DAILY | {"place": "same", "conversation": str(conversation_of(alice).id)}
    )
    assert answer["fields"]["conversation"]["code"] == "not_found"
    assert ask("GET", path) == (200, entry)


def test_W11_strangers_are_sent_away(ask: Ask) -> None:
    entry = made(ask)
    stranger = asker(None)
    for method, path in (("GET", ""), ("POST", ""), ("PATCH", f"/{entry['id']}"), ("POST", "/preview")):
        status, answer = stranger(method, path, {})
        assert (status, answer["code"]) == (401, "logged_out")


def test_W11_changes_need_the_token(alice: Any, db: Any) -> None:
    ask = asker(alice, enforce_csrf_checks=True)
    for method, path in (
        ("POST", ""),
        ("POST", "/preview"),
        ("PATCH", f"/{uuid4()}"),
        ("DELETE", f"/{uuid4()}"),
    ):
        assert ask(method, path, DAILY)[0] == 403
    assert ask("GET")[0] == 200


def test_W11_requests_are_bounded_in_size_and_rate(ask: Ask, monkeypatch: Any) -> None:
    assert ask("POST", "", b"x" * (api.MAX_BYTES + 1))[0] == 413
    for raw in (b"[1]", b"{", b'"x"', b"[" * 50_000, b"\xff"):
        assert ask("POST", "", raw)[0] == 400
    for _ in range(100):
        status, answer = ask("POST", "", b"{")
        if status == 429:
            break
    assert (answer["code"], answer["retry"]) == ("too_fast", True)
    assert allowance(burst=1, rate=1).take("x")


def test_one_person_has_only_so_many(ask: Ask, settings: Any) -> None:
    settings.HOLDFAST_SCHEDULES_PER_USER = 2
    first = made(ask)
    made(ask)
    status, answer = ask("POST", "", DAILY)
    assert (status, answer["code"]) == (409, "too_many") and "2 schedules" in answer["detail"]
    ask("DELETE", f"/{first['id']}")
    made(ask)
    Schedule.objects.update(state="ended")
    made(ask)  # what has ended takes no room
    settings.HOLDFAST_SCHEDULES_PER_USER = 0
    assert ask("POST", "", DAILY)[1]["detail"] == "Only staff make schedules here, in the admin."


def test_the_shortest_distance_is_a_setting(ask: Ask, settings: Any) -> None:
    settings.HOLDFAST_SCHEDULE_LEAST_S = 3600
    _, answer = ask("POST", "", DAILY | {"cron": "*/30 * * * *"})
    assert answer["fields"]["cron"] == {
        "code": "too_often",
        "detail": "It would be due more often than every 1 h.",
    }


def test_wrong_methods_and_numbers(ask: Ask) -> None:
    entry = made(ask)
    assert ask("PUT", f"/{entry['id']}")[0] == 405
    assert ask("DELETE", "")[0] == 405
    for query in ("limit=x", "before=-1", "before=" + "9" * 30):
        assert ask("GET", f"/{entry['id']}/history?{query}")[0] == 400
    assert ask("GET", "/elsewhere")[0] == 404


def test_the_list_costs_the_same_few_queries_however_long_it_is(
    ask: Ask, django_assert_max_num_queries: Any
) -> None:
    for _ in range(10):
        editing.run_now(Schedule.objects.get(pk=made(ask)["id"]))
    with django_assert_max_num_queries(9):
        assert len(ask("GET")[1]["schedules"]) == 10


def test_agents_have_a_limit_of_their_own_per_conversation(alice: Any) -> None:
    ensure_default_agent()
    draft = editing.Draft(prompt="x", cron="0 9 * * *")
    place = uuid4()
    row, _ = editing.create(alice, draft, made_in=place, most=1)
    with pytest.raises(editing.TooManySchedules, match="This conversation has 1"):
        editing.create(alice, draft, made_in=place, most=1)
    editing.create(alice, draft, made_in=uuid4(), most=1)
    assert list(editing.made_in(place)) == [row]
