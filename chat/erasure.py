"""Deleting a person with all that is theirs, for good: in batches, so that nobody waits for it, and going on where it
was if it was interrupted.

Django's own deletion would load every row that hangs on a person before it deletes the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.db import models, transaction

from chat.models import Conversation
from chat.runtime import opened
from chat.support.database import give_back
from chat.telemetry import tallies

#: Rows that one transaction deletes, of each kind.
BATCH = 500
#: Conversations whose sessions are taken out of Redis at a time.
SESSIONS = 50


class Protected(Exception):
    """Something that others need is theirs; the text says what."""


@dataclass(frozen=True)
class Share:
    """How many rows of one kind are a person's, counted no further than `MAX_COUNTED`."""

    name: str
    count: int


#: Rows that are counted, at most.
MAX_COUNTED = 10_000


def share_of(user: Any) -> list[Share]:
    """What would be deleted with a person: the rows that name them, and the parts of their conversations."""
    found = [_share(relation, [user.pk]) for relation in _cascading(type(user))]
    theirs = Conversation.objects.filter(owner=user).values("pk")
    found += [_share(relation, theirs) for relation in _cascading(Conversation)]
    return [share for share in found if share.count]


def protection(user: Any) -> list[str]:
    """What keeps a person from being deleted, in words."""
    return [
        f"{relation.related_model._meta.verbose_name} “{row}”"
        for relation in _relations(type(user), models.PROTECT)
        for row in relation.related_model._base_manager.filter(**{relation.field.name: user})[:20]
    ]


def erase(user: Any) -> Iterator[int]:
    """Delete a person and all that is theirs, for good; after each step, how many of their conversations are gone. They
    cannot log in from the first step on. Raises Protected before anything is done."""
    if kept := protection(user):
        raise Protected(f"Give these to somebody else first: {', '.join(kept)}.")
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)
    gone = 0
    # One that is made meanwhile, through a socket that was open, is found by a later look, or with the person's row.
    while ids := list(Conversation.objects.filter(owner=user).values_list("pk", flat=True)[:SESSIONS]):
        give_back()  # the runtime needs a connection of its own
        async_to_sync(_forget)([str(id) for id in ids])
        purge(Conversation.objects.filter(pk__in=ids))
        gone += len(ids)
        yield gone
    purge(get_user_model().objects.filter(pk=user.pk))


def purge(rows: "models.QuerySet[Any]", batch: int = BATCH) -> int:
    """Delete rows with what hangs on them, leaves first, a batch in each transaction; how many of `rows`."""
    gone = 0
    while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:batch]):
        if rows.model is Conversation:
            tallies.let_go(pks)
        for relation in _cascading(rows.model):
            purge(relation.related_model._base_manager.filter(**{f"{relation.field.name}__in": pks}), batch)
        # What came in between, and what is only to be let go of (SET_NULL), is Django's.
        with transaction.atomic():
            rows.model._base_manager.filter(pk__in=pks).delete()
        gone += len(pks)
    return gone


def _cascading(model: type[models.Model]) -> list[Any]:
    return _relations(model, models.CASCADE)


def _relations(model: type[models.Model], on_delete: Any) -> list[Any]:
    """What points at a model and is deleted, or protects it. Those without a name of their own count, too."""
    fields = model._meta.get_fields(include_hidden=True)
    return [
        one
        for one in fields
        if one.auto_created and not one.concrete and getattr(one, "on_delete", None) is on_delete
    ]


def _share(relation: Any, of: Any) -> Share:
    model = relation.related_model
    rows = model._base_manager.filter(**{f"{relation.field.name}__in": of})
    return Share(str(model._meta.verbose_name_plural), rows[:MAX_COUNTED].count())


async def _forget(conversations: list[str]) -> None:
    """Take sessions out of Redis: nobody finds them any more, and what works on them stops."""
    async with opened() as runtime:
        for conversation in conversations:
            await runtime.sessions.delete(conversation)
