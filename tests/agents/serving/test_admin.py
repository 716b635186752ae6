"""Providers in the admin: what may be entered, what is never shown, what the environment keeps to itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse

from agents.models import Agent
from agents.serving.models import AgentFallback, ModelProvider, ProviderModel, environment_provider
from tests.support.provider import Provider, json_reply
from tests.support.served import served

pytestmark = pytest.mark.django_db
KEY = "sk-canary-5d41402abc4b2a76"
NO_ROWS = {"models-TOTAL_FORMS": 0, "models-INITIAL_FORMS": 0}


@pytest.fixture
def staff(client: Any, charlie: Any) -> Any:
    client.force_login(charlie)
    return client


@pytest.fixture
def acme() -> ModelProvider:
    row = ModelProvider(name="Acme", address="https://acme.example/v1")
    row.set_key(KEY)
    row.save()
    return row


def page_of(row: ModelProvider) -> str:
    return reverse("admin:agents_modelprovider_change", args=[row.pk])


def fields(row: ModelProvider, **changed: Any) -> dict[str, Any]:
    return {"name": row.name, "address": row.address, "dialect": "", "profile": "", **NO_ROWS, **changed}


def helper(client: Any, *permissions: str) -> Any:
    """Somebody of the staff who may do only this."""
    user = get_user_model().objects.create_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def test_a_provider_is_added_with_its_key(staff: Any):
    new = {
        "name": "New",
        "address": "https://new.example/v1",
        "dialect": "responses",
        "profile": "",
        "new_key": KEY,
    }
    answer = staff.post(reverse("admin:agents_modelprovider_add"), {**new, **NO_ROWS})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = ModelProvider.objects.get(name="New")
    assert (row.key, row.dialect) == (KEY, "responses") and KEY not in row.sealed_key


def test_the_key_is_shown_to_nobody_and_kept_when_the_field_is_empty(staff: Any, acme: ModelProvider):
    pages = [page_of(acme), reverse("admin:agents_modelprovider_changelist")]
    for url in pages:
        page = staff.get(url).content.decode()
        assert KEY not in page and acme.sealed_key not in page and "stored, for this address" in page
    staff.post(page_of(acme), fields(acme, name="Renamed"))
    acme.refresh_from_db()
    assert (acme.name, acme.key) == ("Renamed", KEY)
    history = staff.get(reverse("admin:agents_modelprovider_history", args=[acme.pk])).content.decode()
    assert "Changed" in history and KEY not in history


def test_staff_who_may_only_look_see_no_key_and_no_way_to_enter_one(client: Any, acme: ModelProvider):
    helper(client, "view_modelprovider")
    page = client.get(page_of(acme)).content.decode()
    assert "https://acme.example/v1" in page and "stored, for this address" in page
    for secret in (KEY, acme.sealed_key, "new_key", "List its models"):
        assert secret not in page
    assert client.post(page_of(acme), fields(acme, new_key="x")).status_code == 403
    assert client.post(reverse("admin:agents_modelprovider_models", args=[acme.pk])).status_code == 403


def test_another_address_takes_the_key_away_and_says_so(staff: Any, acme: ModelProvider):
    url = page_of(acme)
    page = staff.post(url, fields(acme, address="https://evil.example/v1"), follow=True).content.decode()
    assert "the stored key was taken away" in page
    acme.refresh_from_db()
    assert (acme.address, acme.key, acme.sealed_key) == ("https://evil.example/v1", "", "")
    staff.post(url, fields(acme, address="https://third.example/v1", new_key="third-key"))
    acme.refresh_from_db()
    assert acme.key == "third-key"


def test_a_key_can_be_taken_away(staff: Any, acme: ModelProvider):
    staff.post(page_of(acme), fields(acme, forget_key="on"))
    acme.refresh_from_db()
    assert acme.sealed_key == ""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"address": "ftp://x"}, "Write the whole address"),
        ({"address": ""}, "Write the whole address"),
        ({"address": "https://me:key@x/v1"}, "Take the name and password out"),
        ({"new_key": "two words"}, "A key has no blanks"),
        ({"new_key": "k", "forget_key": "on"}, "not both"),
        ({"dialect": "responses", "profile": "vllm"}, "This profile is of the dialect chat"),
        ({"dialect": "nope"}, "no dialect named nope"),
    ],
)
def test_a_mistake_is_named(staff: Any, acme: ModelProvider, wrong: dict[str, Any], words: str):
    page = staff.post(page_of(acme), fields(acme, **wrong)).content.decode()
    assert words in page and "two words" not in page
    acme.refresh_from_db()
    assert acme.key == KEY


def test_the_environments_row_is_shown_and_cannot_be_changed(staff: Any, settings: Any):
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = "https://env.example/v1", KEY
    row = environment_provider()
    page = staff.get(page_of(row)).content.decode()
    assert "This row follows the environment" in page and "https://env.example/v1" in page
    assert "the environment’s for this server" in page and KEY not in page and 'name="address"' not in page
    figures = {"models-0-name": "m", "models-0-context_window": "32000", "models-0-provider": row.pk}
    answer = staff.post(
        page_of(row),
        {
            "name": "x",
            "address": "https://evil.example",
            "new_key": "x",
            **NO_ROWS,
            **figures,
            "models-TOTAL_FORMS": 1,
        },
    )
    assert answer.status_code == 302, answer.context["errors"]
    row.refresh_from_db()
    assert (row.name, row.address, row.sealed_key) == ("Environment", "", "")
    assert ProviderModel.objects.get(provider=row).context_window == 32_000
    assert (
        staff.post(reverse("admin:agents_modelprovider_delete", args=[row.pk]), {"post": "yes"}).status_code
        == 403
    )


# ---- listing ------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[Provider]:
    """A provider on loopback."""
    rows = {"data": [{"id": "acme-large", "max_model_len": 32_768}, {"id": "<b>bold</b>"}]}
    with served(lambda path, body: json_reply(200, rows), lists=True) as provider:
        yield provider


def test_agents_without_a_provider_are_the_environments(staff: Any, acme: ModelProvider):
    """Those that were made before there were providers, and those that chose it; not one with an address of its own."""
    row = environment_provider()
    Agent.objects.create(slug="old", name="Old one")
    Agent.objects.create(slug="chose", name="Chose it", provider=row)
    Agent.objects.create(slug="theirs", name="Elsewhere", provider=acme)
    Agent.objects.create(slug="own", name="Own address", base_url="http://localhost/v1")
    page = staff.get(page_of(row)).content.decode()
    used = page.partition("field-used_by")[2].partition("</fieldset>")[0]
    assert [name for name in ("Old one", "Chose it", "Elsewhere", "Own address") if name in used] == [
        "Old one",
        "Chose it",
    ]
    listed = staff.get(reverse("admin:agents_modelprovider_changelist")).content.decode()
    counts = re.findall(r'field-used">(\d+)<', listed)
    assert sorted(counts) == ["1", str(Agent.objects.filter(base_url="").count())]


def test_models_are_listed_by_a_button(staff: Any, server: Provider, settings: Any):
    settings.HOLDFAST_PRIVATE_PROVIDERS = [server.url.split("/")[2]]
    row = ModelProvider(name="Local", address=server.url)
    row.set_key(KEY)
    row.save()
    assert "List its models" in staff.get(page_of(row)).content.decode() and server.requests == []
    url = reverse("admin:agents_modelprovider_models", args=[row.pk])
    assert staff.get(url).status_code == 405
    page = staff.post(url, follow=True).content.decode()
    assert "2 models were listed." in page and "acme-large (32,768)" in page and "<b>bold" not in page
    assert server.keys == [f"Bearer {KEY}"]
    agent = staff.get(reverse("admin:agents_agent_add")).content.decode()
    assert '<option value="acme-large">Local</option>' in agent


def test_what_hinders_the_listing_is_said(staff: Any, server: Provider):
    row = ModelProvider.objects.create(name="Local", address=server.url)
    page = staff.post(
        reverse("admin:agents_modelprovider_models", args=[row.pk]), follow=True
    ).content.decode()
    assert "HOLDFAST_PRIVATE_PROVIDERS" in page and server.requests == []


# ---- agents -------------------------------------------------------------------------------------------------


def agent_form(agent: Agent, **changed: Any) -> dict[str, Any]:
    kept = ("slug", "name", "prompt", "model", "max_steps", "max_seconds", "parallel_calls", "result_chars")
    more = ("window_tokens", "unattended", "max_schedules", "max_triggers", "least_interval_s")
    values = {name: getattr(agent, name) for name in (*kept, *more)}
    counts = {"fallbacks-TOTAL_FORMS": 0, "fallbacks-INITIAL_FORMS": 0}
    return {**values, "enabled": "on", "tools": agent.tools, **counts, **changed}


def test_an_agent_is_given_a_provider_a_model_and_fallbacks(staff: Any, acme: ModelProvider):
    agent = Agent.objects.create(slug="a", name="A")
    url = reverse("admin:agents_agent_change", args=[agent.pk])
    rows = {
        "fallbacks-TOTAL_FORMS": 2,
        "fallbacks-0-position": 2,
        "fallbacks-0-provider": acme.pk,
        "fallbacks-0-model": "acme-small",
        "fallbacks-1-position": 1,
        "fallbacks-1-provider": environment_provider().pk,
        "fallbacks-1-model": "gpt-5-mini",
    }
    answer = staff.post(url, agent_form(agent, provider=acme.pk, model="acme-large", **rows))
    assert answer.status_code == 302, answer.context["errors"]
    agent = Agent.objects.get()
    spec = agent.spec()
    assert (spec.base_url, spec.model, spec.key) == (acme.address, "acme-large", KEY)
    assert [one.model for one in spec.fallbacks] == ["gpt-5-mini", "acme-small"]
    assert agent.fallback_model == "gpt-5-mini" and AgentFallback.objects.count() == 2
    page = staff.get(page_of(acme)).content.decode()
    assert f'<a href="{url}">A</a>' in page


def test_an_address_that_an_earlier_release_wrote_is_told_and_replaced_by_a_choice(
    staff: Any, acme: ModelProvider
):
    agent = Agent.objects.create(slug="a", name="A", provider=acme, model="m")
    Agent.objects.update(base_url="https://theirs.example/v1")
    url = reverse("admin:agents_agent_change", args=[agent.pk])
    page = staff.get(url).content.decode()
    assert "An earlier release has given this agent the address https://theirs.example/v1" in page
    staff.post(url, agent_form(agent, provider=acme.pk))
    assert Agent.objects.get().spec().base_url == acme.address
    assert "An earlier release" not in staff.get(url).content.decode()
