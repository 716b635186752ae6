"""A provider that refuses one thing: any body of which `refuses` is true gets the same words, for ever."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from agents.dialects.base import CallDelta, Delta, FinishDelta, TextDelta
from agents.dialects.errors import classify
from agents.learned import RELEARN_AFTER_MS, LearnedForm
from agents.transcript.forms import PROPER, RequestForm

Refuses = Callable[[Mapping[str, Any]], bool]


class Memory:
    """What was learned, in memory."""

    def __init__(self) -> None:
        self.kept: list[LearnedForm] = []

    async def known(self, address: str, model: str, now: int) -> RequestForm:
        for one in reversed(self.kept):
            if (one.address, one.model) == (address, model):
                return one.form if one.at > now - RELEARN_AFTER_MS else PROPER
        return PROPER

    async def learn(self, learned: LearnedForm) -> None:
        self.kept.append(learned)


class Adversary:
    """A model behind a provider of that kind. It asks for the tool `asks_for` first, as often as `calls` says at once,
    and answers what it then gets. `bodies`: what it took; `refused`: how often it refused."""

    def __init__(
        self, refuses: Refuses, words: str, *, status: int = 400, asks_for: str = "", calls: int = 1
    ) -> None:
        self.refuses = refuses
        self.words = words
        self.status = status
        self.asks_for = asks_for
        self.calls = calls
        self.bodies: list[Mapping[str, Any]] = []
        self.refused = 0

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        if self.refuses(body):
            self.refused += 1
            raise classify(self.status, self.words)
        self.bodies.append(body)
        if self.asks_for:
            for index in range(self.calls):
                yield CallDelta(index, f"call_{index}", self.asks_for, "{}")
            self.asks_for = ""
            yield FinishDelta("tool_calls")
            return
        yield TextDelta(f"Answer {len(self.bodies)}.")
        yield FinishDelta("stop")
