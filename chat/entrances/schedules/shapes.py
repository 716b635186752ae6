"""What the page is answered about schedules (docs/schedules.md). Moments are milliseconds since the Unix epoch."""

from typing import Any

from pydantic import ConfigDict

from chat.entrances.schedules.validation import Draft
from chat.http.pages import FieldRefused, Shape


class Arrival(Shape):
    """Whether an answer arrived where the schedule says."""

    state: str
    error: str


class FiringEntry(Shape):
    """A due time and what came of it. `undelivered`: its conversation is a chat elsewhere, and the answer could not be
    put there, and why."""

    id: str
    due: int
    manual: bool
    state: str
    outcome: str
    detail: str
    #: Of what was passed over: {why, count, more, from, most}.
    passed: dict[str, Any] | None
    conversation: str | None
    run: str
    delivery: Arrival | None
    undelivered: str


class FiringPage(Shape):
    firings: list[FiringEntry]
    more: bool


class ScheduleEntry(Draft):
    """A schedule as the draft that it could have been made from, with its next times and what ran last, or runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    state: str
    problem: str
    next: list[int]
    last: FiringEntry | None
    made_by_agent: bool
    created_at: int


class Destination(Shape):
    """Where answers may go, besides the conversation."""

    kind: str
    address: str
    label: str


class ScheduleList(Shape):
    """`most`: how many there may be; `least_s`: seconds between two due times at least."""

    schedules: list[ScheduleEntry]
    most: int
    least_s: int
    destinations: list[Destination]
    now: int


class Preview(Shape):
    times: list[int]
    fields: dict[str, FieldRefused]
