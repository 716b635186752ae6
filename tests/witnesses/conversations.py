"""Whole conversations of the product against a real server: a story, then messages that must be answered."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from agents import events as e
from agents.dialects.base import Delta, Model
from agents.dialects.http import close_clients
from agents.dialects.opening import open_model
from agents.spec import AgentSpec, RunLimits
from agents.tools import Toolbox, tool
from tests.support.shell import Shell
from tests.witnesses.stories import STORIES

#: Stories in which the fault was, and two in which it was not.
TOLD = (
    "two turns",
    "a tool and its answer",
    "a stop during a call, then a message",
    "a note after a result",
    "a limit after a result, then a message",
    "a run that failed after a result, then a message",
    "message while tools run",
)
PROFILES = ("", "openai-chat", "openai-responses", "anthropic-messages-plain")


def toolbox() -> Toolbox:
    """One tool, as the stories call it."""

    @tool(effect="read_only")
    async def clock() -> str:
        """Tell the time."""
        return "12:00"

    return Toolbox([clock])


class Brief:
    """A model that is asked for a few words only. Anthropic's API wants a limit in each request, and the agent's would
    have the model of nonsense go on to it."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        """See `Model.stream`."""
        return self._model.stream({**body, "max_tokens": 8} if "max_tokens" in body else body)


async def held(base_url: str) -> list[tuple[str, str]]:
    """Have each conversation go on by two messages; its name, and why a run of it failed, or an empty text."""
    ends: list[tuple[str, str]] = []
    try:
        for profile in PROFILES:
            for name in TOLD:
                ends.append((f"{name} / {profile or 'guessed'}", await _goes_on(base_url, profile, name)))
    finally:
        await close_clients()
    return ends


async def _goes_on(base_url: str, profile: str, name: str) -> str:
    limits = RunLimits(steps=2)
    agent = AgentSpec(
        "a", "A", "You help.", "tiny", base_url, profile=profile, tools=("clock",), limits=limits
    )
    shell = Shell()
    shell.store(*STORIES[name])
    for text in ("Go on.", "And now?"):
        shell.say(text)
        await shell.work(agent, Brief(open_model(agent, "")), toolbox())
        if shell.faults.kept:
            return shell.faults.kept[0].text
        if isinstance(last := shell.log[-1], e.RunFailed):
            return last.detail
    return ""
