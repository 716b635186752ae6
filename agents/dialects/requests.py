"""A history as a request, and the gate before it, in whichever dialect the profile speaks."""

from collections.abc import Mapping
from typing import Any

from agents import extensions
from agents.dialects.base import Dialect
from agents.dialects.rules import Violation
from agents.history import History
from agents.providers.base import Profile
from agents.transcript.room import ModelSettings


def dialect_of(profile: Profile) -> Dialect:
    """The dialect that a profile speaks. Raises KeyError for one that nobody has registered."""
    return extensions.dialects.get(profile.dialect)


def render(history: History, profile: Profile, ask: ModelSettings) -> dict[str, Any]:
    """The body of the request, without streaming options. Never raises for what a history holds."""
    return dialect_of(profile).render(history, profile, ask)


def render_text_only(history: History, profile: Profile, ask: ModelSettings) -> dict[str, Any]:
    """The body of a request in which tool exchanges are plain text. Tools stay declared, so the agent goes on."""
    return dialect_of(profile).render(history, profile, ask, text_only=True)


def validate(body: Mapping[str, Any], profile: Profile) -> list[Violation]:
    """All rules that `body` breaks; an empty list means that it may be sent. Never raises."""
    return dialect_of(profile).validate(body, profile)
