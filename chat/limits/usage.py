"""What somebody has used, asked of SQL by indexes. Plain functions, for a database thread."""

from django.db.models import Count, F, Sum

from chat.limits.spending import Spender
from chat.limits.table import Name
from chat.models import Attachment, Conversation, Run


def of_day(spender: Spender, since: int, using: str = "default") -> dict[Name, int]:
    """Runs, tokens and money (billionths of a dollar) of the runs that were queued at `since` (ms) or later. One
    statement; what a run that goes on has taken so far is in it."""
    rows = Run.objects.using(using).filter(
        person=spender.person, entrance=spender.entrance, queued_at__gte=since
    )
    found = rows.aggregate(
        runs=Count("pk"), tokens=Sum(F("input_tokens") + F("output_tokens")), money=Sum("cost")
    )
    return {name: int(found[name] or 0) for name in ("runs", "tokens", "money")}


def conversations(owner: int, entrance: str, using: str = "default") -> int:
    """Conversations of a user that began at an entrance and were not deleted."""
    rows = Conversation.objects.using(using).filter(
        owner_id=owner, entrance=entrance, deleted_at__isnull=True
    )
    return rows.count()


def file_bytes(owner: int, using: str = "default") -> int:
    """Bytes of all files of a user that are there. One that several conversations have counts once."""
    rows = Attachment.objects.using(using).filter(owner_id=owner)
    return int(rows.values("file", "size").distinct().aggregate(all=Sum("size"))["all"] or 0)
