"""Whom a recorded request may be sent to: who got it then, the models of agents, and those of providers.

Only what is configured here can be chosen. A key goes to the address it was entered for and to no other, also where the
address of a recorded request says so: nothing that is in a conversation, or came with an imported one, names a server.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext

from agents.dialects.opening import account_of, fallbacks_of
from agents.models import Agent
from agents.profiles import all_profiles
from agents.recording import RequestSettings
from agents.serving.keys import canonical, environment_key, environment_keys, server
from agents.serving.models import ModelProvider
from agents.serving.resolve import of_provider, with_defaults
from agents.spec import AgentSpec

#: The value of whoever got the request then.
SAME = "same"
#: Models of one provider that are offered.
MAX_LISTED = 200


class NoTarget(Exception):
    """Nobody can be asked; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Somebody who may be asked: `value` is kept with the replay."""

    value: str
    label: str


def choices() -> list[tuple[str, list[Choice]]]:
    """Everybody who may be asked, in groups: (name, choices). Asks SQL."""
    groups = [(gettext("As it was"), [Choice(SAME, gettext("the same model at the same address"))])]
    agents = [
        Choice(f"agent:{agent.slug}", f"{agent.name} ({spec.model})")
        for agent in Agent.objects.filter(enabled=True).select_related("provider").order_by("name")[:100]
        if (spec := with_defaults(agent.spec())).model
    ]
    if agents:
        groups.append((gettext("Models of agents"), agents))
    for provider in ModelProvider.objects.all():
        if names := list(_models(provider)):
            offered = [Choice(f"provider:{provider.pk}:{name}", name) for name in names]
            groups.append((provider.name, offered))
    return groups


def label_of(value: str) -> str | None:
    """What a value of the form is called; None: it is none."""
    for group, offered in choices():
        for one in offered:
            if one.value == value:
                return one.label if value == SAME else f"{group}: {one.label}"
    return None


def _models(provider: ModelProvider) -> Iterator[str]:
    known = [*provider.models.values_list("name", flat=True), *(one["name"] for one in provider.listed)]
    known += provider.agents.exclude(model="").values_list("model", flat=True)
    known += provider.fallbacks.values_list("model", flat=True)
    yield from list(dict.fromkeys(name for name in known if isinstance(name, str)))[:MAX_LISTED]


def resolve(value: str, settings: RequestSettings, agent: str) -> AgentSpec:
    """Who is asked, with key and prices. `agent` is the slug of the conversation's agent. Asks SQL. Raises NoTarget."""
    kind, _, rest = value.partition(":")
    if value == SAME:
        return _same(settings, agent)
    if kind == "agent":
        row = Agent.objects.filter(slug=rest, enabled=True).select_related("provider").first()
        if row is None:
            raise NoTarget(gettext("This agent does not exist any more, or is switched off."))
        return with_defaults(row.spec())
    pk, _, model = rest.partition(":")
    provider = ModelProvider.objects.filter(pk=int(pk)).first() if pk.isdecimal() and len(pk) < 18 else None
    if kind != "provider" or provider is None or not model:
        raise NoTarget(gettext("This provider does not exist any more."))
    return of_provider(provider, model)


def _same(settings: RequestSettings, agent: str) -> AgentSpec:
    """Whoever is at the recorded address today."""
    row = Agent.objects.filter(slug=agent).select_related("provider").first()
    if row is not None:
        spec = with_defaults(row.spec())
        for one in (spec, *fallbacks_of(spec)):
            if (canonical(one.base_url), one.model) == (canonical(settings.address), settings.model):
                return one
    at = [one for one in ModelProvider.objects.all() if canonical(one.where) == canonical(settings.address)]
    at.sort(key=lambda one: account_of(settings.address, one.key) != settings.account)
    if at:
        return of_provider(at[0], settings.model)
    if server(settings.address) in environment_keys():
        profile = settings.profile.name if settings.profile.name in all_profiles() else ""
        key = environment_key(settings.address)
        return AgentSpec(
            "replay", "Replay", model=settings.model, base_url=settings.address, profile=profile, key=key
        )
    raise NoTarget(
        gettext("No provider is configured at {address} any more. Choose another model.").format(
            address=settings.address
        )
    )
