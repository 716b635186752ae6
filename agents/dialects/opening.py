"""From an agent to the model that speaks for it."""

import hashlib
from dataclasses import replace

from agents.dialects.base import Model
from agents.dialects.requests import dialect_of
from agents.profiles import choose
from agents.providers.base import Profile
from agents.spec import AgentSpec, Endpoint


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
    """The agent as it is when its fallback model speaks for it; None if it has none. What it takes has no price."""
    if not spec.fallback_model:
        return None
    address = spec.fallback_base_url or spec.base_url
    profile = spec.profile if address == spec.base_url else ""
    return replace(
        spec,
        model=spec.fallback_model,
        base_url=address,
        profile=profile,
        endpoint=spec.fallback_endpoint,
        fallback_endpoint=Endpoint(),
        prices=None,
        fallback_model="",
        vision=None,
    )
