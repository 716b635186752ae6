"""What was learned, over its table."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from agents.learned import RELEARN_AFTER_MS, LearnedForm
from agents.learned.models import LearnedRule
from agents.transcript.forms import PROPER, RequestForm

log = logging.getLogger(__name__)

T = TypeVar("T")


class AskDatabase(Protocol):
    """How async code asks SQL: returns what `work` returns, run in a thread that may use the database."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


class LearnedRules:
    """See `LearnedForms`. `using`: Django's alias of the database."""

    def __init__(self, ask: AskDatabase, using: str = "default") -> None:
        self._ask = ask
        self._using = using

    async def known(self, address: str, model: str, now: int) -> RequestForm:
        """The form for a model at an address. Never raises."""
        found = LearnedRule.objects.using(self._using).filter(
            address=address[:300], model=model[:200], enabled=True, learned_at__gt=now - RELEARN_AFTER_MS
        )
        try:
            rule = await self._ask(found.first)
        except Exception:
            log.warning("What was learned of %s could not be looked up.", model, exc_info=True)
            return PROPER
        return rule.request_form if rule is not None else PROPER

    async def learn(self, learned: LearnedForm) -> None:
        """Keep it. A rule that somebody has switched off stays off. Never raises."""
        key: dict[str, Any] = {"address": learned.address[:300], "model": learned.model[:200]}
        told: dict[str, Any] = {
            "form": ",".join(learned.form.names),
            "kind": learned.kind[:20],
            "status": learned.status,
            "reason": learned.reason.replace("\0", "\ufffd"),
            "learned_at": learned.at,
        }
        try:
            await self._ask(
                lambda: LearnedRule.objects.using(self._using).update_or_create(**key, defaults=told)
            )
        except Exception:
            log.warning("What was learned of %s could not be kept.", learned.model, exc_info=True)
