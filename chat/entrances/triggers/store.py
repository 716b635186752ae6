"""What was seen goes to the journal of firings, once, with the decision whether it fires (decide.py).

Plain functions for a database thread. All of it happens in one transaction that holds the trigger's row, so that two
processes that see something at the same moment do not both pass a limit.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from chat.automation.firing import Firing
from chat.entrances.triggers import bodies, decide, hooks, templating
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.journal.projection import clean
from chat.telemetry.metrics import FIRINGS

#: Characters of what was seen that a row keeps, as JSON.
MAX_SEEN = 200_000


@dataclass(frozen=True)
class Sighting:
    """One event. `key` is its identity within the trigger; `seen` what the prompt's fields can name."""

    key: str
    seen: dict[str, Any]
    matched: bool = True
    #: The triggers that led to it, the latest last.
    chain: tuple[str, ...] = ()
    #: Somebody fires by hand: neither limits nor pauses hold, and nothing is counted.
    test: bool = False
    #: Why it does not fire, whatever the trigger says: it was refused.
    refused: decide.Reason = ""
    #: Of a large delivery, of which `seen` has only the beginning: its bytes, the name of its body, and a template with
    #: what it comes to with the whole.
    size: int = 0
    body: str = ""
    filled: tuple[str, str] | None = field(default=None, compare=False)
    #: Seconds for which only whoever records it carries it out.
    held_s: float = field(default=0, compare=False)


def record(trigger_id: UUID, sightings: Iterable[Sighting], now: int) -> list[TriggerFiring]:
    """The rows of these events, in their order; those that were there already are left as they are. Empty if the
    trigger is gone."""
    with transaction.atomic():
        trigger = locked(trigger_id)
        return [] if trigger is None else [record_one(trigger, one, now) for one in sightings]


def locked(trigger_id: UUID) -> Trigger | None:
    """The row, held until the transaction ends (on SQLite every transaction holds the whole database)."""
    return Trigger.objects.select_for_update().filter(pk=trigger_id).first()


def record_one(trigger: Trigger, sighting: Sighting, now: int) -> TriggerFiring:
    """As `record`, for a trigger whose row the caller's transaction holds."""
    # With its trigger: whoever sends it on does so in an event loop, where nothing is looked up.
    known = TriggerFiring.objects.select_related("trigger").filter(trigger=trigger, key=sighting.key).first()
    if known is not None:
        return known
    reason = sighting.refused
    if not reason and not sighting.test:
        standing = trigger.standing(now)
        reason = decide.why_not(standing, now, matched=sighting.matched, chain=sighting.chain)
    seen: Any = storable(sighting.seen)
    chain: Any = [*sighting.chain, str(trigger.id)]
    row = TriggerFiring(
        trigger=trigger,
        key=sighting.key,
        state="skipped" if reason else "pending",
        reason=reason,
        test=sighting.test,
        seen=seen,
        chain=chain,
        created_at=now,
        size=sighting.size,
        body=sighting.body,
    )
    if not reason:
        _plan(row, trigger, sighting.filled)
        row.next_at = now + int(sighting.held_s * 1000)
        if not sighting.test:
            trigger.fires += 1
            trigger.fired_at = max(now, trigger.fired_at or 0)
            trigger.save(update_fields=["fires", "fired_at"])
    row.save(force_insert=True)
    transaction.on_commit(FIRINGS.labels("trigger", reason or "fire").inc)
    return row


def _plan(row: TriggerFiring, trigger: Trigger, filled: tuple[str, str] | None = None) -> None:
    """Say what a firing says and where, as the trigger has it now. `filled`: a template, and what it comes to."""
    if filled is not None and filled[0] == trigger.prompt:
        row.prompt = filled[1]
    else:
        row.prompt = clean(templating.fill(trigger.prompt, row.seen))
    row.fresh = trigger.conversation is None
    row.agent, row.title = trigger.agent, trigger.name
    row.conversation = trigger.conversation
    firing = firing_of(row)
    row.conversation, row.message = UUID(firing.place), firing.message


def filled_in(template: str, whole: dict[str, Any], seen: dict[str, Any] | None) -> tuple[str, str]:
    """A template, and what it comes to with fields of the whole; without any, `seen` is put below it (or the whole)."""
    text = templating.fill(template, whole, otherwise=seen)
    return template, clean(text).encode("utf-8", "replace").decode()


def fire_again(pk: int) -> bool:
    """Have something carried out that did not fire or could not be carried out, as the trigger is now and whatever its
    limits say; whether there was such a row. It keeps its key: a repetition of its event still finds it."""
    known = TriggerFiring.objects.select_related("trigger").filter(pk=pk).first()
    if known is None:
        return False
    filled = _filled_again(known)  # before anything is locked: it may be large
    with transaction.atomic():
        trigger = locked(known.trigger_id)
        row = TriggerFiring.objects.filter(pk=pk, state__in=("skipped", "failed")).first()
        if trigger is None or row is None:
            return False
        row.trigger = trigger
        _plan(row, trigger, filled)
        row.state, row.reason, row.error = "pending", "", ""
        row.attempts, row.next_at = 0, 0
        row.save()
        return True


def _filled_again(row: TriggerFiring) -> tuple[str, str] | None:
    found = bodies.read(row.body) if row.body else None
    if found is None:
        return None
    whole = {**row.seen, "payload": hooks.payload_of(*found)}
    return filled_in(row.trigger.prompt, whole, row.seen)


def firing_of(row: TriggerFiring) -> Firing:
    """The row as the message that it becomes: the same whenever it is asked for."""
    return Firing(
        key=f"trigger:{row.trigger_id}:{row.key}",
        owner=row.trigger.owner_id,
        entrance="trigger",
        name=row.title,
        prompt=row.prompt,
        agent=row.agent,
        conversation="" if row.fresh else str(row.conversation),
        title=row.title if row.fresh else "",
        made_in=row.trigger.made_in,
    )


def storable(seen: dict[str, Any]) -> dict[str, Any]:
    """What was seen as every database can keep it: without lone surrogates, and not too long."""
    text = json.dumps(seen, ensure_ascii=False).encode("utf-8", "replace").decode()
    if len(text) <= MAX_SEEN:
        kept: dict[str, Any] = json.loads(text)
        return kept
    whole = json.loads(text)
    return {name: templating.shown(value) for name, value in whole.items()}
