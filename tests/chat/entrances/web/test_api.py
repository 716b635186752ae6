"""What the page reads over HTTP: shapes, pages, and that nobody reads what is not theirs (rule W11)."""

import uuid

import pytest

from agents import events as e
from agents import extensions
from agents.models import Agent
from chat.commands import MAX_TEXT
from chat.entrances.web import api
from chat.entrances.web import protocol as p
from chat.models import Event
from tests.support import hurry, rows


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def chat_of_alice(alice):
    """A message, a run with one step and a call, and another message."""
    row = rows.conversation(alice, "Tides")
    rows.message(row, 2, "When is high tide?")
    run = rows.run(row, 3)
    rows.step(row, run, 4, "At noon.", {"arguments": '{"x": 1}', "result": "long" * 100, "preview": "long"})
    rows.message(row, 8, "Thanks")
    return row


@pytest.fixture
def with_a_drawn_tool():
    """An installation with a tool whose package brings a renderer."""
    extensions.register_tool_module("tests.chat.entrances.web.drawn")
    yield
    extensions.tools.forget("forecast")


class TestBoot:
    def test_it_names_the_modules_that_draw_the_results_of_tools(self, as_alice, with_a_drawn_tool):
        boot = p.Boot.model_validate(as_alice.get("/api/boot").json())
        assert boot.renderers == {"forecast": "/static/forecast/table.js"}

    def test_it_says_who_and_with_whom_and_never_names_a_disabled_agent(self, as_alice):
        Agent.objects.create(slug="a", name="Ada", description="Counts.", is_default=True)
        Agent.objects.create(slug="b", name="Bob", enabled=False)
        boot = p.Boot.model_validate(as_alice.get("/api/boot").json())
        assert boot.user == "alice" and not boot.admin
        assert [agent.slug for agent in boot.agents] == ["a"]
        assert boot.max_text == MAX_TEXT
        assert boot.renderers == {}, "no built-in tool draws its results itself"
        assert boot.entrances["schedule"] == "a schedule" and boot.entrances["web"] == "the web chat"

    def test_its_csrf_token_is_one_that_a_post_accepts(self, alice, client):
        from django.test import Client

        strict = Client(enforce_csrf_checks=True)
        strict.force_login(alice)
        token = strict.get("/api/boot").json()["csrf"]
        assert strict.post("/accounts/logout/").status_code == 403
        assert strict.post("/accounts/logout/", {"csrfmiddlewaretoken": token}).status_code == 302


class TestList:
    def test_newest_first_in_pages_by_time(self, as_alice, alice):
        for number in range(5):
            rows.conversation(alice, f"n{number}", at=rows.START + number)
        first = p.ConversationList.model_validate(as_alice.get("/api/conversations?limit=2").json())
        assert [entry.title for entry in first.conversations] == ["n4", "n3"] and first.more
        before = first.conversations[-1].updated_at
        rest = as_alice.get(f"/api/conversations?limit=10&before={before}").json()
        assert [entry["title"] for entry in rest["conversations"]] == ["n2", "n1", "n0"]
        assert not rest["more"]

    def test_conversations_of_one_millisecond_are_not_lost_between_pages(self, as_alice, alice):
        for number, at in enumerate((1, 2, 2, 3)):
            rows.conversation(alice, f"n{number}", at=rows.START + at)
        page = as_alice.get("/api/conversations?limit=2").json()
        seen = [entry["title"] for entry in page["conversations"]]
        while page["more"]:
            before = page["conversations"][-1]["updated_at"]
            page = as_alice.get(f"/api/conversations?limit=2&before={before}").json()
            seen += [entry["title"] for entry in page["conversations"]]
        assert sorted(seen) == ["n0", "n1", "n2", "n3"]

    def test_a_search_finds_titles_in_any_case_and_language(self, as_alice, alice):
        rows.conversation(alice, "Weather in Lisbon")
        rows.conversation(alice, "潮汐")

        def found(query):
            answer = as_alice.get("/api/conversations", {"q": query}).json()
            return [entry["title"] for entry in answer["conversations"]]

        assert found("LISBON") == ["Weather in Lisbon"]
        assert found("潮") == ["潮汐"]
        assert found("%") == []

    def test_deleted_and_unborn_conversations_are_not_listed(self, as_alice, alice):
        rows.conversation(alice, "deleted", deleted_at=rows.START)
        rows.conversation(alice, "unborn", head_seq=0)
        assert as_alice.get("/api/conversations").json() == {"conversations": [], "more": False}

    def test_W11_it_lists_only_ones_own(self, as_alice, bob):
        rows.conversation(bob, "Bob's")
        assert as_alice.get("/api/conversations").json()["conversations"] == []
        assert as_alice.get("/api/conversations?q=Bob").json()["conversations"] == []

    @pytest.mark.parametrize(
        "query", ["limit=x", "before=-1", "limit=1.5", "before=" + "9" * 30, "limit=²", "q=" + "x" * 201]
    )
    def test_W11_a_bad_query_is_refused_with_words(self, as_alice, query):
        response = as_alice.get(f"/api/conversations?{query}")
        assert response.status_code == 400
        assert response.json()["code"] == "refused" and response.json()["detail"]

    def test_W11_a_page_has_a_largest_size(self, as_alice, alice):
        for number in range(api.MAX_PAGE + 5):
            rows.conversation(alice, at=rows.START + number)
        assert len(as_alice.get("/api/conversations?limit=99999").json()["conversations"]) == api.MAX_PAGE


class TestItems:
    def test_items_ascend_and_page_by_seq(self, as_alice, chat_of_alice):
        address = f"/api/conversations/{chat_of_alice.pk}/items"
        whole = p.ItemPage.model_validate(as_alice.get(address).json())
        assert [item["seq"] for item in whole.items] == [2, 4, 8] and not whole.more
        page = as_alice.get(f"{address}?before=8&limit=1").json()
        assert [item["seq"] for item in page["items"]] == [4] and page["more"]
        assert as_alice.get(f"{address}?before=2").json() == {"items": [], "more": False}

    def test_it_costs_the_same_number_of_queries_whatever_the_page(
        self, as_alice, chat_of_alice, django_assert_max_num_queries
    ):
        for seq in range(10, 60):
            rows.message(chat_of_alice, seq, "more")
        with django_assert_max_num_queries(6):
            as_alice.get(f"/api/conversations/{chat_of_alice.pk}/items?limit=50")


class TestCall:
    def test_a_call_is_given_whole(self, as_alice, chat_of_alice):
        call = chat_of_alice.calls.get()
        detail = p.CallDetail.model_validate(
            as_alice.get(f"/api/conversations/{chat_of_alice.pk}/calls/{call.call}").json()
        )
        assert detail.result == "long" * 100 and detail.arguments == '{"x": 1}'

    def test_a_call_of_another_conversation_is_not_found_under_this_one(self, as_alice, alice, chat_of_alice):
        other = rows.conversation(alice)
        call = chat_of_alice.calls.get()
        assert as_alice.get(f"/api/conversations/{other.pk}/calls/{call.call}").status_code == 404


class TestOwnership:
    def paths(self, row):
        return [
            f"/api/conversations/{row.pk}/items",
            f"/api/conversations/{row.pk}/calls/{row.calls.get().call}",
        ]

    def test_W11_what_is_not_ones_own_looks_exactly_like_what_does_not_exist(
        self, client, bob, chat_of_alice
    ):
        client.force_login(bob)
        nowhere = client.get(f"/api/conversations/{uuid.uuid4()}/items")
        for path in self.paths(chat_of_alice):
            response = client.get(path)
            assert response.status_code == 404
            assert response.json() == nowhere.json()

    def test_W11_staff_read_in_the_admin_and_not_here(self, client, charlie, chat_of_alice):
        client.force_login(charlie)
        assert {client.get(path).status_code for path in self.paths(chat_of_alice)} == {404}

    def test_W11_a_deleted_conversation_is_gone(self, as_alice, chat_of_alice):
        chat_of_alice.deleted_at = 1
        chat_of_alice.save()
        assert {as_alice.get(path).status_code for path in self.paths(chat_of_alice)} == {404}

    def test_W11_without_a_login_everything_is_401_and_json(self, client, chat_of_alice):
        for path in [*self.paths(chat_of_alice), "/api/boot", "/api/conversations", "/api/nothing"]:
            response = client.get(path)
            assert response.status_code == 401
            assert response.json()["code"] == "logged_out"

    def test_W11_a_deactivated_user_reads_nothing(self, as_alice, alice):
        alice.is_active = False
        alice.save()
        assert as_alice.get("/api/boot").status_code == 401


class TestManners:
    def test_nothing_may_be_written_here(self, as_alice, chat_of_alice):
        for path in ("/api/boot", "/api/conversations", f"/api/conversations/{chat_of_alice.pk}/items"):
            for method in (as_alice.post, as_alice.put, as_alice.delete):
                assert method(path).status_code == 405

    def test_answers_are_not_cached(self, as_alice):
        assert "no-store" in as_alice.get("/api/conversations")["Cache-Control"]

    def test_an_unknown_address_is_a_json_404(self, as_alice):
        response = as_alice.get("/api/nothing/here")
        assert response.status_code == 404 and response.json()["code"] == "not_found"

    def test_W11_too_many_requests_get_429_and_when_to_come_back(self, as_alice, alice):
        assert as_alice.get("/api/conversations").status_code == 200
        response = hurry.refused(lambda: as_alice.get("/api/conversations"), api.reading, alice.pk)
        assert response["Retry-After"] == "1" and response.json()["retry"] is True


class TestTimeline:
    def test_a_run_tells_what_it_did_with_its_time(self, as_alice, chat_of_alice):
        run = chat_of_alice.runs.get()
        for seq, event in enumerate(
            (
                e.RunQueued(at=10, run=run.run, cause="m"),
                e.RunStarted(at=20, run=run.run, attempt=1, fence=1, worker="w1"),
                e.RunFinished(at=50, run=run.run),
            ),
            start=run.seq,
        ):
            text = e.to_json(event)
            Event.objects.create(
                conversation=chat_of_alice, seq=seq, type=event.type, at=event.at, text=text, tag="t"
            )
        told = as_alice.get(f"/api/conversations/{chat_of_alice.id}/runs/{run.run}/timeline").json()
        assert [(one["kind"], one["start"], one["end"]) for one in told["spans"]] == [("queued", 10, 20)]
        assert told["run"] == run.run and not told["cut"] and told["now"] > 0

    def test_W11_nobody_reads_the_time_of_what_is_not_theirs(self, as_alice, chat_of_alice, bob, client):
        run = chat_of_alice.runs.get().run
        address = f"/api/conversations/{chat_of_alice.id}/runs/{run}/timeline"
        assert as_alice.get(address.replace(run, str(uuid.uuid4()))).status_code == 404
        client.force_login(bob)
        assert client.get(address).status_code == 404
