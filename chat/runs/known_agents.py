"""Agents as runs need them. A run asks for its agent each time, and nearly always nothing has changed since the last
one: then three short questions say so, and no row is made an object, no key opened, anew."""

from typing import Any

from django.conf import settings
from django.db.models import Q

from agents.models import Agent, installed_tools
from agents.profiles import all_profiles
from agents.serving.models import AgentFallback, ProviderModel
from agents.serving.resolve import with_defaults
from agents.spec import AgentSpec
from chat.support.prepared import Prepared

#: Agents that are kept; when there are more, all are forgotten.
MOST = 500
#: Every row that says something of the agent of a slug.
_ROWS = (
    Prepared(
        lambda slug: Agent.objects.filter(slug=slug, enabled=True).select_related("provider").order_by()
    ),
    Prepared(
        lambda slug: (
            AgentFallback.objects.filter(agent__slug=slug)
            .select_related("provider")
            .order_by("position", "pk")
        )
    ),
    Prepared(
        lambda slug: (
            ProviderModel.objects.filter(
                Q(provider__agents__slug=slug) | Q(provider__fallbacks__agent__slug=slug)
            )
            .distinct()
            .order_by("pk")
        )
    ),
)

_kept: dict[tuple[str, str], tuple[Any, AgentSpec]] = {}


def known_agent(slug: str, using: str = "default") -> AgentSpec | None:
    """The enabled agent of a slug, with its provider's address, key and figures, and the environment's defaults for
    what it leaves empty; None: there is none. Asks SQL."""
    # The rows come first: should one change before they are made into an agent, the next look finds them different.
    rows = [one.rows(using, slug) for one in _ROWS]
    if not rows[0]:
        _kept.pop((using, slug), None)
        return None
    said = (rows, _around())
    kept = _kept.get((using, slug))
    if kept is not None and kept[0] == said:
        return kept[1]
    agent = Agent.objects.using(using).select_related("provider").filter(slug=slug, enabled=True).first()
    if agent is None:
        return None
    spec = with_defaults(agent.spec())
    if len(_kept) >= MOST:
        _kept.clear()
    _kept[using, slug] = said, spec
    return spec


def _around() -> tuple[Any, ...]:
    """What else an agent is made of. Of a process that serves it never changes."""
    keys = settings.OPENAI_API_KEY, settings.HOLDFAST_MODEL_KEYS
    return settings.OPENAI_MODEL, settings.OPENAI_BASE_URL, keys, installed_tools().names, all_profiles()
