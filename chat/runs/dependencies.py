"""What a run is made with: the agent of a conversation, its model, the tools, and what tools may keep."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from agents.dialects.base import Model
from agents.dialects.opening import open_model
from agents.models import Agent, installed_tools
from agents.serving.keys import environment_key
from agents.serving.resolve import with_defaults
from agents.spec import AgentSpec
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


def installed_dependencies(database: Database) -> RunDependencies:
    """What runs of this installation, from its settings and its database."""
    return RunDependencies(
        partial(find_agent, database), model_of, installed_tools(), NoteStorage(database.run)
    )


async def find_agent(database: Database, slug: str) -> AgentSpec | None:
    """The enabled agent of a slug, with its provider's address, key and figures, and the environment's defaults for
    what it leaves empty. Raises Unavailable."""

    def found() -> AgentSpec | None:
        rows = Agent.objects.using(database.using).select_related("provider")
        agent = rows.filter(slug=slug, enabled=True).first()
        return None if agent is None else with_defaults(agent.spec())

    return await database.run(found)


def model_of(spec: AgentSpec) -> Model:
    """The model that speaks for an agent. A key goes to the address it was entered for, or to the server it was
    configured for, and to no other: whoever may edit an address must not be able to send the key somewhere else."""
    return open_model(spec, environment_key(spec.base_url) if spec.key is None else spec.key)
