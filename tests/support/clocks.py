"""A clock that stands still until a test moves it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class HandClock:
    """`agents.clock.Clock`, turned by hand. `ms`: milliseconds since the Unix epoch."""

    ms: int = 0

    def now(self) -> int:
        return self.ms

    async def sleep(self, seconds: float) -> None:
        """Time passes at once."""
        self.ms += int(seconds * 1000)
