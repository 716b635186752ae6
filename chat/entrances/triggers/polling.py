"""Looking at an address: what it says is an observation, numbered; an observation that counts is an event.

    due ─► claim (the next look is put off) ─► fetch, under the guard of the agents' tool ─► observe, by compare-and-set

A worker that dies in between has observed nothing; the next look does. A change that is seen while the trigger must not
fire (cooldown, limit of an hour) is not taken note of, so the look after that sees it still.
"""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from agents.borders import BadDocument, document
from agents.borders import text as plain
from agents.tools import ToolError
from agents.tools.fetching import Fetcher, Known, Page
from agents.tools.texts import decoded
from chat.entrances.triggers import decide, matching
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.entrances.triggers.store import Sighting, locked, record, record_one
from chat.entrances.triggers.templating import cut
from chat.journal.projection import clean
from chat.support.claims import Claim

#: Characters of the value that are kept.
MAX_VALUE = 16_000
#: Addresses that are looked at in one round.
BATCH = 20
DAY_MS = 86_400_000
#: The claim is the time of the next look.
CLAIM = Claim("next_at")
#: What a look changes of its trigger.
LOOKED = (
    *("checked_at", "next_at", "error", "errors"),
    *("observation", "seen_digest", "seen_text", "etag", "modified"),
)


class UnreadablePage(Exception):
    """The path finds nothing that can be used in what the address says now; another time it may."""


@dataclass(frozen=True)
class Found:
    """One look. `unchanged`: the server says so itself. `error`: there was nothing to observe."""

    value: Any = None
    #: Whether it was what the trigger looked for, and the path, mode and pattern by which that was told.
    matched: bool = False
    by: tuple[str, str, str] = ("", "any", "")
    unchanged: bool = False
    error: str = ""
    etag: str = ""
    modified: str = ""


def due(now: int) -> list[UUID]:
    """Triggers whose address is to be looked at now, each for this caller alone: its next look is put off. Ids, as one
    that cannot even be loaded is no reason not to look at the others."""
    rows = Trigger.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        Q(max_fires=None) | Q(fires__lt=F("max_fires")),
        kind="poll",
        paused=False,
        next_at__lte=now,
    )
    mine = []
    plans = rows.order_by("next_at").values_list(
        "pk", "next_at", "interval_s", "errors", "owner__is_active", "url"
    )
    for pk, next_at, interval_s, errors, active, url in plans[:BATCH]:
        later = decide.next_look(now, interval_s * 1000, errors)
        if CLAIM.take(Trigger.objects.filter(pk=pk), now, later, seen=next_at):
            if active:
                mine.append(pk)
            else:
                # Nothing is looked at for them. Told once a day, as what would have been seen is not known.
                record(pk, [Sighting(f"disabled:{now // DAY_MS}", {"value": "", "url": url})], now)
    return mine


async def look(fetcher: Fetcher, trigger: Trigger) -> Found:
    """What the address says now. Never raises for what an address can do."""
    try:
        page = await fetcher.fetch(trigger.url, Known(trigger.etag, trigger.modified))
        if page.unchanged:
            return Found(unchanged=True)
        # In a thread: up to MAX_BYTES of JSON, a path and a pattern.
        return await asyncio.to_thread(judged, page, trigger)
    except (ToolError, UnreadablePage) as problem:
        return Found(error=str(problem))


def judged(page: Page, trigger: Trigger) -> Found:
    """What a page says, and whether the trigger looks for it. Raises UnreadablePage, and UnusablePattern for a pattern
    that fits no page."""
    try:
        value = read(page, trigger.path)
    except (ToolError, matching.UnusablePattern) as problem:
        raise UnreadablePage(str(problem)) from None
    matched = matching.matches(trigger.match, trigger.pattern, value)
    return Found(value, matched, looking(trigger), etag=page.etag, modified=page.modified)


def looking(trigger: Trigger) -> tuple[str, str, str]:
    """By what a trigger tells what it looks for."""
    return trigger.path, trigger.match, trigger.pattern


def read(page: Page, path: str) -> Any:
    """The value at a path of a page. Raises ToolError if a path is given and the page is no JSON."""
    text = decoded(page.body, page.charset)
    try:
        found = document(text)
    except BadDocument as problem:
        if path:
            raise ToolError(f"The address does not answer JSON that can be read. {problem}"[:300]) from None
        return plain(text.strip())
    return matching.value_at(path, found)


def observe(trigger_id: UUID, number: int, found: Found, now: int) -> TriggerFiring | None:
    """Take note of a look that was made when there had been `number` observations; the firing, if there is one."""
    with transaction.atomic():
        trigger = locked(trigger_id)
        if trigger is None or trigger.observation != number or trigger.kind != "poll":
            return None
        if not found.error and not found.unchanged and found.by != looking(trigger):
            return None  # it looks for something else by now: the next look tells
        trigger.checked_at = now
        trigger.error = cut(clean(found.error), 300)
        trigger.errors = trigger.errors + 1 if found.error else 0
        trigger.next_at = decide.next_look(now, trigger.interval_s * 1000, trigger.errors)
        firing = None if found.error or found.unchanged else _count(trigger, found, now)
        trigger.save(update_fields=LOOKED)
        return firing


def give_up(trigger_id: UUID, reason: str) -> None:
    """Pause a trigger whose looks raise."""
    Trigger.objects.filter(pk=trigger_id, kind="poll").update(paused=True, error=cut(clean(reason), 300))


def _count(trigger: Trigger, found: Found, now: int) -> TriggerFiring | None:
    canonical = json.dumps(found.value, sort_keys=True, ensure_ascii=True)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    first, changed = not trigger.seen_digest, digest != trigger.seen_digest
    shown = clean(cut(matching.as_text(found.value), MAX_VALUE)).encode("utf-8", "replace").decode()
    came_to = decide.look(
        first=first,
        changed=changed,
        matching=found.matched,
        on_match=trigger.match != "any",
    )
    trigger.observation += 1
    firing = None
    if came_to != "same":
        value = found.value if len(canonical) <= MAX_VALUE else shown
        seen = {"value": value, "before": "" if first else trigger.seen_text, "url": trigger.url}
        sighting = Sighting(f"look:{trigger.observation}", seen, matched=came_to == "fire")
        firing = record_one(trigger, sighting, now)
        if firing.reason in ("cooldown", "hourly"):
            # Not consumed: the next look finds it new again. Without an ETag, or the server would say "unchanged".
            trigger.etag = trigger.modified = ""
            if firing.reason == "cooldown" and trigger.fired_at is not None:
                trigger.next_at = max(trigger.next_at, trigger.fired_at + trigger.cooldown_s * 1000)
            return firing
        if firing.state == "pending" and trigger.cooldown_s:
            trigger.next_at = max(trigger.next_at, now + trigger.cooldown_s * 1000)
    trigger.seen_digest, trigger.seen_text = digest, shown
    trigger.etag, trigger.modified = found.etag[:300], found.modified[:100]
    return firing
