"""How many rows the triggers of one person keep of what they have seen (chat/limits/table.py: `firings`).

Nobody is refused: the oldest go. A row tells a repeated delivery from a new one, and a chain of triggers from a loop:
so what has fired stays for a while, however many there are, and what is pending stays until it is carried out.
"""

from collections.abc import Iterator

from django.db.models import Q

from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.limits.table import most

#: How long rows of what has fired stay at least (ms). By then a chain of triggers has ended, and senders have given up
#: sending a delivery again.
FIRED_MS = 30 * 24 * 3_600_000
#: Rows that one transaction removes.
BATCH = 500


def make_room(now: int) -> int:
    """Remove the oldest rows beyond what each person may keep; how many. Harmless in several processes at once."""
    allowed = most(("firings",))["firings"]
    if not allowed:
        return 0
    owners = Trigger.objects.order_by().values_list("owner_id", flat=True).distinct()
    return sum(_of(owner, allowed, now) for owner in owners)


def _of(owner: int, allowed: int, now: int) -> int:
    rows = TriggerFiring.objects.filter(trigger__owner_id=owner)
    over = rows.count() - allowed
    if over <= 0:
        return 0
    settled = Q(state__in=("skipped", "failed")) | Q(state="fired", created_at__lt=now - FIRED_MS)
    oldest = list(rows.filter(settled).order_by("id").values_list("pk", flat=True)[:over])
    return sum(TriggerFiring.objects.filter(pk__in=some).delete()[0] for some in _batches(oldest))


def _batches(pks: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(pks), BATCH):
        yield pks[start : start + BATCH]
