"""Agents: what may be stored, what the loop gets, and which one is the default."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse

from agents.models import Agent, Note, default_tools, ensure_default_agent, installed_tools
from agents.serving.models import environment_provider
from agents.spec import AgentSpec, RunLimits

pytestmark = pytest.mark.django_db


def agent(**fields) -> Agent:
    return Agent(**{"slug": "a", "name": "A", **fields})


def problems(**fields) -> dict[str, list[str]]:
    try:
        agent(**fields).full_clean()
    except ValidationError as error:
        return error.message_dict
    return {}


# ---- as plain data ---------------------------------------------------------------------------------------


def test_an_agent_as_the_loop_reads_it():
    made = agent(
        prompt="p", model="m", base_url="http://x/v1", profile="azure", tools=["calculator"], max_tokens=5_000
    )
    assert made.spec() == AgentSpec(
        slug="a",
        name="A",
        prompt="p",
        model="m",
        base_url="http://x/v1",
        profile="azure",
        tools=("calculator",),
        limits=RunLimits(
            steps=20, seconds=600, tokens=5_000, parallel=4, result_chars=32_000, window_tokens=60_000
        ),
    )


def test_the_defaults_of_the_table_are_those_of_the_plain_data():
    assert agent().spec().limits == RunLimits()


def test_what_is_no_longer_installed_is_left_out():
    assert agent(tools=["gone", "calculator"]).spec().tools == ("calculator",)
    assert agent(profile="gone").spec().profile == ""


def test_a_new_agent_may_read_and_nothing_else_unasked():
    assert (
        agent().tools
        == default_tools()
        == [
            *("calculator", "current_time", "fetch_url"),
            *("slow_research", "unreliable"),  # Tests run without a key, with the demo.
        ]
    )
    assert {installed_tools().effect(name) for name in default_tools()} == {"read_only"}
    assert "notes" in installed_tools().names


def test_the_default_agent_has_what_was_asked_for_besides():
    assert ensure_default_agent(also=["notes", "calculator"]).tools == [*default_tools(), "notes"]


# ---- what may be stored ----------------------------------------------------------------------------------


def test_the_smallest_agent_is_valid():
    assert problems() == {}


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("tools", ["calculater"], "no tool named calculater. Choose from: calculator, current_time"),
        ("tools", ["notes", "notes"], "on the list twice"),
        ("tools", "notes", "list of tool names"),
        ("tools", [1], "list of tool names"),
        ("approval_tools", ["gone"], "no tool named gone"),
        ("approval_tools", "notes", "list of tool names"),
        ("approval_tools", ["notes", "notes"], "on the list twice"),
        ("base_url", "ftp://x/", "whole address"),
        ("base_url", "api.example.com/v1", "whole address"),
        ("base_url", "https://me:key@x/v1", "keys belong in the settings"),
        ("base_url", "https://x/v1?key=1", "anything after ?"),
        ("base_url", "https://x:99999/", "not an address"),
        ("base_url", "https://[x/", "not an address"),
        ("profile", "chatgpt", "no profile named chatgpt. Choose from: anthropic"),
        ("max_steps", 0, "1 or more"),
        ("max_steps", 501, "500 or less"),
        ("max_seconds", 1, "5 or more"),
        ("max_tokens", 10, "1,000 or more"),
        ("parallel_calls", 0, "1 or more"),
        ("result_chars", 1, "500 or more"),
        ("window_tokens", 1, "2,000 or more"),
    ],
)
def test_a_bad_value_is_refused_with_what_to_do(field, value, says):
    found = problems(**{field: value})
    assert set(found) == {field}
    assert says in found[field][0]


@pytest.mark.parametrize(
    "url", ["http://ollama:11434/v1", "http://127.0.0.1:8399/v1", "https://api.deepseek.com"]
)
def test_base_addresses_of_containers_and_providers_are_fine(url):
    assert problems(base_url=url) == {}


def test_the_default_agent_must_be_enabled():
    assert "must be enabled" in problems(is_default=True, enabled=False)["enabled"][0]


# ---- the default -----------------------------------------------------------------------------------------


def test_the_default_agent_is_made_once():
    first = ensure_default_agent()
    assert (first.is_default, first.enabled, first.slug) == (True, True, "assistant")
    first.full_clean()
    assert ensure_default_agent() == first
    assert Agent.objects.count() == 1


def test_what_a_person_changed_stays_as_it_is():
    first = ensure_default_agent()
    Agent.objects.filter(pk=first.pk).update(name="Ann", tools=["calculator"])
    again = ensure_default_agent()
    assert (again.name, again.tools) == ("Ann", ["calculator"])


def test_an_agent_that_exists_becomes_the_default_before_a_new_one_is_made():
    agent(slug="off", enabled=False).save()
    agent(slug="on").save()
    assert ensure_default_agent().slug == "on"


def test_a_disabled_agent_of_the_same_slug_is_not_in_the_way():
    agent(slug="assistant", enabled=False).save()
    assert ensure_default_agent().slug == "assistant-2"


def test_making_another_one_the_default_takes_the_mark_off_the_former():
    first = ensure_default_agent()
    second = agent(is_default=True)
    second.full_clean()
    second.save()
    first.refresh_from_db()
    assert (first.is_default, second.is_default) == (False, True)


def test_the_database_itself_holds_one_default_at_most():
    ensure_default_agent()
    with pytest.raises(IntegrityError), transaction.atomic():
        Agent.objects.bulk_create([agent(is_default=True)])


# ---- the admin -------------------------------------------------------------------------------------------


@pytest.fixture
def staff(client, charlie):
    client.force_login(charlie)
    return client


def form(**fields) -> dict[str, object]:
    values = {
        "slug": "ann",
        "name": "Ann",
        "prompt": "Be kind.",
        "enabled": "on",
        "tools": ["calculator", "notes"],
        "max_steps": 5,
        "max_seconds": 60,
        "parallel_calls": 2,
        "result_chars": 1_000,
        "window_tokens": 8_000,
        "unattended": "tell",
        "max_schedules": 0,
        "max_triggers": 0,
        "least_interval_s": 900,
        "provider": environment_provider().pk,
        "fallbacks-TOTAL_FORMS": 0,
        "fallbacks-INITIAL_FORMS": 0,
    }
    return {**values, **fields}


def test_an_agent_can_be_added_in_the_admin(staff):
    response = staff.post(reverse("admin:agents_agent_add"), form())
    assert response.status_code == 302, response.context["adminform"].form.errors
    made = Agent.objects.get(slug="ann")
    assert made.tools == ["calculator", "notes"]
    assert made.spec().limits == RunLimits(5, 60, None, 2, 1_000, 8_000)


def test_W8_an_agent_asks_only_before_tools_that_it_may_use(staff):
    url = reverse("admin:agents_agent_add")
    page = staff.post(url, form(tools=["calculator"], approval_tools=["notes"])).content.decode()
    assert "The agent may not use notes." in page
    assert staff.post(url, form(approval_tools=["notes"])).status_code == 302
    made = Agent.objects.get(slug="ann")
    assert made.spec().approval_tools == ("notes",)
    page = staff.get(reverse("admin:agents_agent_change", args=[made.pk])).content.decode()
    assert page.count('name="approval_tools"') == len(installed_tools().names)
    assert "Ask a person before" in page


def test_W8_agents_of_before_there_were_approvals_ask_nobody():
    assert agent().spec().approval_tools == ()


def test_W8_an_agent_that_is_made_in_the_admin_asks_before_every_effectful_tool(staff):
    page = staff.get(reverse("admin:agents_agent_add")).content.decode()
    assert re.search(r'name="ask_effectful"[^>]* checked', page)
    staff.post(reverse("admin:agents_agent_add"), form(ask_effectful="on"))
    made = Agent.objects.get(slug="ann")
    assert made.spec().approval_tools == ("notes",)
    made.tools = ["calculator"]
    assert made.spec().approval_tools == ()
    page = staff.get(reverse("admin:agents_agent_change", args=[agent(slug="old").pk])).content.decode()
    assert not re.search(r'name="ask_effectful"[^>]* checked', page)


def test_W8_agents_that_exist_or_that_programs_make_ask_as_before():
    made = agent(tools=["notes"])
    assert made.spec().approval_tools == () and not made.ask_effectful


def test_an_agent_without_tools_is_fine(staff):
    staff.post(reverse("admin:agents_agent_add"), form(tools=[]))
    assert Agent.objects.get(slug="ann").tools == []


def test_the_form_shows_each_tool_with_its_effect(staff):
    page = staff.get(reverse("admin:agents_agent_add")).content.decode()
    assert "notes (changes something): Remember something" in page
    assert "calculator (only reads)" in page and "unreliable (only reads; demonstration)" in page
    assert page.count('name="tools"') == len(installed_tools().names)
    # Ticked beside the tools: `enabled`, `compaction` and `ask_effectful`.
    assert page.count(" checked") - 3 == len(default_tools()) < len(installed_tools().names)
    assert "OpenAI Chat Completions" in page


def test_the_guessed_profile_is_shown_in_the_admin(staff):
    Agent.objects.create(slug="m", name="M", base_url="https://api.mistral.ai/v1", model="mistral-large")
    assert "Mistral (guessed)" in staff.get("/admin/agents/agent/").content.decode()
    page = staff.get(f"/admin/agents/agent/{Agent.objects.get(slug='m').pk}/change/").content.decode()
    assert "The provider’s, or guessed: Mistral" in page


def test_a_mistake_comes_back_with_what_was_typed(staff):
    response = staff.post(reverse("admin:agents_agent_add"), form(max_steps=0, provider="", profile="nope"))
    page = response.content.decode()
    assert response.status_code == 200
    for text in ("Choose 1 or more.", "This field is required", "no profile named nope", "Be kind."):
        assert text in page
    assert not Agent.objects.exists()


def test_a_tool_that_went_away_is_shown_as_such_and_is_in_nobodys_way(staff):
    made = agent(tools=["gone", "calculator"])
    made.save()
    url = reverse("admin:agents_agent_change", args=[made.pk])
    assert "gone (not installed here: its model is not told of it)" in staff.get(url).content.decode()
    assert staff.post(url, form(name="Other", tools=["gone", "calculator"])).status_code == 302
    made.refresh_from_db()
    assert (made.name, made.tools, made.spec().tools) == ("Other", ["gone", "calculator"], ("calculator",))
    assert staff.post(url, form(tools=["calculator"])).status_code == 302
    made.refresh_from_db()
    made.tools = ["gone"]
    with pytest.raises(ValidationError, match="no tool named gone"):
        made.full_clean()


def test_the_default_agent_cannot_be_deleted(staff):
    default = ensure_default_agent()
    assert (
        staff.post(reverse("admin:agents_agent_delete", args=[default.pk]), {"post": "yes"}).status_code
        == 403
    )
    data = {"action": "delete_selected", "_selected_action": [default.pk], "post": "yes"}
    staff.post(reverse("admin:agents_agent_changelist"), data)
    assert Agent.objects.filter(pk=default.pk).exists()


def test_notes_can_be_read_in_the_admin_and_not_written(staff, alice):
    note = Note.objects.create(owner=alice, number=1, text="milk", key="k")
    url = reverse("admin:agents_note_change", args=[note.pk])
    assert "milk" in staff.get(url).content.decode()
    assert staff.post(url, {"text": "beer"}).status_code == 403
    assert staff.get(reverse("admin:agents_note_add")).status_code == 403


def test_people_who_are_not_staff_see_none_of_it(client, alice):
    client.force_login(alice)
    assert client.get(reverse("admin:agents_agent_changelist")).status_code == 302
