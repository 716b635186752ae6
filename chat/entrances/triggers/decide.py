"""Whether what was seen fires a trigger, and what a look at a polled value comes to. Pure: no clock, no SQL."""

from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from chat.support.backoff import Backoff

#: Why something that was seen did not fire, or could not be carried out. A closed list; "" = it fires.
Reason = Literal[
    "",
    "no_match",
    "disabled",
    "forbidden",
    "paused",
    "expired",
    "limit",
    "loop",
    "depth",
    "hourly",
    "cooldown",
    "not_found",
    "agent_missing",
    "bad_command",
    "set_aside",
    "too_large",
    "unusable",
    "runs_spent",
    "tokens_spent",
    "money_spent",
    "conversations_full",
]
#: Reasons that the next day ends: the sender may send the same again.
SPENT = ("runs_spent", "tokens_spent", "money_spent")

REASONS: dict[str, Any] = {
    "no_match": _("It is not what the trigger looks for."),
    "disabled": _("Its owner is disabled, so nothing is done for them."),
    "forbidden": _("Its owner is disabled, so nothing is done for them."),
    "paused": _("The trigger was paused."),
    "expired": _("The trigger had expired."),
    "limit": _("The trigger had fired as often as it may."),
    "loop": _("The trigger itself had caused it."),
    "depth": _("A chain of triggers had caused it that was as long as chains may be."),
    "hourly": _("The trigger had fired as often as it may in one hour."),
    "cooldown": _("The trigger had fired a moment before."),
    "not_found": _("The conversation was deleted."),
    "agent_missing": _("The agent is missing or disabled."),
    "bad_command": _("The message was empty or too long."),
    "set_aside": _("It raised an error each time that it was tried."),
    "too_large": _("It was larger than a delivery may be, and was refused."),
    "unusable": _("The path or the pattern cannot be used on it: it would take too long."),
    "runs_spent": _("The agents had worked for its owner as often that day as they may."),
    "tokens_spent": _("The agents had read and written as much for its owner that day as they may."),
    "money_spent": _("The agents had spent as much for its owner that day as they may."),
    "conversations_full": _("Its owner has as many conversations as one person may have."),
}
#: How many triggers may follow from each other: A's run fires B, whose run fires C.
MAX_DEPTH = 3
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Standing:
    """A trigger as it stands when something is seen. Times in ms."""

    trigger: str
    #: Its owner is.
    disabled: bool = False
    paused: bool = False
    expires_at: int | None = None
    fires: int = 0
    max_fires: int | None = None
    cooldown_ms: int = 0
    fired_at: int | None = None
    per_hour: int = 30
    #: Firings within the last hour.
    last_hour: int = 0


def why_not(standing: Standing, now: int, *, matched: bool = True, chain: tuple[str, ...] = ()) -> Reason:
    """The reason why it does not fire, or "". `chain`: the triggers that led to what was seen, the latest last."""
    if not matched:
        return "no_match"
    if standing.disabled:
        return "disabled"
    if standing.paused:
        return "paused"
    if standing.expires_at is not None and now >= standing.expires_at:
        return "expired"
    if standing.max_fires is not None and standing.fires >= standing.max_fires:
        return "limit"
    if standing.trigger in chain:
        return "loop"
    if len(chain) >= MAX_DEPTH:
        return "depth"
    if standing.last_hour >= standing.per_hour:
        return "hourly"
    # Whoever waited for the row's lock, or has a slower clock, comes with an earlier `now` than the firing before it.
    # One that is further ahead than a cooldown was written by a clock that was wrong, and holds up nothing.
    if standing.fired_at is not None and abs(now - standing.fired_at) < standing.cooldown_ms:
        return "cooldown"
    return ""


def ended(standing: Standing, now: int) -> bool:
    """Whether it will never fire again as it is set now."""
    return why_not(standing, now) in ("expired", "limit")


def look(
    *, first: bool, changed: bool, matching: bool, on_match: bool
) -> Literal["same", "fire", "no_match"]:
    """What an observation of a polled value comes to.

    `changed`: another value than at the observation before. On change: every change fires, also back to what was there
    before; the first look only learns the value. On match: a value that is new since the last look and matches.
    """
    if on_match:
        if not (first or changed):
            return "same"
        return "fire" if matching else "no_match"
    return "fire" if changed and not first else "same"


def next_look(now: int, interval_ms: int, errors: int) -> int:
    """When to look again: after failures later and later, up to six hours (or the interval, if that is longer)."""
    return now + int(Backoff(interval_ms, max(interval_ms, 6 * HOUR_MS)).delay(errors))
