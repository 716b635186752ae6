"""The admin shows everything, changes nothing, and lets no hostile text act."""

import json
import re
from pathlib import Path

import django.contrib.admin
import pytest
from django.contrib.auth.models import Permission

from agents.models import Agent
from chat.inspection import base
from chat.models import Call, Conversation, Event, Message, Run, Step
from tests.support import rows
from tests.support.processes import ROOT

MODELS = ("conversation", "event", "message", "run", "step", "call")
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>{{ 7|add:7 }}{% now 'Y' %}"


@pytest.fixture
def row(alice):
    """A conversation with one of everything, all of it hostile."""
    row = rows.conversation(alice, HOSTILE, run_status="finished")
    rows.message(row, 2, HOSTILE)
    run = rows.run(row, 3, status="failed", code="model_error", detail=HOSTILE)
    call = {
        "name": HOSTILE[:200],
        "arguments": json.dumps({"a": HOSTILE}),
        "result": HOSTILE,
        "preview": HOSTILE,
    }
    rows.step(row, run, 4, HOSTILE, call)
    rows.message(row, 5, HOSTILE, kind="note")
    notice = {"kind": "notice", "seq": 6, "id": "notice-6", "at": 1, "code": "model_error", "detail": HOSTILE}
    Message.objects.create(conversation=row, seq=6, message="notice-6", kind="notice", at=1, body=notice)
    return row


@pytest.fixture
def staff(client, charlie):
    client.force_login(charlie)
    return client


def change(model, pk):
    return f"/admin/chat/{model}/{pk}/change/"


def one_of_each(row):
    return {
        "conversation": row.pk,
        "event": Event.objects.get().pk,
        "message": Message.objects.first().pk,
        "run": Run.objects.get().pk,
        "step": Step.objects.get().pk,
        "call": Call.objects.get().pk,
    }


class TestPages:
    @pytest.mark.parametrize("model", MODELS)
    def test_each_list_and_each_page_renders(self, staff, row, model):
        assert staff.get(f"/admin/chat/{model}/").status_code == 200
        assert staff.get(change(model, one_of_each(row)[model])).status_code == 200

    @pytest.mark.parametrize("model", MODELS)
    def test_hostile_text_is_shown_and_does_not_act(self, staff, row, model):
        for path in (f"/admin/chat/{model}/", change(model, one_of_each(row)[model])):
            html = staff.get(path).content.decode()
            assert "<script>alert" not in html and "<img src=x" not in html
            assert "{{ 7|add:7 }}" in html or "alert(1)" not in html
        assert "&lt;script&gt;" in html

    def test_the_conversation_shows_its_transcript_in_order_with_runs_and_calls(self, staff, alice):
        row = rows.conversation(alice, "Tides")
        rows.message(row, 2, "first said")
        run = rows.run(row, 3)
        rows.step(row, run, 4, "then answered", {"name": "tide_table", "result": "high at noon"})
        rows.message(row, 9, "last said")
        html = staff.get(change("conversation", row.pk)).content.decode()
        places = [
            html.index(text)
            for text in (
                "first said",
                f"Run {run.run}",
                "then answered",
                "tide_table",
                "high at noon",
                "last said",
            )
        ]
        assert places == sorted(places)
        assert "0.90 s" in html and "w1" in html
        call = Call.objects.get()
        assert f'href="{change("call", call.pk)}"' in html
        assert f"/admin/chat/event/?conversation__id__exact={row.pk}" in html

    def test_a_long_transcript_comes_in_pages(self, staff, alice):
        row = rows.conversation(alice)
        for seq in range(2, 150):
            rows.message(row, seq, f"said-{seq}.")
        html = staff.get(change("conversation", row.pk)).content.decode()
        assert "said-149." in html and "said-90." in html and "said-89." not in html
        (older,) = re.findall(r'href="\?before=(\d+)"', html)
        html = staff.get(change("conversation", row.pk) + f"?before={older}").content.decode()
        assert "said-89." in html and "said-90." not in html
        assert staff.get(change("conversation", row.pk) + "?before=x").status_code == 200

    @pytest.mark.parametrize(
        ("said", "shown"),
        [
            (None, "not needed"),
            ({"decision": None, "by": "", "note": "", "decided_at": None}, "not decided"),
            (
                {"decision": "approved", "by": "alice", "note": "", "decided_at": 1},
                "approved by alice at 1970",
            ),
            ({"decision": "refused", "by": "", "note": HOSTILE, "decided_at": 1}, "refused by somebody at"),
        ],
    )
    def test_W8_a_call_shows_who_decided_on_it(self, staff, row, said, shown):
        step, call = Step.objects.get(), Call.objects.get()
        step.body["calls"][0]["approval"] = said and {"digest": "d", "asked_at": 1, **said}
        step.save()
        page = staff.get(change("call", call.pk)).content.decode()
        assert shown in page
        assert HOSTILE not in page

    def test_the_links_of_a_conversation_lead_to_its_rows(self, staff, row, alice):
        other = rows.conversation(alice, "other")
        for model in MODELS[1:]:
            html = staff.get(f"/admin/chat/{model}/?conversation__id__exact={row.pk}").content.decode()
            assert f"/admin/chat/conversation/{row.pk}/change/" in html
            assert str(other.pk) not in html

    def test_an_event_shows_its_json_pretty(self, staff, row):
        html = staff.get(change("event", Event.objects.get().pk)).content.decode()
        assert "&quot;type&quot;: &quot;conversation.created&quot;" in html
        assert "\n  &quot;at&quot;" in html

    def test_pages_have_nothing_that_a_strict_csp_forbids(self, staff, row):
        for path in (
            "/admin/chat/conversation/",
            change("conversation", row.pk),
            change("call", Call.objects.get().pk),
        ):
            response = staff.get(path)
            html = response.content.decode()
            assert "unsafe" not in response["Content-Security-Policy"]
            assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", html)
            assert "<style" not in html and " style=" not in html


def test_no_template_of_ours_takes_the_place_of_one_of_djangos_unawares():
    """Django looks for `admin/<app>/<name>` before `admin/<name>`: a page of ours of that name would stand in its place
    on every page of that app."""
    djangos = {
        path.name for path in (Path(django.contrib.admin.__file__).parent / "templates/admin").glob("*.html")
    }
    ours = {
        str(path.relative_to(ROOT / "templates/admin"))
        for path in (ROOT / "templates/admin").rglob("*.html")
        if path.name in djangos and len(path.relative_to(ROOT / "templates/admin").parts) > 1
    }
    assert ours == {
        "agents/agent/change_form.html",
        "agents/modelprovider/change_form.html",
        "chat/conversation/change_form.html",
        "chat/conversation/change_list.html",
    }


class TestReadOnly:
    @pytest.mark.parametrize("model", MODELS)
    def test_nobody_may_add_change_or_delete(self, staff, row, model):
        before = [list(kind.objects.values()) for kind in (Conversation, Event, Message, Run, Step, Call)]
        page = change(model, one_of_each(row)[model])
        assert staff.get(f"/admin/chat/{model}/add/").status_code == 403
        assert staff.post(f"/admin/chat/{model}/add/", {}).status_code == 403
        assert staff.post(page, {"title": "changed", "status": "changed"}).status_code == 403
        delete = page.replace("/change/", "/delete/")
        assert staff.get(delete).status_code == 403
        assert staff.post(delete, {"post": "yes"}).status_code == 403
        action = {"action": "delete_selected", "_selected_action": [one_of_each(row)[model]], "post": "yes"}
        staff.post(f"/admin/chat/{model}/", action)
        assert before == [
            list(kind.objects.values()) for kind in (Conversation, Event, Message, Run, Step, Call)
        ]

    @pytest.mark.parametrize("model", MODELS)
    def test_only_staff_see_them_and_only_with_the_permission(self, client, row, alice, bob, model):
        client.force_login(alice)
        assert client.get(f"/admin/chat/{model}/").status_code == 302
        bob.is_staff = True
        bob.save()
        client.force_login(bob)
        page = change(model, one_of_each(row)[model])
        assert client.get(f"/admin/chat/{model}/").status_code == 403
        assert client.get(page).status_code == 403
        bob.user_permissions.add(Permission.objects.get(codename=f"view_{model}"))
        assert client.get(f"/admin/chat/{model}/").status_code == 200
        assert client.get(page).status_code == 200


class TestFinding:
    def titles(self, staff, query):
        html = staff.get(f"/admin/chat/conversation/?{query}").content.decode()
        return sorted(set(re.findall(r">(chat-\w+)</a>", html)))

    @pytest.fixture
    def chats(self, alice, bob):
        Agent.objects.create(slug="assistant", name="Assistant")
        Agent.objects.create(slug="other", name="Other")
        return {
            "one": rows.conversation(alice, "chat-one", run_status="running"),
            "two": rows.conversation(alice, "chat-two", agent="other", entrance="feishu"),
            "three": rows.conversation(bob, "chat-three", run_status="failed"),
        }

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", ["chat-one", "chat-three", "chat-two"]),
            ("q=ONE", ["chat-one"]),
            ("q=bob", ["chat-three"]),
            ("q=nothing", []),
            ("owner_name=alice", ["chat-one", "chat-two"]),
            ("agent_slug=other", ["chat-two"]),
            ("run_state=running", ["chat-one"]),
            ("run_state=none", ["chat-two"]),
            ("came_by=feishu", ["chat-two"]),
            ("owner_name=alice&run_state=running&q=chat", ["chat-one"]),
        ],
    )
    def test_conversations_by_words_owner_agent_run_state_and_entrance(self, staff, chats, query, found):
        assert self.titles(staff, query) == found

    def test_a_conversation_by_its_id(self, staff, chats):
        assert self.titles(staff, f"q={chats['two'].pk}") == ["chat-two"]

    def test_a_typed_filter_keeps_the_others(self, staff, chats):
        html = staff.get("/admin/chat/conversation/?run_state=running&q=chat").content.decode()
        form = html[html.index('class="hf-filter"') :]
        form = form[: form.index("</form>")]
        assert 'name="run_state" value="running"' in form

    @pytest.mark.parametrize("model", MODELS)
    def test_any_search_is_answered(self, staff, row, model):
        for query in ("x", "'; drop table", "%", row.pk, "0" * 500, "a b c d e f g"):
            assert staff.get(f"/admin/chat/{model}/", {"q": str(query)}).status_code == 200

    def test_calls_by_tool_run_and_worker(self, staff, alice):
        row = rows.conversation(alice)
        run = rows.run(row, 2)
        step = rows.step(row, run, 3, "", {"name": "tide_table", "worker": "w9"})
        for query in ("tide_table", "w9", step.step, str(row.pk)):
            assert "tide_table" in staff.get("/admin/chat/call/", {"q": query}).content.decode()
        assert (
            "tide_table"
            not in staff.get("/admin/chat/call/", {"q": "w8"}).content.decode().split("result_list")[-1]
        )


class TestCost:
    @pytest.mark.parametrize("model", MODELS)
    def test_a_list_costs_the_same_number_of_queries_however_long_it_is(
        self, staff, alice, model, django_assert_max_num_queries
    ):
        for _ in range(12):
            row = rows.conversation(alice)
            rows.message(row, 2, "x")
            rows.step(row, rows.run(row, 3), 4, "y", {})
        with django_assert_max_num_queries(10):
            assert staff.get(f"/admin/chat/{model}/?_facets=True").status_code == 200

    def test_a_conversation_page_costs_the_same_number_of_queries_however_long_it_is(
        self, staff, alice, django_assert_max_num_queries
    ):
        row = rows.conversation(alice)
        for number in range(25):
            rows.message(row, 10 * number + 2, "x")
            rows.step(row, rows.run(row, 10 * number + 3), 10 * number + 4, "y", {}, {})
        with django_assert_max_num_queries(12):
            staff.get(change("conversation", row.pk))

    def test_a_list_does_not_count_a_whole_table(self, alice, monkeypatch):
        for _ in range(5):
            rows.conversation(alice)
        monkeypatch.setattr(base, "MAX_COUNTED", 3)
        assert base.BoundedPaginator(Conversation.objects.order_by("pk"), 2).count == 3


def test_a_text_that_no_page_could_show_is_cut():
    text = base.block("x" * (base.MAX_SHOWN + 5))
    assert "5 characters more" in text and len(text) < base.MAX_SHOWN + 200
