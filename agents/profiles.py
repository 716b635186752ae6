"""Which profile the requests of an agent follow, and what its model's name tells, over all registered providers."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from agents import extensions
from agents.providers.base import Profile

#: The profile of a server that nothing is known of.
UNKNOWN = "openai-chat"


def all_profiles() -> dict[str, Profile]:
    """Every profile by its name, in the order of the providers."""
    return {profile.name: profile for profile in _profiles()}


def get(name: str) -> Profile:
    """The profile of this name. Raises KeyError with the names there are."""
    known = all_profiles()
    try:
        return known[name]
    except KeyError:
        raise KeyError(f"there is no profile {name!r}; the profiles are: {', '.join(known)}") from None


def guess(base_url: str, model: str) -> Profile:
    """The likeliest profile of an address and a model. The host decides; where one host serves several
    profiles, or none is known by the host, the model's name does."""
    address = urlsplit(base_url if "//" in base_url else f"//{base_url}")
    host = (address.hostname or "").lower()
    model = model.lower()
    at_host = [profile for profile in _profiles() if any(_is_host(host, end) for end in profile.hosts)]
    for profile in at_host:
        if len(at_host) == 1 or not profile.models or re.search(profile.models, model):
            return profile
    if at_host:
        return at_host[-1]
    try:
        port = address.port or 0
    except ValueError:
        port = 0
    if (local := next((profile for profile in _profiles() if port in profile.ports), None)) is not None:
        return local
    name = model.rpartition("/")[2]
    named = (profile for profile in _profiles() if profile.models and re.search(profile.models, name))
    return next(named, None) or get(UNKNOWN)


def choose(name: str, base_url: str, model: str) -> Profile:
    """The profile an agent asked for, or the guess if it asked for none. Raises KeyError for an unknown one."""
    return get(name) if name else guess(base_url, model)


def context_window(model: str) -> int | None:
    """Tokens that a model of this name can read and write together, or None if the name tells nothing."""
    name = model.lower().rpartition("/")[2]
    windows = (window for provider in extensions.providers for window in provider.windows)
    return next((window.tokens for window in windows if re.search(window.models, name)), None)


def refusal_kind(text: str) -> str:
    """The number (E1 to E31, or `images`) of the refusal whose words `text` contains, whoever says them (gateways
    pass on the words of others); an empty string if they are not known."""
    lowered = " ".join(text.lower().split(" "))
    for provider in extensions.providers:
        for refusal in provider.refusals:
            if any(re.search(pattern, lowered) for pattern in refusal.patterns):
                return refusal.kind
    return ""


def _profiles() -> Iterator[Profile]:
    for provider in extensions.providers:
        yield from provider.profiles


def _is_host(host: str, end: str) -> bool:
    return host == end or host.endswith(f".{end}")
