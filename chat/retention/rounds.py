"""What is to be removed, done: erasures that were asked for, and the round over all policies. One at a time for the
whole installation, by a claim that runs out when its holder dies; the next one goes on where it was, because all that
is known is which rows are there.
"""

import asyncio
import logging
import time
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from chat.models import Conversation
from chat.retention.erasing import CONVERSATIONS, Eraser, Protected
from chat.retention.models import CLAIM, OPEN, Erasure, Round
from chat.retention.policy import Policy
from chat.retention.purge import Pace
from chat.retention.strays import LOOK_MS, remove_strays
from chat.retention.table import days_of, due, policies
from chat.session.errors import Unavailable
from chat.session.sessions import Sessions
from chat.support import kill_points
from chat.support.clock import now_ms, wall_ms
from chat.support.database import Database

log = logging.getLogger(__name__)

#: For how long a claim holds without a sign of life (ms): many times what a step takes.
CLAIM_MS = 60_000
#: What files that no row names are called among what was removed.
STRAYS = "strays"
#: Between two rounds (ms).
ROUND_MS = 3_600_000


class LostClaim(Exception):
    """Somebody else is at it now."""


class Retention:
    """Carries out erasures and rounds as `worker`."""

    def __init__(self, sessions: Sessions, database: Database, worker: str) -> None:
        self._database = database
        self._worker = worker
        self._eraser = Eraser(sessions, database)

    # ---- what was asked for ----

    async def erase_next(self, only: int | None = None) -> Erasure | None:
        """Carry out the oldest erasure that nobody is at, or the one with this key; it as it is afterwards. None: there
        is nothing to do. Raises Unavailable: it goes on when the stores are back."""
        taken = await self._database.run(self._take, only)
        if taken is None:
            return None
        rows = Erasure.objects.filter(pk=taken.pk)

        async def renew(gone: int) -> None:
            changes: dict[str, Any] = {"done": gone, "claimed_until": now_ms() + CLAIM_MS}
            if await self._database.run(rows.filter(claimed_by=self._worker).update, **changes) != 1:
                raise LostClaim

        by = await self._database.run(_asker, taken)
        waits: Unavailable | None = None
        refused = ""
        try:
            if taken.kind == "person":
                await self._eraser.person(int(taken.key), by=by, renew=renew)
            else:
                await self._eraser.conversations([_uuid(taken.key)], by=by, renew=renew)
            await self._eraser.wipe()
        except LostClaim:
            return None
        except Unavailable as problem:
            waits = problem
        except Protected as problem:
            refused = str(problem)[:300]
        if waits is not None:
            told: dict[str, Any] = {"error": str(waits)[:300], "claimed_until": 0, "claimed_by": ""}
            await self._database.run(rows.filter(claimed_by=self._worker).update, **told)
            raise waits
        await self._database.run(self._end, rows, "failed" if refused else "over", refused)
        return await self._database.run(rows.first)

    def _take(self, only: int | None) -> Erasure | None:
        now = now_ms()
        rows = Erasure.objects.filter(OPEN)
        for row in rows.filter(pk=only) if only is not None else rows.order_by("pk")[:20]:
            mine = rows.filter(pk=row.pk)
            if CLAIM.take(mine, now, now + CLAIM_MS, who=self._worker, state="running", error=""):
                return row
        return None

    def _end(self, rows: Any, state: str, error: str) -> None:
        ended = {"state": state, "error": error, "ended_at": now_ms(), "claimed_until": 0, "claimed_by": ""}
        rows.filter(claimed_by=self._worker).update(**ended)

    # ---- by age ----

    async def round(self, *, now: bool = False, only: str = "") -> dict[str, int] | None:
        """Carry out all policies that are on, or `only` one; how many rows each has removed. None: none is due (unless
        it is to be `now`), or somebody else is at it. Raises Unavailable."""
        if not await self._database.run(self._begin, now):
            return None
        removed: dict[str, int] = {}
        error = ""
        try:
            days = await self._database.run(days_of)
            for policy in policies():
                if only in ("", policy.name) and days[policy.name] is not None:
                    removed[policy.name] = 0
                    await self._carry_out(policy, days[policy.name], removed)
            if not only and await self._database.run(self._strays_are_due):
                removed[STRAYS] = await self._database.run(remove_strays)
            await self._eraser.wipe()
            await self._database.run(self._on, "", removed)
        except LostClaim:
            return None
        except Unavailable as problem:
            error = str(problem)[:300]
            raise
        finally:
            await asyncio.shield(self._database.run(self._over, error))
        return removed

    async def _carry_out(self, policy: Policy, days: int | None, removed: dict[str, int]) -> None:
        pace, moment = Pace(), wall_ms()
        while True:
            began = time.monotonic()
            await self._database.run(self._on, policy.name, removed)
            if policy.conversations:
                some = await self._database.run(_ids, policy, days, moment)
                gone = await self._eraser.conversations(some) if some else 0
            else:
                gone = await self._database.run(_some, policy, days, moment, pace.rows)
            if not gone:
                return
            removed[policy.name] += gone
            kill_points.point("retention.step")
            await asyncio.sleep(pace.took(time.monotonic() - began))

    def _begin(self, at_once: bool) -> bool:
        Round.objects.get_or_create(number=1)
        now = now_ms()
        rows = Round.objects.all() if at_once else Round.objects.filter(next_at__lte=now)
        changes: dict[str, Any] = {"started_at": now, "removed": {}, "error": ""}
        return CLAIM.take(rows, now, now + CLAIM_MS, who=self._worker, **changes)

    def _on(self, policy: str, removed: dict[str, int]) -> None:
        mine = Round.objects.filter(claimed_by=self._worker)
        if mine.update(claimed_until=now_ms() + CLAIM_MS, policy=policy, removed=removed) != 1:
            raise LostClaim

    def _strays_are_due(self) -> bool:
        mine = Round.objects.filter(claimed_by=self._worker)
        now = now_ms()
        return mine.filter(strays_at__lte=now - LOOK_MS).update(strays_at=now) == 1

    def _over(self, error: str) -> None:
        now = now_ms()
        over: dict[str, Any] = {"policy": "", "ended_at": now, "next_at": now + ROUND_MS, "error": error}
        if error:
            over["next_at"] = now + CLAIM_MS
        Round.objects.filter(claimed_by=self._worker).update(claimed_until=0, claimed_by="", **over)


def _some(policy: Policy, days: int | None, moment: int, most: int) -> int:
    rows = due(policy, days, moment)
    return 0 if rows is None else policy.remove(rows, most)


def _ids(policy: Policy, days: int | None, moment: int) -> list[Any]:
    rows = due(policy, days, moment)
    return [] if rows is None else list(rows.values_list("pk", flat=True)[:CONVERSATIONS])


def _asker(row: Erasure) -> str:
    return "" if row.asked_by is None else str(row.asked_by.get_username())


def _uuid(text: str) -> Any:
    return Conversation._meta.pk.to_python(text)


def ask_for(kind: str, key: str, by: Any = None) -> tuple[Erasure, bool]:
    """Have it deleted for good, by whichever worker comes first; (the erasure, whether it is new). Asked again, it is
    the one that is not over."""
    rows = Erasure.objects.filter(OPEN, kind=kind, key=key)
    total = 1 if kind == "conversation" else Conversation.objects.filter(owner__pk=int(key)).count()
    for _ in range(3):
        if (found := rows.first()) is not None:
            return found, False
        try:
            with transaction.atomic():
                made = Erasure.objects.create(kind=kind, key=key, asked_by=by, asked_at=now_ms(), total=total)
        except IntegrityError:
            continue  # somebody else has asked in this moment
        if kind == "person":
            get_user_model().objects.filter(pk=key).update(is_active=False)
        return made, True
    raise RuntimeError("An erasure could not be asked for.")


def ask_for_round() -> None:
    """Have a round carried out soon, by whichever worker comes first."""
    Round.objects.get_or_create(number=1)
    Round.objects.update(next_at=0)


def is_asked_for(kind: str, key: str) -> bool:
    """Whether it is being deleted for good, or is about to."""
    return Erasure.objects.filter(OPEN, kind=kind, key=key).exists()


__all__ = ["LostClaim", "Retention", "ask_for", "ask_for_round", "is_asked_for"]
