"""Which model speaks for an agent: its provider's, the environment's, or what an earlier release has written."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from agents.dialects.opening import chosen, fallbacks_of
from agents.models import Agent
from agents.serving.models import AgentFallback, ModelProvider, ProviderModel, environment_provider
from agents.serving.resolve import all_keys, with_defaults
from agents.spec import Fallback, Prices

pytestmark = pytest.mark.django_db
ACME = "https://acme.example/v1"


@pytest.fixture
def acme() -> ModelProvider:
    row = ModelProvider(name="Acme", address=ACME)
    row.set_key("acme-key-1")
    row.save()
    return row


def agent(**fields: Any) -> Agent:
    return Agent.objects.create(**{"slug": "a", "name": "A", "model": "acme-large", **fields})


def test_an_agent_speaks_with_its_providers_address_key_and_figures(acme: ModelProvider):
    figures = {"context_window": 32_000, "vision": True, "price_input": 2, "price_output": 8}
    ProviderModel.objects.create(provider=acme, name="acme-large", **figures)
    spec = with_defaults(agent(provider=acme).spec())
    assert (spec.base_url, spec.key, spec.model) == (ACME, "acme-key-1", "acme-large")
    assert (spec.context_window, spec.vision) == (32_000, True)
    assert spec.prices == Prices(Decimal(2), Decimal(8), None)
    assert "acme-key-1" not in repr(spec)


def test_what_the_agent_says_itself_comes_before_the_providers_figures(acme: ModelProvider):
    ProviderModel.objects.create(provider=acme, name="acme-large", vision=True, price_input=2, price_output=8)
    spec = agent(provider=acme, vision=False, price_input=1, price_output=1, profile="mistral").spec()
    assert (spec.vision, spec.prices, spec.profile) == (False, Prices(Decimal(1), Decimal(1)), "mistral")


def test_the_environments_row_follows_the_environment(settings: Any):
    row = environment_provider()
    made = agent(provider=row, model="")
    for address, model in (("https://one.example/v1", "one"), ("https://two.example/v1", "two")):
        settings.OPENAI_BASE_URL, settings.OPENAI_MODEL = address, model
        spec = with_defaults(Agent.objects.get(pk=made.pk).spec())
        assert (spec.base_url, spec.model, spec.key) == (address, model, None)
        assert environment_provider().where == address


def test_without_a_provider_it_is_the_environments(settings: Any):
    ModelProvider.objects.all().delete()
    spec = with_defaults(agent(model="").spec())
    assert (spec.base_url, spec.model, spec.key) == (settings.OPENAI_BASE_URL, settings.OPENAI_MODEL, None)


def test_a_provider_without_a_key_of_its_own_takes_the_environments_for_its_server(settings: Any):
    settings.HOLDFAST_MODEL_KEYS = {"https://acme.example": "from-the-environment"}
    assert ModelProvider(name="x", address=ACME).key == "from-the-environment"
    assert ModelProvider(name="x", address="https://other.example/v1").key == ""


def test_the_dialect_chooses_among_profiles(acme: ModelProvider):
    def profile(**fields: str) -> str:
        for name, value in {"dialect": "", "profile": "", **fields}.items():
            setattr(acme, name, value)
        acme.save()
        return chosen(
            Agent(slug="b", name="B", model="mistral-large", provider=acme, mirrored=[""]).spec()
        ).name

    assert profile() == "compatible"
    assert profile(dialect="chat") == "compatible"
    assert profile(dialect="responses") == "openai-responses"
    assert profile(profile="vllm") == "vllm"
    acme.dialect, acme.profile = "responses", "vllm"
    with pytest.raises(ValidationError, match="of the dialect chat"):
        acme.full_clean()
    acme.profile = "gone"  # its package was removed
    acme.save()
    assert profile(dialect="responses", profile="gone") == "openai-responses"


# ---- fallbacks ----------------------------------------------------------------------------------------------


def test_fallbacks_are_asked_in_their_order_each_with_its_own_key(acme: ModelProvider):
    spare = ModelProvider.objects.create(name="Spare", address="https://spare.example/v1", profile="mistral")
    made = agent(provider=acme, price_input=1, price_output=1, vision=True)
    ProviderModel.objects.create(provider=spare, name="small", price_input=3, price_output=4)
    AgentFallback.objects.create(agent=made, position=2, provider=acme, model="acme-small")
    AgentFallback.objects.create(agent=made, position=1, provider=spare, model="small")
    made.save()
    spec = with_defaults(Agent.objects.get().spec())
    first, second = fallbacks_of(spec)
    assert (first.model, first.base_url, first.key, first.profile) == ("small", spare.address, "", "mistral")
    assert (first.prices, first.vision) == (Prices(Decimal(3), Decimal(4)), None)
    assert (second.model, second.base_url, second.key) == ("acme-small", ACME, "acme-key-1")
    assert (second.prices, second.fallbacks) == (None, ())


def test_a_fallback_at_another_address_never_gets_the_agents_key():
    spec = replace(Agent(slug="a", name="A").spec(), base_url=ACME, key="acme-key-1", profile="vllm")
    (other,) = fallbacks_of(replace(spec, fallbacks=(Fallback("m", "https://other.example/v1"),)))
    assert (other.key, other.profile) == (None, "")
    (same,) = fallbacks_of(replace(spec, fallbacks=(Fallback("m"),)))
    assert (same.key, same.profile) == ("acme-key-1", "vllm")


# ---- keys ---------------------------------------------------------------------------------------------------


def test_another_address_takes_the_key_away_also_when_it_is_changed_back(acme: ModelProvider):
    acme.listed, acme.listed_at = [{"name": "m"}], 1
    acme.save()
    acme.address = "https://evil.example/v1"
    assert acme.key == ""
    acme.save()
    assert (acme.sealed_key, acme.listed, acme.listed_at) == ("", [], None)
    acme.address = ACME
    acme.save()
    assert ModelProvider.objects.get(name="Acme").key == ""


def test_an_address_that_was_changed_behind_our_back_gets_no_key(acme: ModelProvider):
    agent(provider=acme)
    ModelProvider.objects.filter(pk=acme.pk).update(address="https://evil.example/v1")
    Agent.objects.update(base_url="https://evil.example/v1", mirrored=["https://evil.example/v1", "", ""])
    spec = with_defaults(Agent.objects.get().spec())
    assert (spec.base_url, spec.key) == ("https://evil.example/v1", "")


def test_all_keys_are_known_to_whoever_takes_them_out_of_texts(acme: ModelProvider, settings: Any):
    settings.OPENAI_API_KEY = "sk-environment"
    assert {"sk-environment", "acme-key-1"} <= set(all_keys("default"))


def test_a_provider_that_agents_use_cannot_be_deleted(acme: ModelProvider):
    made = agent(provider=acme)
    with pytest.raises(ProtectedError):
        acme.delete()
    made.delete()
    acme.delete()


# ---- beside releases that know no providers -----------------------------------------------------------------


def test_earlier_releases_find_address_and_fallback_where_they_look(acme: ModelProvider):
    made = agent(provider=acme)
    assert (made.base_url, made.fallback_model) == (ACME, "")
    AgentFallback.objects.create(agent=made, provider=environment_provider(), model="gpt-5-mini")
    made.save()
    assert (made.fallback_model, made.fallback_base_url) == ("gpt-5-mini", environment_provider().where)
    acme.address = "https://moved.example/v1"
    acme.save()
    made.refresh_from_db()
    assert made.base_url == "https://moved.example/v1" and made.spec().base_url == made.base_url


def test_what_an_earlier_release_has_written_since_counts(acme: ModelProvider):
    made = agent(provider=acme)
    AgentFallback.objects.create(agent=made, provider=acme, model="acme-small")
    made.save()
    Agent.objects.update(base_url="https://theirs.example/v1", fallback_model="theirs")
    theirs = Agent.objects.get()
    spec = with_defaults(theirs.spec())
    assert (spec.base_url, spec.key) == ("https://theirs.example/v1", None)
    assert [one.model for one in spec.fallbacks] == ["theirs"]
    theirs.name = "Renamed"
    theirs.save()  # by something that does not ask who speaks
    assert Agent.objects.get().spec().base_url == "https://theirs.example/v1"
    theirs.provider = acme
    theirs.mirror()  # as the admin does when somebody has chosen
    theirs.save()
    assert Agent.objects.get().spec().base_url == ACME


def test_an_agent_that_an_earlier_release_has_made_speaks_as_it_would_there():
    made = agent(base_url="https://theirs.example/v1", fallback_model="m2")
    Agent.objects.update(provider=None, mirrored=None)
    spec = with_defaults(Agent.objects.get(pk=made.pk).spec())
    assert (spec.base_url, spec.key, spec.fallbacks) == ("https://theirs.example/v1", None, (Fallback("m2"),))
