"""Replays as rows: asking for one, how many somebody has had, and those that an age may remove."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from chat.limits.decide import Refusal, day_of, decide
from chat.limits.table import most
from chat.models import Conversation
from chat.replay.models import OPEN, Replay
from chat.support.clock import now_ms

#: Replays of one person that are not over.
MAX_OPEN = 10


class NoRoom(Exception):
    """They may have no more replays now. `after`: seconds until they may; 0: when one of theirs is over."""

    def __init__(self, after: int) -> None:
        super().__init__(after)
        self.after = after


def ask_for(
    user: Any, conversation: Conversation, seq: int, step: str, *, whole: bool, target: str, name: str
) -> Replay:
    """A replay of the request at `seq`, to be performed by a worker. The caller has checked that they may, and that
    the target exists. Raises NoRoom."""
    now = now_ms()
    with transaction.atomic():
        mine = Replay.objects.filter(user=user)
        if mine.filter(state__in=sorted(OPEN)).count() >= MAX_OPEN:
            raise NoRoom(0)
        allowed = most(("replays",))
        used = mine.filter(created_at__gte=day_of(now)).count() if any(allowed.values()) else 0
        refusal: Refusal | None = decide({"replays": used}, allowed, now)
        if refusal is not None:
            raise NoRoom(refusal.after)
        return Replay.objects.create(
            conversation=conversation,
            user=user,
            by=user.get_username(),
            seq=seq,
            step=step,
            run=step.rpartition(".")[0],
            whole=whole,
            target=target,
            target_name=name[:300],
            created_at=now,
        )


def over(using: str = "default") -> "QuerySet[Replay]":
    """Replays that are over: what an age may remove (chat/retention/table.py)."""
    return Replay.objects.using(using).exclude(state__in=sorted(OPEN))
