"""Google's Gemini: `POST <base>/models/<model>:streamGenerateContent`."""

from collections.abc import Mapping
from typing import Any

from agents.dialects.base import Dialect, Model
from agents.dialects.gemini import request, validate
from agents.dialects.gemini.stream import GeminiContents
from agents.dialects.rules import Violation
from agents.history import History
from agents.providers.base import Profile
from agents.transcript.room import ModelSettings


class GeminiDialect:
    """See `Dialect`."""

    name = "gemini"

    def render(
        self, history: History, profile: Profile, ask: ModelSettings, *, text_only: bool = False
    ) -> dict[str, Any]:
        """The body of a request, with the model's name in it, which goes into the address."""
        return request.render(history, profile, ask, text_only=text_only)

    def validate(self, body: Mapping[str, Any], profile: Profile) -> list[Violation]:
        """All rules that a body breaks."""
        return validate.validate(body, profile)

    def open(self, base_url: str, key: str, profile: Profile) -> Model:
        """The model behind an address."""
        return GeminiContents(base_url, key)


DIALECT: Dialect = GeminiDialect()
