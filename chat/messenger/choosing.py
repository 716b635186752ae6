"""/agent and /model: who answers in a chat, and another one from here on. Plain functions; what asks SQL is for a
database thread."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agents.models import Agent, ensure_default_agent
from chat.messenger import texts
from chat.messenger.models import Lane
from chat.models import Conversation

#: Agents that a chat is told of, by name; an installation has a handful.
MAX_TOLD = 30
#: What makes Markdown of a name.
MARKUP = re.compile(r"([\\`*_\[\]<>~|#])")

Say = Callable[..., str]


@dataclass(frozen=True)
class Offered:
    """An agent that is switched on, with the model that speaks for it ("" for the environment's)."""

    slug: str
    name: str
    model: str


def wanted(text: str) -> str | None:
    """Whom `/agent NAME` or `/model NAME` asks for; empty: it only asks who there is. None: it is no such word."""
    found = re.fullmatch(r"/(?:agent|model)(?:\s+(.{0,200}))?", text.strip(), re.IGNORECASE | re.DOTALL)
    return None if found is None else (found[1] or "").strip()


def offered() -> list[Offered]:
    """All agents that are switched on."""
    rows = Agent.objects.filter(enabled=True).order_by("name", "slug")
    return [Offered(*row) for row in rows.values_list("slug", "name", "model")[:MAX_TOLD]]


def answering(lane: Lane) -> str:
    """The slug of the agent that answers in a lane: its conversation's, or that which its app begins one with. The app
    must have been loaded with its agent."""
    row = Conversation.objects.filter(id=lane.conversation).values_list("agent", flat=True).first()
    return row or (lane.app.agent.slug if lane.app.agent else ensure_default_agent().slug)


def named(agents: Sequence[Offered], text: str) -> Offered | None:
    """The agent of a slug or a name; capitals do not matter. Of two with the same name, none."""
    asked = text.casefold()
    if (exact := next((one for one in agents if one.slug.casefold() == asked), None)) is not None:
        return exact
    found = [one for one in agents if one.name.casefold() == asked]
    return found[0] if len(found) == 1 else None


def told(agents: Sequence[Offered], current: str, say: Say, *, may: bool) -> str:
    """Who answers here and with which model, and, to somebody who may choose, who else could."""
    answers = next((one for one in agents if one.slug == current), None)
    if answers is None:
        parts = [say(texts.NO_AGENT)]
    else:
        model = say(texts.WITH_MODEL, model=_code(answers.model)) if answers.model else ""
        parts = [say(texts.ANSWERS_HERE, name=_plain(answers.name), model=model)]
    if not may:
        return "\n\n".join([*parts, say(texts.AGENT_IS_GIVEN)])
    others = [one for one in agents if one.slug != current]
    if others:
        lines = "\n".join(f"- {_code(one.slug)} {_plain(one.name)}" for one in others)
        parts.append(say(texts.OTHER_AGENTS, agents=lines))
    return "\n\n".join(parts)


def _plain(name: str) -> str:
    return MARKUP.sub(r"\\\1", " ".join(name.split()))


def _code(text: str) -> str:
    return f"`{' '.join(text.split()).replace('`', '')}`"
