"""The errors of this package.

    AgentsError
    └── ModelError          the model did not answer, or not with something usable
        ├── TranscriptRefused   the provider finds the request malformed (E1 to E31)
        └── TooLong             the request is longer than the model can read

What a tool does wrong is no error here: it comes to a failed result that the model reads.
"""

from agents.events import RunCode


class AgentsError(Exception):
    """Base of everything this package raises on purpose."""


class ModelError(AgentsError):
    """The model did not answer. `detail` is a sentence for people and holds no secret; `code` ends the run
    if nothing helps. `retry`: the same request may work later, after `after` seconds if that is known."""

    def __init__(
        self, code: RunCode, detail: str, *, retry: bool = False, after: float | None = None, status: int = 0
    ) -> None:
        super().__init__(detail)
        self.code: RunCode = code
        self.detail = detail
        self.retry = retry
        self.after = after
        #: The HTTP status, 0 if there was none.
        self.status = status


class TranscriptRefused(ModelError):
    """The provider refused the shape of the request (rule T5). `kind` is its number in the list, as `E1`."""

    def __init__(self, kind: str, detail: str, *, status: int = 0) -> None:
        super().__init__("model_rejected", detail, status=status)
        self.kind = kind


class TooLong(ModelError):
    """The request does not fit into the model's context window. A smaller window may help."""

    def __init__(self, detail: str, *, status: int = 0) -> None:
        super().__init__("model_rejected", detail, status=status)
