"""What a run is made with: the agent of a conversation, its model, the tools, and what tools may keep."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from agents.dialects.base import Model
from agents.dialects.opening import account_of, fallbacks_of, open_model
from agents.dialects.serving import what_is_served
from agents.learned import LearnedForms
from agents.learned.store import LearnedRules
from agents.models import installed_tools
from agents.profiles import needs_no_asking
from agents.serving.keys import environment_key
from agents.spec import AgentSpec, Endpoint
from agents.tools import Storage, Toolbox
from agents.tools.notes.store import NoteStorage
from chat.runs.known_agents import known_agent
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
    """The enabled agent of a slug, with its provider's address, key and figures, and the environment's defaults for
    what it leaves empty. Raises Unavailable."""

    spec = await database.run(known_agent, slug, database.using)
    return None if spec is None else await with_endpoints(spec)


async def with_endpoints(spec: AgentSpec) -> AgentSpec:
    """The agent with what is known of its address and of those of its fallbacks."""
    others = zip(spec.fallbacks, fallbacks_of(spec), strict=True)
    return replace(
        spec,
        endpoint=await _endpoint(spec),
        fallbacks=tuple([replace(one, endpoint=await _endpoint(other)) for one, other in others]),
    )


async def _endpoint(spec: AgentSpec) -> Endpoint:
    """What is known of an agent's address; the server is asked where the profile is to be guessed by more than it."""
    key, served = _key(spec), None
    if not spec.profile and not needs_no_asking(spec.base_url, spec.model):
        served = await what_is_served(spec.base_url, key, spec.model)
    return Endpoint(account_of(spec.base_url, key), served)


def model_of(spec: AgentSpec) -> Model:
    """The model that speaks for an agent. A key goes to the address it was entered for, or to the server it was
    configured for, and to no other: whoever may edit an address must not be able to send the key somewhere else."""
    return open_model(spec, _key(spec))


def _key(spec: AgentSpec) -> str:
    return environment_key(spec.base_url) if spec.key is None else spec.key
