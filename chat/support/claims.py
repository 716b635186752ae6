"""Having a row to oneself for a while: a claim is a conditional write with a time limit.

    CLAIM.take(rows, now, until)     True: nobody else had it, and it is ours until then
    CLAIM.renew(rows, until, who)    keep it; False: somebody else has it
    CLAIM.release(rows, who)         give it back before its time

One statement decides, so any number of workers may try at once and one gets it. A worker that dies gives nothing back:
its claim runs out. Whoever was paused may come back after that and find another at work, so what is done under a claim
must be harmless when it is done twice; owners of runs, where it is not, have leases and fences instead (rule R2).
Plain functions over SQL, for a database thread.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet


@dataclass(frozen=True, slots=True)
class Claim:
    """How a table keeps its claims: `column` says until when (milliseconds), `holder`, if it has such a column, whose.
    Without a holder nobody can tell whose claim it is: it is not renewed, and runs out.

    `rows` of each method is a query for the row, with everything else that must still be so for it to be claimed.
    """

    column: str = "claimed_until"
    holder: str = ""

    def take(
        self,
        rows: "QuerySet[Any]",
        now: int,
        until: int,
        *,
        who: str = "",
        seen: int | None = None,
        **changes: Any,
    ) -> bool:
        """Have the row until `until`, unless somebody has it at `now`; whether it is ours.

        `who` is its holder from now on, who may take it again at any time. `seen`: only if the column is still as the
        caller has read it; then nothing else of the row's plan has changed either. `changes` are written with it.
        """
        free = Q(**{f"{self.column}__lte": now}) if seen is None else Q(**{self.column: seen})
        if self.holder:
            free |= Q(**{self.holder: who})
            changes[self.holder] = who
        return rows.filter(free).update(**{self.column: until}, **changes) == 1

    def renew(self, rows: "QuerySet[Any]", until: int, who: str) -> bool:
        """Keep it until then. False: somebody else has it; do nothing more to it."""
        return rows.filter(**{self.holder: who}).update(**{self.column: until}) == 1

    def release(self, rows: "QuerySet[Any]", who: str) -> None:
        """Give it back. Harmless if it is somebody else's by now."""
        rows.filter(**{self.holder: who}).update(**{self.column: 0})
