"""Which model speaks for an agent, at which address, with which key: rows and the environment as plain data.

Releases before providers keep an address in the agent itself and read nothing else. Theirs counts where they have
changed it since (`Agent.mirrored`): nothing that was entered there is lost, whichever release wrote last.
"""

from dataclasses import replace
from typing import Any

from django.conf import settings

from agents.profiles import all_profiles, guess
from agents.serving.keys import environment_keys
from agents.serving.models import ModelProvider, ProviderModel
from agents.spec import AgentSpec, Fallback

#: A row of `agents.models.Agent`, which is made of this.
AgentRow = Any


def provider_of(agent: AgentRow) -> ModelProvider | None:
    """The provider whose model speaks for an agent; None: the environment's, or an address without a provider."""
    return agent.provider if agent.address_is_mirrored else None


def speaker(agent: AgentRow, profile: str) -> dict[str, Any]:
    """The fields of an AgentSpec that say which model speaks, and what is known of it, if the agent names this profile.
    `model` and `base_url` are empty where the environment says them. Asks SQL for what is not loaded yet."""
    provider = provider_of(agent)
    address = "" if provider is None or provider.follows_environment else provider.address
    if provider is None:
        address = agent.base_url
    figures = provider.figures(agent.model or settings.OPENAI_MODEL) if provider is not None else None
    own = agent.prices()
    return {
        "model": agent.model,
        "base_url": address,
        "profile": _profile(profile, provider, address, agent.model),
        "key": None if provider is None or provider.follows_environment else provider.key,
        "vision": agent.vision if agent.vision is not None or figures is None else figures.vision,
        "prices": own if own is not None or figures is None else figures.prices(),
        "context_window": None if figures is None else figures.context_window,
        "fallbacks": tuple(_fallbacks(agent)),
    }


def _fallbacks(agent: AgentRow) -> list[Fallback]:
    if not agent.pk or not agent.fallback_is_mirrored:
        if not agent.fallback_model:
            return []
        return [Fallback(agent.fallback_model, agent.fallback_base_url)]
    rows = agent.fallbacks.select_related("provider").order_by("position", "pk")
    return [_fallback(row.provider, row.model) for row in rows]


def _fallback(provider: ModelProvider, model: str) -> Fallback:
    figures = provider.figures(model)
    return Fallback(
        model,
        provider.where,
        _profile("", provider, provider.where, model),
        provider.key,
        None if figures is None else figures.vision,
        None if figures is None else figures.prices(),
        None if figures is None else figures.context_window,
    )


def _profile(named: str, provider: ModelProvider | None, address: str, model: str) -> str:
    """The name of the profile that somebody has chosen; empty: it is guessed later, as is one that is not installed any
    more. A provider that only says its dialect gets the guess, if that is of this dialect."""
    known = all_profiles()
    if named in known:
        return named
    if provider is None:
        return ""
    if provider.profile in known:
        return provider.profile
    if not provider.dialect:
        return ""
    likely = guess(address or settings.OPENAI_BASE_URL, model or settings.OPENAI_MODEL)
    if likely.dialect == provider.dialect:
        return likely.name
    return next((name for name, profile in known.items() if profile.dialect == provider.dialect), "")


def with_defaults(spec: AgentSpec) -> AgentSpec:
    """An agent with the environment's model and address where it names none."""
    return replace(
        spec, model=spec.model or settings.OPENAI_MODEL, base_url=spec.base_url or settings.OPENAI_BASE_URL
    )


def of_provider(provider: ModelProvider, model: str) -> AgentSpec:
    """An agent with nothing but a model of this provider. Asks SQL."""
    one = _fallback(provider, model)
    return AgentSpec(
        "lab",
        "Lab",
        model=model,
        base_url=one.base_url,
        profile=one.profile,
        key=one.key,
        vision=one.vision,
        prices=one.prices,
        context_window=one.context_window,
    )


def default_model() -> str:
    """The model of agents that name none."""
    return str(settings.OPENAI_MODEL)


def model_names() -> list[tuple[str, str]]:
    """Models that may be named, each with its provider: what servers have listed, and what figures were entered of."""
    found = {(one["name"], row.name) for row in ModelProvider.objects.all() for one in row.listed}
    found |= set(ProviderModel.objects.values_list("name", "provider__name"))
    return sorted(found)[:2_000]


def all_keys(using: str) -> list[str]:
    """Every key of this installation, to be taken out of what is shown or kept. Asks SQL."""
    rows = ModelProvider.objects.using(using).exclude(sealed_key="")
    return [key for key in [*environment_keys().values(), *(row.own_key for row in rows)] if key]
