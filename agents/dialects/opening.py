"""From an agent to the model that speaks for it."""

import hashlib
from dataclasses import replace

from agents.dialects.base import Model
from agents.dialects.requests import dialect_of
from agents.profiles import choose
from agents.providers.base import Profile
from agents.spec import AgentSpec


def open_model(spec: AgentSpec, key: str) -> Model:
    """The model at the agent's address, in the dialect of its profile. Opens no connection yet. Raises KeyError
    for a profile that does not exist."""
    profile = choose(spec.profile, spec.base_url, spec.model, spec.endpoint.served)
    return dialect_of(profile).open(spec.base_url, key, profile)


def account_of(base_url: str, key: str) -> str:
    """An address and a key as one short digest: enough to tell accounts apart (rule V14), and tells neither."""
    return hashlib.sha256(f"{base_url.rstrip('/').lower()}\0{key}".encode("utf-8", "replace")).hexdigest()[
        :12
    ]


def chosen(spec: AgentSpec) -> Profile:
    """The profile of an agent's requests; the agent may know better than its model's name whether it sees."""
    profile = choose(spec.profile, spec.base_url, spec.model, spec.endpoint.served)
    if spec.vision is None:
        return profile
    return replace(profile, vision=".*" if spec.vision else "")


def fallback_of(spec: AgentSpec) -> AgentSpec | None:
    """The agent as it is when its next fallback speaks for it; None if it has none left. At the same address it keeps
    the profile and the key, unless it brings its own; what is known of a model is known of that model only."""
    if not spec.fallbacks:
        return None
    other, *others = spec.fallbacks
    same = not other.base_url or other.base_url == spec.base_url
    return replace(
        spec,
        model=other.model,
        base_url=other.base_url or spec.base_url,
        profile=other.profile or (spec.profile if same else ""),
        key=spec.key if same and other.key is None else other.key,
        vision=other.vision,
        endpoint=other.endpoint,
        prices=other.prices,
        context_window=other.context_window,
        fallbacks=tuple(others),
    )


def fallbacks_of(spec: AgentSpec) -> list[AgentSpec]:
    """The agent with each of its fallbacks, in the order in which they are asked."""
    found: list[AgentSpec] = []
    while (other := fallback_of(found[-1] if found else spec)) is not None:
        found.append(other)
    return found
