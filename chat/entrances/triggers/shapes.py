"""What the page is answered about triggers (docs/triggers.md). Moments are milliseconds since the Unix epoch."""

from chat.http.pages import Shape


class TriggerEntry(Shape):
    """A trigger as lists show it: nothing secret."""

    id: str
    name: str
    kind: str
    prompt: str
    agent: str
    conversation: str | None
    paused: bool
    cooldown_s: int
    per_hour: int
    max_fires: int | None
    expires_at: int | None
    path: str
    match: str
    pattern: str
    sender: str
    signature_header: str
    delivery_header: str
    url: str
    interval_s: int
    watched: list[str]
    speaker: str
    outcomes: list[str]
    after_agent: str
    after_trigger: str | None
    after_schedule: str | None
    signed: bool
    state: str
    fires: int
    fired_at: int | None
    checked_at: int | None
    next_at: int | None
    problem: str
    made_by_agent: bool
    created_at: int


class WholeTrigger(TriggerEntry):
    """With the secret address of a webhook."""

    address: str | None


class Sender(Shape):
    """Who may send to webhooks. `header`: one says in which header the signature is."""

    name: str
    label: str
    header: bool


class TriggerList(Shape):
    """`most`: how many there may be; `least_s`: seconds between two looks at an address at least."""

    triggers: list[TriggerEntry]
    most: int
    least_s: int
    senders: list[Sender]
    now: int


class FiringEntry(Shape):
    """What was seen and what came of it. `undelivered`: its conversation is a chat elsewhere, and the answer could not
    be put there, and why."""

    id: int
    at: int
    manual: bool
    state: str
    reason: str
    detail: str
    bytes: int
    seen: str
    fired_at: int | None
    conversation: str | None
    run: str
    outcome: str
    undelivered: str


class FiringPage(Shape):
    firings: list[FiringEntry]
    more: bool
