"""OpenAI's Chat Completions, which most servers speak: `POST <base>/chat/completions`."""

from collections.abc import Mapping
from typing import Any

from agents.dialects.base import Dialect, Model
from agents.dialects.chat import request, validate
from agents.dialects.chat.stream import OpenAIChat
from agents.dialects.rules import Violation
from agents.history import History
from agents.providers.base import Profile
from agents.transcript.room import ModelSettings


class ChatDialect:
    """See `Dialect`."""

    name = "chat"

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
        fields = dict(profile.stream_fields)
        return OpenAIChat(base_url, key, include_usage=profile.include_usage, fields=fields)


DIALECT: Dialect = ChatDialect()
