"""Results on their way to a Feishu chat or a mailbox: an outbox, whose rows a worker claims, hands over and marks.

What the destination will not take for good is given up at once, everything else after GIVE_UP_MS; the admin shows it
and can have it sent again. How often something arrives when a worker dies in between is the destination's affair:
Feishu's outbox shows it once, a mailbox may get it twice under one Message-ID (chat/automation/mail.py).
"""

import logging

from django.db.models import F

from chat.automation import destinations
from chat.automation.destinations import Arrival, Parcel, Undeliverable
from chat.entrances.schedules.models import ScheduleDelivery
from chat.support import poison
from chat.support.backoff import Backoff
from chat.support.claims import Claim
from chat.support.clock import now_ms

log = logging.getLogger(__name__)

#: Deliveries of one look.
BATCH = 50
#: The claim is the time of the next try: a worker that dies is followed by one that tries again.
CLAIM = Claim("next_at")
#: A worker that has claimed a delivery has this long (milliseconds); a mail server gets half of it (EMAIL_TIMEOUT).
CLAIM_MS = 30_000
#: Between tries, at first and at most (milliseconds), and when to give up.
RETRY_MS = Backoff(1_000, 600_000)
GIVE_UP_MS = 24 * 3_600_000


def pending() -> list[ScheduleDelivery]:
    """What is to be sent now, oldest first."""
    rows = ScheduleDelivery.objects.filter(state="pending", next_at__lte=now_ms())
    # Their firings apart: in one question SQLite would begin with all that ever fired.
    return list(rows.prefetch_related("firing").order_by("next_at", "id")[:BATCH])


def send(row: ScheduleDelivery) -> None:
    """Claim one and hand it over. Never raises for what a destination can cause."""
    now = now_ms()
    mine = ScheduleDelivery.objects.filter(pk=row.pk, state="pending")
    if not CLAIM.take(mine, now, now + CLAIM_MS, seen=row.next_at, attempts=F("attempts") + 1):
        return
    try:
        destination = destinations.find(row.kind)
        if destination is None:
            raise Undeliverable("There is no such kind of delivery any more.")
        destination.deliver(Parcel(str(row.firing_id), row.address, row.subject, row.text))
    except Exception as problem:
        final = isinstance(problem, Undeliverable) or now - row.created_at > GIVE_UP_MS
        if final:
            log.error("Result %s (%s) was given up: %s", row.pk, row.kind, _told(problem))
            mine.update(state="dead", error=_told(problem))
        else:
            log.warning("Result %s (%s) has to wait: %s", row.pk, row.kind, _told(problem))
            mine.update(next_at=now_ms() + int(RETRY_MS.delay(row.attempts)), error=_told(problem))
        return
    mine.update(state="sent", sent_at=now_ms(), error="")


def arrival(row: ScheduleDelivery) -> Arrival:
    """What became of a result; one that was handed over may have been given up where it was taken to."""
    told = destinations.became(row.kind, row.address, str(row.firing_id)) if row.state == "sent" else None
    return told if told is not None and told.state == "dead" else Arrival(row.state, row.error)


def give_up(pk: int, reason: str) -> None:
    """Make a delivery that raises by itself, whatever its destination says, a dead letter."""
    ScheduleDelivery.objects.filter(pk=pk, state="pending").update(state="dead", error=reason[:300])


def _told(problem: Exception) -> str:
    if isinstance(problem, Undeliverable):
        return str(problem).encode(errors="replace").decode()[:300]
    return poison.told(problem)[:300]
