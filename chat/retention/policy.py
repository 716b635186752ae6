"""The shape of a policy: what is removed, after how long; and of what an entrance keeps of conversations and people.

    Policy("faults", …, days=90, …)       rows(before) ─► remove(rows, most) ─► how many, 0: nothing is left
    Traces(conversations, person)         what no foreign key leads to

All functions are plain ones for a database thread, and each call is one short transaction: whoever calls goes on until
0 comes back, and may die in between.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import QuerySet

from chat.retention.purge import purge_some

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

DAY_MS = 24 * 3_600_000


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One row of the table. `days` is the default: after how long; None: for ever, until an operator says otherwise."""

    #: Never changes: it stands in rows and commands. At most 40 characters.
    name: str
    #: What goes, for people.
    label: "StrOrPromise"
    days: int | None
    #: The models whose rows it removes or empties: `app.Model`. What cascades from them is the table's business.
    covers: tuple[str, ...]
    #: The rows that are older than this moment (ms).
    rows: "Callable[[int], QuerySet[Any]]"
    #: Removes up to so many of them; how many. 0: there is nothing left that it could.
    remove: "Callable[[QuerySet[Any], int], int]" = purge_some
    #: The least that may be set, in days.
    least: int = 1
    #: They are conversations, which are taken out of Redis and storage as well: `remove` is not asked.
    conversations: bool = False


@dataclass(frozen=True)
class StoredFiles:
    """A folder of the storage, and which of these names in it a row names (strays.py)."""

    folder: str
    known: Callable[[Sequence[str]], set[str]]


@dataclass(frozen=True)
class Traces:
    """What an entrance keeps of conversations, and of a user, that no foreign key leads to. Each function removes or
    empties up to `most` rows and says how many; 0: none is left."""

    conversations: Callable[[Sequence[UUID], int], int]
    person: Callable[[int, int], int]
