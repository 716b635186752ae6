"""What somebody has used, asked of SQL by indexes. Plain functions, for a database thread."""

from django.db.models import Count, F, Sum

from chat.limits.spending import Spender
from chat.limits.table import Name
from chat.models import Attachment, Conversation, Run
from chat.support.prepared import Prepared

_OF_DAY = Prepared(
    lambda person, entrance, since: (
        Run.objects.filter(person=person, entrance=entrance, queued_at__gte=since)
        .order_by()
        .values("person")
        .annotate(runs=Count("pk"), tokens=Sum(F("input_tokens") + F("output_tokens")), money=Sum("cost"))
        .values_list("runs", "tokens", "money")
    )
)


def of_day(spender: Spender, since: int, using: str = "default") -> dict[Name, int]:
    """Runs, tokens and money (billionths of a dollar) of the runs that were queued at `since` (ms) or later. One
    statement; what a run that goes on has taken so far is in it."""
    found = _OF_DAY.first(using, spender.person, spender.entrance, since)
    runs, tokens, money = found or (0, 0, 0)
    return {"runs": int(runs), "tokens": int(tokens or 0), "money": int(money or 0)}


_CONVERSATIONS = Prepared(
    lambda owner, entrance: (
        Conversation.objects.filter(owner_id=owner, entrance=entrance, deleted_at__isnull=True)
        .order_by()
        .values("owner_id")
        .annotate(kept=Count("pk"))
        .values_list("kept")
    )
)


def conversations(owner: int, entrance: str, using: str = "default") -> int:
    """Conversations of a user that began at an entrance and were not deleted."""
    found = _CONVERSATIONS.first(using, owner, entrance)
    return 0 if found is None else int(found[0])


def file_bytes(owner: int, using: str = "default") -> int:
    """Bytes of all files of a user that are there. One that several conversations have counts once."""
    rows = Attachment.objects.using(using).filter(owner_id=owner)
    return int(rows.values("file", "size").distinct().aggregate(all=Sum("size"))["all"] or 0)
