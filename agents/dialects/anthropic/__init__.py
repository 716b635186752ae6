"""Anthropic's Messages: `POST <base>/v1/messages`."""

from collections.abc import Mapping
from typing import Any

from agents.dialects.anthropic import request, validate
from agents.dialects.anthropic.stream import AnthropicMessages
from agents.dialects.base import Dialect, Model
from agents.dialects.rules import Violation
from agents.history import History
from agents.providers.base import Profile
from agents.transcript.room import ModelSettings


class AnthropicDialect:
    """See `Dialect`."""

    name = "anthropic"

    def render(
        self, history: History, profile: Profile, ask: ModelSettings, *, text_only: bool = False
    ) -> dict[str, Any]:
        """The body of a request."""
        return request.render(history, profile, ask, text_only=text_only)

    def validate(self, body: Mapping[str, Any], profile: Profile) -> list[Violation]:
        """All rules that a body breaks."""
        return validate.validate(body, profile)

    def open(self, base_url: str, key: str, profile: Profile) -> Model:
        """The model behind an address."""
        return AnthropicMessages(base_url, key)


DIALECT: Dialect = AnthropicDialect()
