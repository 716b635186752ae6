"""What was learned of a model at an address: the form in which it takes requests (rule T5).

A provider that refused the proper form and took another one is asked in that form from then on. It is tried in the
proper form again after RELEARN_AFTER_MS: servers get new templates, and a refusal may have had another reason.
"""

from dataclasses import dataclass
from typing import Protocol

from agents.transcript.forms import PROPER, RequestForm

#: Milliseconds for which a form is used without trying the proper one again: a week.
RELEARN_AFTER_MS = 7 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class LearnedForm:
    """That a model at an address takes `form`, after it has refused the proper one: `kind` and `reason` are the number
    and the words of the refusal, `status` its HTTP status, `at` when it was learned (ms)."""

    address: str
    model: str
    form: RequestForm
    kind: str
    reason: str
    status: int
    at: int


class LearnedForms(Protocol):
    """Where that is kept. Neither method raises: what cannot be looked up is found out again."""

    async def known(self, address: str, model: str, now: int) -> RequestForm:
        """The form for a model at an address, `PROPER` if nothing (any longer) is known."""
        ...

    async def learn(self, learned: LearnedForm) -> None:
        """Keep it, in the place of what was known before."""
        ...


class NothingLearned:
    """Keeps nothing."""

    async def known(self, address: str, model: str, now: int) -> RequestForm:
        return PROPER

    async def learn(self, learned: LearnedForm) -> None:
        pass
