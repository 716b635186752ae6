"""The agent that a run gets is the one that the rows say now, whichever of them has changed, and whoever changed it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import models
from django.test.utils import CaptureQueriesContext

from agents.models import Agent
from agents.serving.models import AgentFallback, ModelProvider, ProviderModel
from agents.serving.resolve import with_defaults
from agents.spec import AgentSpec
from chat.runs import known_agents
from chat.runs.known_agents import known_agent

pytestmark = pytest.mark.django_db

#: Their columns, but for when they were made and changed.
CHANGED: dict[type[models.Model], tuple[str, ...]] = {
    Agent: tuple(
        field.name
        for field in Agent._meta.concrete_fields
        if not field.primary_key and not isinstance(field, models.DateTimeField)
    ),
    ModelProvider: ("address", "sealed_key", "profile", "dialect"),
    ProviderModel: ("name", "context_window", "vision", "price_input", "price_cached", "price_output"),
    AgentFallback: ("position", "model", "provider"),
}


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    known_agents._kept.clear()
    yield
    known_agents._kept.clear()


@pytest.fixture
def agent() -> Agent:
    """With a provider, figures, and two who stand in."""
    acme = ModelProvider(name="Acme", address="https://acme.example/v1")
    acme.set_key("acme-key-1")
    acme.save()
    other = ModelProvider.objects.create(name="Other", address="https://other.example/v1")
    made = Agent.objects.create(slug="a", name="A", model="large", provider=acme)
    for provider, name in ((acme, "large"), (other, "small"), (acme, "tiny")):
        ProviderModel.objects.create(provider=provider, name=name, context_window=32_000)
    for position, (provider, name) in enumerate(((other, "small"), (acme, "tiny")), 1):
        AgentFallback.objects.create(agent=made, provider=provider, model=name, position=position)
    return made


def fresh(slug: str = "a") -> AgentSpec | None:
    """As the rows say, with nothing kept."""
    row = Agent.objects.filter(slug=slug, enabled=True).first()
    return None if row is None else with_defaults(row.spec())


def another(row: models.Model, name: str) -> Any:
    """A value of a column that is not the one it has, if that can be had by itself."""
    field, now = row._meta.get_field(name), getattr(row, name)
    match field:
        case models.BooleanField():
            return not now
        case models.IntegerField():
            return (now or 0) + 7
        case models.DecimalField():
            return (now or Decimal(0)) + 1
        case models.ForeignKey():
            return ModelProvider.objects.exclude(pk=getattr(now, "pk", None)).filter(address__gt="").first()
        case models.JSONField():
            return ["notes"] if now != ["notes"] else []
        case models.CharField() | models.TextField():
            return next(one for one in ("openai", "wait", "b") if one != now)
    return None


@pytest.mark.parametrize(("model", "name"), [(one, name) for one, names in CHANGED.items() for name in names])
def test_a_change_of_any_column_is_seen_by_the_next_run(
    agent: Agent, model: type[models.Model], name: str
) -> None:
    assert known_agent("a") == fresh()
    rows = model._default_manager
    row = rows.filter(address__gt="").first() if model is ModelProvider else rows.first()
    assert row is not None
    value = another(row, name)
    assert value is not None, f"{name} is of a kind of column that this test does not know"
    rows.filter(pk=row.pk).update(**{name: value})
    assert known_agent("a") == fresh()
    rows.filter(pk=row.pk).update(**{name: getattr(row, name)})
    assert known_agent("a") == fresh()


def test_what_goes_and_what_comes_is_seen(agent: Agent) -> None:
    def is_seen() -> bool:
        return known_agent("a") == fresh()

    assert is_seen()
    for model in (AgentFallback, ProviderModel):
        row = model._default_manager.first()
        assert row is not None
        row.delete()
        assert is_seen()
    ProviderModel.objects.create(provider=agent.provider, name="new", vision=True)
    Agent.objects.filter(pk=agent.pk).update(model="new")
    assert is_seen()
    Agent.objects.filter(pk=agent.pk).update(enabled=False)
    assert known_agent("a") is None and known_agent("nobody") is None
    Agent.objects.filter(pk=agent.pk).update(enabled=True)
    assert is_seen()


def test_the_environment_is_seen(agent: Agent, settings: Any) -> None:
    Agent.objects.create(slug="plain", name="Plain")
    assert known_agent("plain") == fresh("plain")
    settings.OPENAI_MODEL, settings.OPENAI_BASE_URL = "two", "https://two.example/v1"
    seen = known_agent("plain")
    assert seen == fresh("plain") and seen is not None and seen.model == "two"


def test_what_has_not_changed_is_three_questions_and_the_same_object(
    agent: Agent, django_assert_num_queries: Any
) -> None:
    first = known_agent("a")
    with django_assert_num_queries(3) as asked:
        assert known_agent("a") is first
    assert isinstance(asked, CaptureQueriesContext)


def test_of_very_many_only_some_are_kept() -> None:
    Agent.objects.bulk_create(
        Agent(slug=f"a{number}", name="A", model="m") for number in range(known_agents.MOST + 5)
    )
    for number in itertools.chain(range(known_agents.MOST + 5), (0,)):
        assert known_agent(f"a{number}") is not None
    assert len(known_agents._kept) <= known_agents.MOST
    one = known_agent("a0")
    assert one is not None and replace(one, slug="") == replace(known_agent("a1") or one, slug="")
