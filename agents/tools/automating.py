"""What agents may set up to happen later: schedules and triggers, as their tools and whoever keeps them see these."""

from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["schedule", "trigger"]


@dataclass(frozen=True)
class Maker:
    """For whom, where, and by which call something is set up. `key` is the call's idempotency key."""

    owner: str
    conversation: str
    key: str


@dataclass(frozen=True)
class Automation:
    """One schedule or trigger. `id` is how models name it; `says` tells in one line when it happens and how it
    stands."""

    id: str
    name: str
    says: str


@dataclass(frozen=True)
class WantedSchedule:
    """One of `cron` (five fields, in `zone`), `every_minutes` and `at` (a moment in `zone`, like 2026-03-01 09:00) is
    given. `here`: it speaks in the conversation that it is made in; otherwise in a new one each time."""

    name: str
    prompt: str
    cron: str = ""
    zone: str = "UTC"
    every_minutes: int = 0
    at: str = ""
    here: bool = True


@dataclass(frozen=True)
class WantedTrigger:
    """`when` says which of the other fields mean something; see the tool."""

    name: str
    prompt: str
    when: Literal["webhook", "address", "message", "run"]
    url: str = ""
    path: str = ""
    every_minutes: int = 0
    match: Literal["any", "contains", "equals", "regex"] = "any"
    pattern: str = ""
    speaker: Literal["person", "agent", "anyone"] = "person"
    anywhere: bool = False
    outcome: Literal["finished", "failed"] = "finished"
    cooldown_minutes: int = 0
    most: int | None = None
    here: bool = True


class Automations(Protocol):
    """Keeps schedules and triggers, within the limits of the agent whose conversation it is. Raises ToolError, in words
    for the model, for what cannot be had. An agent sees and ends only what it has set up itself, for the same owner."""

    async def create_schedule(self, maker: Maker, wanted: WantedSchedule) -> Automation:
        """Set one up; the same `maker.key` again returns the one that the first call made."""
        ...

    async def create_trigger(self, maker: Maker, wanted: WantedTrigger) -> Automation:
        """As `create_schedule`."""
        ...

    async def list(self, maker: Maker, kind: Kind) -> "list[Automation]":
        """The agent's own that have not ended, newest first."""
        ...

    async def cancel(self, maker: Maker, kind: Kind, id: str) -> bool:
        """End one. False if the agent has no such one (any more)."""
        ...
