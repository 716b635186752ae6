"""What goes with a person who is deleted, counted without loading it; and the deletion itself, here and now
(chat/retention/erasing.py does it)."""

from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.db import models

from chat.models import Conversation
from chat.retention.erasing import protection
from chat.retention.models import Erasure
from chat.retention.purge import relations
from chat.retention.rounds import Retention
from chat.runtime import opened
from chat.support.database import give_back

__all__ = ["MAX_COUNTED", "Share", "carry_out", "protection", "share_of"]


@dataclass(frozen=True)
class Share:
    """How many rows of one kind are a person's, counted no further than `MAX_COUNTED`."""

    name: str
    count: int


#: Rows that are counted, at most.
MAX_COUNTED = 10_000


def share_of(user: Any) -> list[Share]:
    """What would be deleted with a person: the rows that name them, and the parts of their conversations."""
    found = [_share(relation, [user.pk]) for relation in relations(type(user), models.CASCADE)]
    theirs = Conversation.objects.filter(owner=user).values("pk")
    found += [_share(relation, theirs) for relation in relations(Conversation, models.CASCADE)]
    return [share for share in found if share.count]


def carry_out(row: Erasure) -> Erasure | None:
    """Do what was asked for, in this process; it as it is then. None: somebody else is at it. Raises Unavailable: it
    goes on by itself, in a worker, when the stores are back."""

    async def work() -> Erasure | None:
        async with opened() as runtime:
            return await Retention(runtime.sessions, runtime.database, f"here/{row.pk}").erase_next(row.pk)

    give_back()  # the runtime needs connections of its own
    return async_to_sync(work)()


def _share(relation: Any, of: Any) -> Share:
    model = relation.related_model
    rows = model._base_manager.filter(**{f"{relation.field.name}__in": of})
    return Share(str(model._meta.verbose_name_plural), rows[:MAX_COUNTED].count())
