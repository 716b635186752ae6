"""The page on which an agent's provider is tried: who may, what it shows at each moment."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse

from agents.lab.stories import STORIES
from agents.lab.trying import Report, Told, Verdict
from agents.models import Agent
from agents.serving import lab_words
from agents.serving.trials import KEPT, ProviderTrial
from agents.transcript.forms import TITLES

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Any, charlie: Any) -> Any:
    client.force_login(charlie)
    return client


@pytest.fixture
def url() -> str:
    agent = Agent.objects.create(slug="a", name="A", model="acme-large")
    return reverse("admin:agents_agent_try", args=[agent.pk])


def told(story: str, profile: str, verdict: Verdict, *words: str, **more: Any) -> Told:
    return Told(story, profile, verdict, words, requests=2, seconds=0.5, **more)


def report(**fields: Any) -> dict[str, Any]:
    made = Report(
        "acme-large", "https://acme.example/v1", "openai-chat", requests=9, tokens=12_345, dollars=0.01
    )
    made.told = [
        told("plain", "openai-chat", "taken"),
        told("stop_in_call", "openai-chat", "refused", "roles must <alternate>", own_calls=False),
        told("picture", "openai-chat", "refused", optional=True),
        told("stop_in_call", "mistral", "taken"),
    ]
    for name, value in fields.items():
        setattr(made, name, value)
    return made.data()


def test_a_trial_is_asked_for_once_at_a_time_and_can_be_ended(staff: Any, url: str):
    page = staff.get(url).content.decode()
    assert "acme-large" in page and "at most 90 requests" in page and 'http-equiv="refresh"' not in page
    for _ in range(2):
        page = staff.post(url, {"begin": "1"}, follow=True).content.decode()
    trial = ProviderTrial.objects.get()
    assert (trial.state, trial.by) == ("waiting", "charlie")
    assert 'http-equiv="refresh"' in page and "A worker will take it" in page
    ProviderTrial.objects.update(created_at=trial.created_at - 60_000)
    assert "No worker has taken it yet" in staff.get(url).content.decode()
    page = staff.post(url, {"stop": "1"}, follow=True).content.decode()
    assert "It was ended before it was over." in page and 'http-equiv="refresh"' not in page
    for _ in range(KEPT + 2):
        staff.post(url, {"begin": "1"})
        ProviderTrial.objects.update(state="over")
    assert ProviderTrial.objects.count() == KEPT


def test_progress_and_result_are_shown(staff: Any, url: str):
    staff.post(url, {"begin": "1"})
    ProviderTrial.objects.update(state="running", done=3, total=14, report=report())
    page = staff.get(url).content.decode()
    assert "3 of 14 conversations are over." in page and "roles must &lt;alternate&gt;" in page
    assert "this model sees no pictures" in page and "the model made no call" in page
    staff.post(url, {"stop": "1"})
    assert ProviderTrial.objects.get().stopping and "It is being ended." in staff.get(url).content.decode()
    ProviderTrial.objects.update(state="over", report=report(fits="mistral"))
    page = staff.get(url).content.decode()
    assert "with Mistral everything was taken" in page and "12,345 tokens" in page and "$0.0100" in page


def test_only_who_may_change_the_agent_may_try(client: Any, url: str):
    user = get_user_model().objects.create_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_agent", "view_modelprovider"]))
    client.force_login(user)
    change = reverse("admin:agents_agent_change", args=[Agent.objects.get().pk])
    assert "/try/" not in client.get(change).content.decode()
    assert client.get(url).status_code == client.post(url).status_code == 403
    assert not ProviderTrial.objects.exists()


def test_the_agents_page_leads_there(staff: Any, url: str):
    change = reverse("admin:agents_agent_change", args=[Agent.objects.get().pk])
    assert f'href="{url}"' in staff.get(change).content.decode()
    assert staff.get(reverse("admin:agents_agent_try", args=[999])).status_code == 404


def test_every_story_and_verdict_has_words():
    assert {story.name: story.title for story in STORIES} == {
        key: str(one) for key, one in lab_words.STORIES.items()
    }
    assert set(lab_words.VERDICTS) == set(Verdict.__args__)
    for change, words in (
        ({"fits": "openai-chat"}, "Everything was taken"),
        ({"ended": "x"}, "ended before"),
    ):
        assert words in lab_words.conclusion(report(**change))
    assert "No profile" in lab_words.conclusion(report())


def test_where_no_profile_fits_the_page_says_whether_conversations_go_on_all_the_same():
    assert {name: str(words) for name, words in lab_words.FORMS.items()} == TITLES
    rescued = told("tool_loop", "openai-chat", "rescued", "no tools here")
    helped = report(rescued=[rescued], form=("no_system", "text_only"))
    words = lab_words.conclusion(helped)
    assert "No profile" in words and "without a system role, with tool exchanges as plain text" in words
    assert lab_words.tables(helped)[-1]["rows"][0]["words"] == ("no tools here",)
    lost = lab_words.conclusion(report(rescued=[rescued, told("failed_run", "openai-chat", "refused")]))
    assert "No profile" in lost and "Not every conversation goes on" in lost
    unknown = lab_words.conclusion(report(rescued=[rescued, told("failed_run", "openai-chat", "not_told")]))
    assert "could not be found out" in unknown
