"""Which profile the requests of an agent follow, and what its model's name tells, over all registered providers."""

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from agents import extensions
from agents.providers.base import Profile, Served

#: The profile of a server that nothing is known of.
UNKNOWN = "compatible"


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


def guess(base_url: str, model: str, served: Served | None = None) -> Profile:
    """The likeliest profile of an address and a model, and of what the server tells.

    The host of a provider decides, and the model's name where one host serves several profiles. Elsewhere it is the
    model that decides, not the server: its chat template, if the server shows it; then its name, first among the
    profiles of self-hosted models; then the kind of server. None of them lets out what `UNKNOWN` would not.
    """
    address = urlsplit(base_url if "//" in base_url else f"//{base_url}")
    host = (address.hostname or "").lower()
    model = model.lower()
    at_host = [profile for profile in _profiles() if any(_is_host(host, end) for end in profile.hosts)]
    for profile in at_host:
        if len(at_host) == 1 or not profile.models or re.search(profile.models, model):
            return profile
    if at_host:
        return at_host[-1]
    served = served or Served()
    named = _named(served.model or model)
    likely = (
        *(one for one in _profiles() if one.templates and re.search(one.templates, served.template)),
        *(one for one in named if not one.hosts),
        *(one for one in _profiles() if one.name == served.server or _port(address) in one.ports),
        *named,
    )
    return likely[0] if likely else get(UNKNOWN)


def needs_no_asking(base_url: str, model: str) -> bool:
    """Whether `guess` would make the same of whatever the server tells: the host is one provider's own, or the name
    is that of a self-hosted model with rules of its own."""
    host = (urlsplit(base_url).hostname or "").lower()
    at_provider = any(_is_host(host, end) for profile in _profiles() for end in profile.hosts)
    return at_provider or any(not profile.hosts for profile in _named(model))


def choose(name: str, base_url: str, model: str, served: Served | None = None) -> Profile:
    """The profile an agent asked for, or the guess if it asked for none. Raises KeyError for an unknown one."""
    return get(name) if name else guess(base_url, model, served)


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


def _named(model: str) -> list[Profile]:
    name = model.lower().rpartition("/")[2]
    return [one for one in _profiles() if one.by_name and one.models and re.search(one.models, name)]


def _port(address: SplitResult) -> int:
    try:
        return address.port or 0
    except ValueError:
        return 0


def _is_host(host: str, end: str) -> bool:
    return host == end or host.endswith(f".{end}")
