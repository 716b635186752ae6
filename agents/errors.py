"""The errors of this package.

    AgentsError
    └── ModelError          the model did not answer, or not with something usable
        ├── TranscriptRefused   the provider finds the request malformed (E1 to E31), or takes no such form
        ├── EmptyAnswer         the model has answered with nothing
        ├── ContentRefused      the provider refuses what somebody wrote, or a picture
        └── TooLong             the request is longer than the model can read

What a tool does wrong is no error here: it comes to a failed result that the model reads.
"""

from agents.events import LeftOutReason, RunCode


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
    """The provider refused the shape of the request (rule T5). `kind` is its number in the list, as `E1`, or `form`;
    `helps`: the change of form that its words ask for, if they are known (`RequestForm`)."""

    def __init__(self, kind: str, detail: str, *, status: int = 0, helps: str = "") -> None:
        super().__init__("model_rejected", detail, status=status)
        self.kind = kind
        self.helps = helps


class ContentRefused(ModelError):
    """The provider refused what the request holds: words (`content_filter`), or a picture that it cannot read
    (`image`). Without them it may take the request."""

    def __init__(self, reason: LeftOutReason, detail: str, *, status: int = 0) -> None:
        super().__init__("content_refused", detail, status=status)
        self.reason: LeftOutReason = reason


class EmptyAnswer(ModelError):
    """The response is complete and holds nothing: no text and no call; reasoning at most."""

    def __init__(self, detail: str = "The model gave an empty answer.") -> None:
        super().__init__("model_error", detail, retry=True)


class TooLong(ModelError):
    """The request does not fit into the model's context window. A smaller window may help."""

    def __init__(self, detail: str, *, status: int = 0) -> None:
        super().__init__("model_rejected", detail, status=status)
