"""What an operator does in the admin: settle a call in doubt, stop a run; through the inbox, in their own name."""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission

from agents import events as e
from agents.models import ensure_default_agent
from chat.commands import CreateBody, DeleteBody, RenameBody, SendBody, SettleBody, StopBody
from chat.inbox import CommandResult, Inbox, Sender
from chat.inspection import base
from chat.models import Call, Conversation, Event, Run
from chat.runtime import opened
from chat.session.sessions import Sessions
from tests.support import rows

HOSTILE = "<script>alert(1)</script>"


def uid() -> str:
    return str(uuid.uuid4())


def now() -> int:
    return time.time_ns() // 1_000_000


class House:
    """A conversation of Alice's, on the real stores, and its owner's own way in."""

    def __init__(self, alice: Any) -> None:
        self.alice = Sender(alice.pk, name="alice")
        self.conversation = uid()

    def with_sessions(self, act: Any) -> Any:
        async def work() -> Any:
            async with opened() as runtime:
                return await act(runtime.sessions)

        return async_to_sync(work)()

    def submit(self, body: Any, who: Sender | None = None) -> CommandResult:
        async def queued(conversation: str, run: str) -> bool:
            return True

        async def act(sessions: Sessions) -> Any:
            return await Inbox(sessions, queued).submit(who or self.alice, self.conversation, uid(), body)

        return self.with_sessions(act)

    def tell(self, *events: e.Event) -> None:
        self.with_sessions(lambda sessions: sessions.append(self.conversation, lambda view: list(events)))

    def doubt(self, tools: int = 1) -> list[Call]:
        """Alice asks, and the worker dies while so many tools run: the run waits for somebody to decide."""
        self.submit(CreateBody(kind="create", title="Rent"))
        self.submit(SendBody(kind="send", message=uid(), text="pay the rent"))
        run = Run.objects.get().run
        step, at = f"{run}.1", now()
        ids = [e.call_id(self.conversation, step, n) for n in range(tools)]
        self.tell(
            e.RunStarted(at=at, run=run, attempt=1, fence=1, worker="w1"),
            e.StepStarted(at=at, run=run, step=step),
            e.StepFinished(
                at=at,
                run=run,
                step=step,
                text="",
                calls=tuple(
                    e.ProposedCall(call=id, ordinal=n, name="pay", arguments=json.dumps({"to": HOSTILE}))
                    for n, id in enumerate(ids)
                ),
            ),
            *(e.CallStarted(at=at, step=step, call=id, attempt=1, fence=1, worker="w1") for id in ids),
            *(e.CallInDoubt(at=at, step=step, call=id, attempt=1) for id in ids),
            e.RunWaiting(at=at, run=run, reason="in_doubt"),
        )
        return list(Call.objects.order_by("ordinal"))

    def types(self) -> list[str]:
        return list(Event.objects.order_by("seq").values_list("type", flat=True))


@pytest.fixture
def house(transactional_db: None, redis_url: str, settings: Any, alice: Any) -> House:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    ensure_default_agent()
    return House(alice)


@pytest.fixture
def staff(client: Any, house: House, charlie: Any) -> Any:
    client.force_login(charlie)
    return client


def settle_page(call: Call) -> str:
    return base.address("chat_call_settle", call.pk)


def form_of(staff: Any, page: str, **query: str) -> dict[str, str]:
    """The hidden fields of the page's form, as a browser sends them back."""
    html = staff.get(page, query).content.decode()
    return dict(re.findall(r'<input type="hidden" name="(command|back)"(?: value="([^"]*)")?', html))


def say(response: Any) -> str:
    """The message on the page that follows."""
    return " ".join(str(message) for message in response.context["messages"])


@pytest.mark.parametrize(
    ("decision", "status", "result"),
    [("happened", "succeeded", "receipt 7"), ("did_not_happen", "failed", ""), ("run_again", "queued", "")],
)
def test_R4_each_choice_is_carried_out_in_the_operators_name(staff, house, decision, status, result):
    (call,) = house.doubt()
    sent = {**form_of(staff, settle_page(call)), "decision": decision, "result": result}
    response = staff.post(settle_page(call), sent, follow=True)
    assert response.redirect_chain == [(base.address("chat_call_change", call.pk), 302)]
    call.refresh_from_db()
    assert (call.status, call.by) == (status, "charlie")
    if decision == "happened":
        assert call.result == "receipt 7"
    assert "Recorded" in say(response) or "run again" in say(response)
    assert house.types()[-1] == "run.resumed", "the run does not go on"
    assert Run.objects.get().status == "queued"
    event = json.loads(Event.objects.filter(type__in=("call.settled", "call.retried")).get().text)
    assert event["by"] == "charlie"
    history = staff.get(base.address("chat_call_history", call.pk)).content.decode()
    assert decision in history and "charlie" in history


def test_W5_the_same_page_sent_twice_has_one_effect(staff, house):
    (call,) = house.doubt()
    sent = {**form_of(staff, settle_page(call)), "decision": "happened", "result": "x"}
    for _ in range(2):
        assert "Recorded" in say(staff.post(settle_page(call), sent, follow=True))
    assert house.types().count("call.settled") == 1
    other = staff.post(settle_page(call), {**sent, "decision": "did_not_happen"}, follow=True)
    assert "sent before" in say(other)


def test_W7_who_comes_too_late_is_told_who_was_faster(staff, house):
    (call,) = house.doubt()
    sent = form_of(staff, settle_page(call))
    house.submit(SettleBody(kind="settle", call=call.call, decision="happened", result="paid"))
    late = staff.post(settle_page(call), {**sent, "decision": "did_not_happen"}, follow=True)
    assert "settled already by alice" in say(late) and "succeeded" in say(late)
    assert "settled already by alice" in say(staff.get(settle_page(call), follow=True))
    call.refresh_from_db()
    assert (call.status, call.result) == ("succeeded", "paid")


def test_W7_a_call_that_is_run_again_is_in_doubt_no_more(staff, house):
    (call,) = house.doubt()
    sent = form_of(staff, settle_page(call))
    house.submit(SettleBody(kind="settle", call=call.call, decision="run_again"))
    late = staff.post(settle_page(call), {**sent, "decision": "happened"}, follow=True)
    assert "queued, decided by alice" in say(late)


def test_R4_the_run_waits_on_while_another_call_is_in_doubt(staff, house):
    first, second = house.doubt(tools=2)
    for call in (first, second):
        assert Run.objects.get().status == "waiting"
        sent = {**form_of(staff, settle_page(call)), "decision": "did_not_happen"}
        staff.post(settle_page(call), sent)
    assert Run.objects.get().status == "queued"


def test_the_three_choices_are_on_the_calls_page_and_in_the_transcript_and_lead_back(staff, house):
    (call,) = house.doubt()
    conversation = base.address("chat_conversation_change", house.conversation)
    for page in (base.address("chat_call_change", call.pk), conversation):
        html = staff.get(page).content.decode()
        for decision in ("happened", "did_not_happen", "run_again"):
            assert f"/settle/?decision={decision}" in html
    sent = form_of(staff, settle_page(call), back="conversation")
    assert sent["back"] == "conversation"
    html = staff.get(settle_page(call), {"decision": "run_again"}).content.decode()
    assert re.search(r'value="run_again"[^>]*checked', html)
    assert "<script>alert" not in html and "&lt;script&gt;" in html
    done = staff.post(settle_page(call), {**sent, "decision": "happened"}, follow=True)
    assert done.redirect_chain == [(conversation, 302)]
    for page in (base.address("chat_call_change", call.pk), conversation):
        assert "/settle/" not in staff.get(page).content.decode()


def test_R7_an_operator_stops_a_run_and_every_open_call_is_closed(staff, house):
    (call,) = house.doubt()
    run = Run.objects.get()
    page = base.address("chat_run_stop", run.pk)
    for shown in (
        base.address("chat_run_change", run.pk),
        base.address("chat_conversation_change", house.conversation),
    ):
        assert page in staff.get(shown).content.decode()
    response = staff.post(page, form_of(staff, page, back="conversation"), follow=True)
    assert "was stopped" in say(response)
    run.refresh_from_db()
    call.refresh_from_db()
    assert (run.status, call.status, call.by) == ("stopped", "cancelled", "charlie")
    stopped = json.loads(Event.objects.get(type="run.stopped").text)
    assert stopped["by"] == "charlie"
    assert "over already: stopped" in say(staff.get(page, follow=True))
    assert page not in staff.get(base.address("chat_run_change", run.pk)).content.decode()


def test_R7_a_run_that_ended_meanwhile_is_said_to_be_over(staff, house):
    house.doubt()
    page = base.address("chat_run_stop", Run.objects.get().pk)
    sent = form_of(staff, page)
    house.submit(StopBody(kind="stop"))
    assert "over already: stopped" in say(staff.post(page, sent, follow=True))


def test_R7_a_stop_does_nothing_while_redis_is_away_nothing_twice_and_nothing_to_what_was_deleted(
    staff, house, settings
):
    house.doubt()
    page = base.address("chat_run_stop", Run.objects.get().pk)
    sent = form_of(staff, page)
    redis, settings.HOLDFAST_REDIS_URL = settings.HOLDFAST_REDIS_URL, "redis://127.0.0.1:1/0"
    response = staff.post(page, sent)
    assert response.status_code == 200 and "Try again" in say(response)
    settings.HOLDFAST_REDIS_URL = redis
    Conversation.objects.update(deleted_at=1)
    assert "was deleted" in say(staff.post(page, {**sent, "command": uid()}, follow=True))
    assert "run.stopped" not in house.types()
    Conversation.objects.update(deleted_at=None)
    for _ in range(2):
        staff.post(page, sent)
        assert house.types().count("run.stopped") == 1
    history = staff.get(base.address("chat_run_history", Run.objects.get().pk)).content.decode()
    assert "Stopped." in history and "charlie" in history


def test_a_conversation_that_was_deleted_is_left_alone(staff, house):
    (call,) = house.doubt()
    sent = {**form_of(staff, settle_page(call)), "decision": "happened"}
    Conversation.objects.update(deleted_at=1)
    assert "was deleted" in say(staff.post(settle_page(call), sent, follow=True))
    assert "call.settled" not in house.types()


def test_the_first_page_says_that_redis_evicts_or_does_not_answer(
    house: House, client: Any, charlie: Any, valkey: Any, settings: Any
) -> None:
    client.force_login(charlie)
    assert "maxmemory-policy" not in client.get("/admin/").content.decode()
    with valkey.client() as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert "maxmemory-policy is allkeys-lru" in client.get("/admin/").content.decode()
        finally:
            redis.config_set("maxmemory-policy", "noeviction")
    before, settings.HOLDFAST_REDIS_URL = settings.HOLDFAST_REDIS_URL, "redis://127.0.0.1:1/0"
    assert "Redis cannot be reached" in client.get("/admin/").content.decode()
    settings.HOLDFAST_REDIS_URL = before


def test_while_redis_is_away_nothing_is_done_and_the_page_may_be_sent_again(staff, house, settings):
    (call,) = house.doubt()
    sent = {**form_of(staff, settle_page(call)), "decision": "happened", "result": "receipt 7"}
    redis, settings.HOLDFAST_REDIS_URL = settings.HOLDFAST_REDIS_URL, "redis://127.0.0.1:1/0"
    response = staff.post(settle_page(call), sent)
    assert response.status_code == 200 and "Try again" in say(response)
    html = response.content.decode()
    assert sent["command"] in html and "receipt 7" in html
    settings.HOLDFAST_REDIS_URL = redis
    assert "Recorded" in say(staff.post(settle_page(call), sent, follow=True))


def test_a_form_without_a_choice_is_refused_with_words(staff, house):
    (call,) = house.doubt()
    for sent in (
        {},
        {"command": "nonsense", "decision": "happened"},
        {"command": uid(), "decision": "maybe"},
    ):
        response = staff.post(settle_page(call), sent)
        assert response.status_code == 200 and "errorlist" in response.content.decode()
    assert "call.settled" not in house.types()


class TestPermission:
    def pages(self) -> list[str]:
        return [
            base.address("chat_call_settle", Call.objects.get().pk),
            base.address("chat_run_stop", Run.objects.get().pk),
        ]

    def test_W11_who_may_only_look_is_shown_no_choice_and_refused(self, client, house, bob):
        house.doubt()
        bob.is_staff = True
        bob.save()
        for name in ("call", "run", "conversation"):
            bob.user_permissions.add(Permission.objects.get(codename=f"view_{name}"))
        client.force_login(bob)
        before = house.types()
        for page in self.pages():
            assert client.get(page).status_code == 403
            sent = {"command": uid(), "decision": "happened"}
            assert client.post(page, sent).status_code == 403
        html = client.get(base.address("chat_conversation_change", house.conversation)).content.decode()
        assert "/settle/" not in html and "/stop/" not in html
        assert house.types() == before

    def test_W11_the_permission_to_change_calls_is_enough_to_settle_and_not_to_stop(self, client, house, bob):
        (call,) = house.doubt()
        bob.is_staff = True
        bob.save()
        bob.user_permissions.add(Permission.objects.get(codename="change_call"))
        client.force_login(bob)
        settle, stop = self.pages()
        sent = {**form_of(client, settle), "decision": "happened"}
        assert client.post(stop, sent).status_code == 403
        assert client.post(settle, sent).status_code == 302
        call.refresh_from_db()
        assert (call.status, call.by) == ("succeeded", "bob")

    def test_people_who_are_no_staff_get_the_login_page(self, client, house, alice):
        house.doubt()
        client.force_login(alice)
        for page in self.pages():
            assert client.get(page).status_code == 302
            assert client.post(page, {"decision": "happened"}).status_code == 302
        assert "call.settled" not in house.types()

    def test_a_post_without_the_csrf_token_is_refused(self, house, charlie):
        from django.test import Client

        house.doubt()
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(charlie)
        for page in self.pages():
            assert strict.post(page, {"command": uid(), "decision": "happened"}).status_code == 403
        assert "call.settled" not in house.types()

    def test_W11_an_operator_may_help_a_run_out_and_nothing_else(self, house, charlie):
        (call,) = house.doubt()
        operator = Sender(charlie.pk, name="charlie", operator=True)
        for body in (
            SendBody(kind="send", message=uid(), text="hi"),
            RenameBody(kind="rename", title="Mine"),
            DeleteBody(kind="delete"),
        ):
            assert house.submit(body, operator).code == "not_found"
        settle = SettleBody(kind="settle", call=call.call, decision="happened")
        assert house.submit(settle, Sender(charlie.pk, name="charlie")).code == "not_found"
        assert house.submit(settle, operator).status == "applied"

    def test_a_row_that_is_not_there_leads_back(self, staff, house):
        for page in ("chat_call_settle", "chat_run_stop"):
            assert staff.get(base.address(page, 999)).status_code == 302


class TestFinding:
    def test_the_first_page_counts_calls_in_doubt_and_leads_to_them(self, staff, house, alice):
        assert "in doubt" not in staff.get("/admin/").content.decode()
        house.doubt(tools=2)
        gone = rows.conversation(alice, deleted_at=1)
        rows.step(gone, rows.run(gone, 2), 3, "", {"status": "in_doubt"})
        html = staff.get("/admin/").content.decode()
        assert "2 calls are in doubt" in html
        (address,) = re.findall(r'href="([^"]*by_status=in_doubt)"', html)
        assert staff.get(address).content.decode().count("pay") >= 2

    def test_who_may_not_see_calls_is_told_of_none(self, client, house, bob):
        house.doubt()
        bob.is_staff = True
        bob.save()
        client.force_login(bob)
        assert "in doubt" not in client.get("/admin/").content.decode()


@pytest.mark.django_db
def test_a_run_that_recovers_shows_its_attempt_and_since_when(client, charlie, alice):
    client.force_login(charlie)
    row = rows.conversation(alice)
    run = rows.run(
        row, 2, status="recovering", attempt=2, reason="lease_lost", ended_at=None, updated_at=now() - 65_000
    )
    for page in (base.address("chat_run_change", run.pk), base.address("chat_conversation_change", row.pk)):
        html = client.get(page).content.decode()
        assert "recovering" in html and "lease_lost" in html
        assert re.search(r"\(1 min [5-9] s\)", html), "since when"


@pytest.mark.parametrize(
    ("ms", "text"),
    [(-5, "0 s"), (59_999, "59 s"), (61_000, "1 min 1 s"), (3_700_000, "1 h 1 min"), (90_000_000, "1 d 1 h")],
)
def test_durations_are_said_in_whole_units(ms, text):
    assert base.duration(ms) == text
