"""From an agent to the model that speaks for it."""

from agents.llm.base import Model
from agents.llm.openai_chat import OpenAIChat
from agents.llm.openai_responses import OpenAIResponses
from agents.spec import AgentSpec
from agents.transcript.profiles import choose


def open_model(spec: AgentSpec, key: str) -> Model:
    """The model at the agent's address, in the dialect of its profile. Opens no connection yet. Raises KeyError
    for a profile that does not exist."""
    profile = choose(spec.profile, spec.base_url, spec.model)
    if profile.dialect == "responses":
        return OpenAIResponses(spec.base_url, key)
    return OpenAIChat(spec.base_url, key, include_usage=profile.include_usage)
