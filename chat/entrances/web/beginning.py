"""Whether somebody may have one conversation more that begins whole: copied, or brought in from a file."""

from typing import Any
from uuid import UUID

from chat.authorization import logged_in
from chat.http.refusals import RequestRefused
from chat.limits import usage
from chat.limits.decide import decide
from chat.limits.table import most
from chat.models import Conversation
from chat.portable.store import ENTRANCE
from chat.support.clock import now_ms


def may_begin(user: Any) -> None:
    """Raises RequestRefused where they may begin no conversation, or have as many as they may."""
    if user.pk is None or not logged_in(user.pk, user.pk, active=user.is_active).may("begin"):
        raise RequestRefused(403, "forbidden", "You may begin no conversation.")
    allowed = most(("conversations",))
    if any(allowed.values()):
        used = usage.conversations(user.pk, ENTRANCE)
        if (refusal := decide({"conversations": used}, allowed, now_ms())) is not None:
            raise RequestRefused(429, refusal.limit.code, str(refusal.limit.told))


def made_before(user: Any, id: UUID) -> Conversation | None:
    """The conversation that an earlier try of the same request has made. Raises RequestRefused where the id is
    somebody else's, or of one that was deleted."""
    row = Conversation.objects.filter(pk=id).first()
    if row is not None and (row.owner_id != user.pk or row.deleted_at is not None):
        raise RequestRefused(409, "id_reused", "This id belongs to another conversation.")
    return row
