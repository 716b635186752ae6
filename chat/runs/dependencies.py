"""What a run is made with: the agent of a conversation, its model, the tools, and what tools may keep."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings

from agents.dialects.base import Model
from agents.dialects.opening import account_of, fallback_of, open_model
from agents.dialects.serving import what_is_served
from agents.learned import LearnedForms
from agents.learned.store import LearnedRules
from agents.models import Agent, installed_tools
from agents.profiles import needs_no_asking
from agents.spec import AgentSpec, Endpoint
from agents.tools import Storage, Toolbox
from agents.tools.notes.store import NoteStorage
from chat.support.database import Database


@dataclass(frozen=True)
class RunDependencies:
    """Everything that a run needs beside its history."""

    #: The agent of a slug with its model and address filled in, or None if there is none (any more). May raise
    #: Unavailable: the run then waits.
    agent: Callable[[str], Awaitable[AgentSpec | None]]
    model: Callable[[AgentSpec], Model]
    tools: Toolbox
    storage: Storage | None = None
    #: In which form each model takes requests.
    learned: LearnedForms | None = None


def installed_dependencies(database: Database) -> RunDependencies:
    """What runs of this installation, from its settings and its database."""
    return RunDependencies(
        partial(find_agent, database),
        model_of,
        installed_tools(),
        NoteStorage(database.run),
        LearnedRules(database.run, database.using),
    )


async def find_agent(database: Database, slug: str) -> AgentSpec | None:
    """The enabled agent of a slug, with the configured defaults for what it leaves empty. Raises Unavailable."""
    agent = await database.run(Agent.objects.using(database.using).filter(slug=slug, enabled=True).first)
    if agent is None:
        return None
    spec = agent.spec()
    spec = replace(
        spec,
        model=spec.model or settings.OPENAI_MODEL,
        base_url=spec.base_url or settings.OPENAI_BASE_URL,
    )
    other = fallback_of(spec)
    return replace(
        spec,
        endpoint=await _endpoint(spec),
        fallback_endpoint=await _endpoint(other) if other is not None else Endpoint(),
    )


async def _endpoint(spec: AgentSpec) -> Endpoint:
    """What is known of an agent's address; the server is asked where the profile is to be guessed by more than it."""
    key = _key(spec.base_url)
    served = None
    if not spec.profile and not needs_no_asking(spec.base_url, spec.model):
        served = await what_is_served(spec.base_url, key, spec.model)
    return Endpoint(account_of(spec.base_url, key), served)


def model_of(spec: AgentSpec) -> Model:
    """The model that speaks for an agent. A key goes to the server it was configured for and to no other:
    whoever may edit an agent's address must not be able to send the key somewhere else."""
    return open_model(spec, _key(spec.base_url))


def _key(base_url: str) -> str:
    return keys().get(_server(base_url), "")


def keys() -> dict[tuple[str, str], str]:
    """The configured keys by the server that each is for."""
    named = {settings.OPENAI_BASE_URL: settings.OPENAI_API_KEY, **settings.HOLDFAST_MODEL_KEYS}
    return {_server(address): key for address, key in named.items()}


def _server(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
