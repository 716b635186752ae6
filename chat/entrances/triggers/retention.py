"""For how long rows of triggers are kept, and what they keep of conversations (chat/retention/).

A firing that is emptied stays: its key tells an event that comes again from a new one.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from chat.entrances.triggers import bodies
from chat.entrances.triggers.models import EMPTY_COLUMNS, FULL, Trigger, TriggerFiring
from chat.retention.ages import aged
from chat.retention.policy import Policy, StoredFiles, Traces
from chat.retention.purge import before

#: What a firing is that was emptied.
EMPTY: dict[str, Any] = {**EMPTY_COLUMNS, "seen": None, "size": 0}


def _settled(before: int) -> "QuerySet[Any]":
    return aged(TriggerFiring.objects.exclude(state="pending"), "created_at", before)


def _empty(rows: "QuerySet[Any]", most: int) -> int:
    found = list(rows.filter(FULL).order_by().values_list("pk", "body")[:most])
    for _pk, body in found:
        bodies.remove(body)  # first, so that nobody dies in between and leaves a file without a name
    return TriggerFiring.objects.filter(pk__in=[pk for pk, _ in found]).update(**EMPTY)


def _of_conversations(ids: Sequence[UUID], most: int) -> int:
    # What was said or done in them has fired others, too: their keys begin so (models.py).
    seen = Q()
    for id in ids:
        seen |= Q(key__startswith=f"message:{id}:") | Q(key__startswith=f"run:{id}:")
    return _empty(TriggerFiring.objects.filter(conversation__in=ids), most) or _empty(
        TriggerFiring.objects.filter(seen, trigger__in=_watching(ids)), most
    )


def _watching(ids: Sequence[UUID]) -> "QuerySet[Any]":
    """Triggers that may have heard something in these conversations: those of their owners that listen."""
    from chat.models import Conversation

    owners = Conversation.objects.filter(pk__in=ids).values("owner")
    return Trigger.objects.filter(owner__in=owners, kind__in=("message", "run")).values("pk")


def _files_of(rows: "QuerySet[Any]") -> None:
    for body in rows.exclude(body="").values_list("body", flat=True):
        bodies.remove(body)


before(TriggerFiring, _files_of)

POLICIES = (
    Policy(
        name="webhook_bodies",
        label=_("what triggers have seen: bodies of webhooks, texts of messages"),
        days=30,
        covers=("triggers.TriggerFiring",),
        rows=lambda moment: _settled(moment).filter(FULL),
        remove=_empty,
    ),
    Policy(
        name="trigger_firings",
        label=_("firings of triggers"),
        days=365,
        covers=("triggers.TriggerFiring",),
        rows=_settled,
        # Senders send a delivery again for days, and a chain of triggers is told from a loop by it.
        least=30,
    ),
)
STORED = (
    StoredFiles(
        bodies.FOLDER,
        lambda names: set(TriggerFiring.objects.filter(body__in=names).values_list("body", flat=True)),
    ),
)
STAYS = {"triggers.Trigger": "what a person has set up"}
TRACES = Traces(_of_conversations, lambda user, most: 0)
