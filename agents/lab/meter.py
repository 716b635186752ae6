"""How much the lab may ask for, and a model that keeps to it."""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from agents.dialects.base import Delta, FinishDelta, Model, ReasoningDelta, TextDelta, UsageDelta
from agents.errors import ModelError
from agents.spec import Prices

#: Characters of an answer that are waited for, reasoning included: what is asked needs one word.
MAX_ANSWER = 6_000
#: Failures of a server one after the other that are borne.
MAX_FAILURES = 2


@dataclass(frozen=True)
class Budget:
    """What one trial may take. `dollars` counts where prices are known."""

    requests: int = 90
    tokens: int = 150_000
    dollars: float = 1.0
    seconds: float = 600.0


class Meter:
    """What a trial has taken so far."""

    def __init__(self, budget: Budget, prices: Prices | None = None) -> None:
        self.budget, self.prices = budget, prices
        self.requests = self.tokens = self.cost = 0
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the trial began."""
        return time.monotonic() - self._began

    @property
    def dollars(self) -> float | None:
        """What it has cost; None: no prices are known."""
        return None if self.prices is None else self.cost / 1e9

    @property
    def spent(self) -> str:
        """Which part of the budget is used up; empty: none."""
        budget = self.budget
        if self.requests >= budget.requests:
            return f"{budget.requests} requests"
        if self.tokens >= budget.tokens:
            return f"{budget.tokens:,} tokens"
        if self.cost >= budget.dollars * 1e9:
            return f"{budget.dollars:g} US dollars"
        return f"{budget.seconds:g} seconds" if self.seconds >= budget.seconds else ""


class Metered:
    """A model that counts what it is asked, refuses when the budget is spent, and is not listened to for long."""

    def __init__(self, model: Model, meter: Meter) -> None:
        self._model, self._meter = model, meter
        self._failures = 0

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        """As the model's own. Raises ModelError when there is no budget left."""
        meter = self._meter
        if spent := meter.spent:
            raise ModelError("model_quota", f"The budget of this trial is spent: {spent}.")
        meter.requests += 1
        try:
            async with aclosing(self._listen(body)) as deltas:
                async for delta in deltas:
                    yield delta
            self._failures = 0
        except ModelError as error:
            self._failures += 1
            # Busy servers say so by 429 and are waited for; one that fails twice will the third time.
            error.retry = error.retry and (error.status == 429 or self._failures < MAX_FAILURES)
            raise

    async def _listen(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        meter, length, usage = self._meter, 0, None
        async with aclosing(self._model.stream(body)) as deltas:
            try:
                async for delta in deltas:
                    if isinstance(delta, UsageDelta):
                        usage = delta.usage
                    if isinstance(delta, TextDelta | ReasoningDelta):
                        length += len(delta.text)
                    yield delta
                    if length > MAX_ANSWER:
                        yield FinishDelta("length")
                        break
            finally:
                if usage is not None:
                    meter.tokens += usage.input + usage.output
                    meter.cost += meter.prices.cost(usage) if meter.prices else 0
                else:
                    meter.tokens += (len(str(body)) + length) // 3
