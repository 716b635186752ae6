"""The limits that an administrator may set, as one table: what is counted, for whom, and what the refused are told.

`chat/limits/decide.py` decides by it; docs/limits.md is made from it (`make limits`), and a test compares the two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.conf import settings
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

#: What is counted.
Name = Literal[
    "commands",
    "runs",
    "tokens",
    "money",
    "conversations",
    "files",
    "firings",
    "schedules",
    "triggers",
    "replays",
]
#: For whom it is counted: for each person, or for each person at each entrance.
Per = Literal["person", "person and entrance"]
#: What makes room again. `minute`: a minute goes by; `day`: the next day begins, at 00:00 UTC; `deleting`: they delete
#: some of it; `oldest`: nobody is refused, the oldest go.
Frees = Literal["minute", "day", "deleting", "oldest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit. Its setting counts in `unit` of what is counted. `code` is what programs are told, `told` what people
    are; both are empty where nobody is refused. `doors` and `zero` are for the table in the docs."""

    name: Name
    what: str
    per: Per
    doors: str
    setting: str
    frees: Frees
    unit: int = 1
    code: str = ""
    told: "StrOrPromise" = ""
    zero: str = "no limit"


#: Billionths of a dollar, as costs are counted.
DOLLAR = 10**9
_EVERYWHERE = "every one"
_BEGINS = "every one at which a run or a conversation begins"

LIMITS: tuple[Limit, ...] = (
    Limit(
        name="commands",
        what="commands within a minute, in each process; a stop passes",
        per="person and entrance",
        doors="those where people are: web chat, HTTP API, OpenAI-compatible endpoint, messengers, packages",
        setting="HOLDFAST_COMMANDS_PER_MINUTE",
        frees="minute",
        code="too_fast",
        told=_("That was too much at once. Wait a moment, then send it again."),
    ),
    Limit(
        name="runs",
        what="runs that began today",
        per="person and entrance",
        doors=_BEGINS,
        setting="HOLDFAST_RUNS_PER_DAY",
        frees="day",
        code="runs_spent",
        told=_(
            "The agents have worked for you as often today as they may. Send it again after 00:00 UTC, or ask an "
            "administrator."
        ),
    ),
    Limit(
        name="tokens",
        what="tokens, in and out, of the runs that began today",
        per="person and entrance",
        doors=_BEGINS,
        setting="HOLDFAST_TOKENS_PER_DAY",
        frees="day",
        code="tokens_spent",
        told=_(
            "The agents have read and written as much for you today as they may. Send it again after 00:00 UTC, or "
            "ask an administrator."
        ),
    ),
    Limit(
        name="money",
        what="US dollars that the runs that began today have cost, where prices are known",
        per="person and entrance",
        doors=_BEGINS,
        setting="HOLDFAST_DOLLARS_PER_DAY",
        frees="day",
        unit=DOLLAR,
        code="money_spent",
        told=_(
            "The agents have spent as much for you today as they may. Send it again after 00:00 UTC, or ask an "
            "administrator."
        ),
    ),
    Limit(
        name="conversations",
        what="conversations that were not deleted",
        per="person and entrance",
        doors=_EVERYWHERE,
        setting="HOLDFAST_CONVERSATIONS_PER_USER",
        frees="deleting",
        code="conversations_full",
        told=_("You have as many conversations as one person may have. Delete some, then send it again."),
    ),
    Limit(
        name="files",
        what="bytes of all attached files that were not deleted with their conversation",
        per="person",
        doors="uploads in the web chat, files in messengers",
        setting="HOLDFAST_FILE_BYTES_PER_USER",
        frees="deleting",
        code="files_full",
        told=_("Your files take as much room as one person's may. Delete conversations with files first."),
    ),
    Limit(
        name="firings",
        what="rows that the triggers of one person keep of what they have seen",
        per="person",
        doors="webhooks, and triggers of every kind",
        setting="HOLDFAST_FIRINGS_PER_USER",
        frees="oldest",
    ),
    Limit(
        name="schedules",
        what="schedules that have not ended",
        per="person",
        doors="web chat, agents",
        setting="HOLDFAST_SCHEDULES_PER_USER",
        frees="deleting",
        code="too_many",
        zero="only staff make some, in the admin",
    ),
    Limit(
        name="triggers",
        what="triggers",
        per="person",
        doors="web chat, agents",
        setting="HOLDFAST_TRIGGERS_PER_USER",
        frees="deleting",
        code="too_many",
        zero="nobody makes any",
    ),
    Limit(
        name="replays",
        what="recorded requests that they had sent again today",
        per="person",
        doors="the admin",
        setting="HOLDFAST_REPLAYS_PER_DAY",
        frees="day",
        code="replays_spent",
    ),
)
BY_NAME: Mapping[Name, Limit] = {limit.name: limit for limit in LIMITS}
#: What a day's end makes room for, of runs.
DAILY: tuple[Name, ...] = tuple(
    limit.name for limit in LIMITS if limit.frees == "day" and limit.per == "person and entrance"
)
#: What a command may be refused for, by what its sender is told; the same command may work later.
CODES: Mapping[str, Limit] = {limit.code: limit for limit in LIMITS if limit.told}


def most(names: Iterable[Name]) -> dict[Name, int]:
    """How much of each there may be, as it is counted and as the settings have it now; 0: as much as they like."""
    found: dict[Name, int] = {}
    for name in names:
        limit = BY_NAME[name]
        found[name] = int(getattr(settings, limit.setting)) * limit.unit
    return found
