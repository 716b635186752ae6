"""The table of retention: what is removed after how long, and what stays, with the reason.

The core's rows are here; each entrance brings those of its own tables (chat/extensions.py). An operator may set other
days (`PolicyDays`, in the admin or by `manage.py retention --set`). docs/deployment.md has the same table, and
tests/chat/retention/test_table.py holds that every table of the database is in it.
"""

from datetime import UTC, datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from agents.events import ACTIVE_RUN
from agents.models import LearnedRule
from chat import extensions
from chat.files import sharing
from chat.models import Attachment, Conversation, Fault, QueueFailure, RequestSettings
from chat.replay.store import over
from chat.retention.ages import aged
from chat.retention.models import Erasure, PolicyDays
from chat.retention.policy import DAY_MS, Policy, Traces
from chat.retention.purge import before
from chat.tokens.models import ApiToken

#: Days that may be set at most: 100 years.
MAX_DAYS = 36_500


before(Attachment, sharing.let_go)


class UnknownPolicy(ValueError):
    """There is no policy of this name, or it cannot have so many days; the text says what there is."""


def _when(ms: int) -> datetime:
    return datetime.fromtimestamp(max(0, ms) / 1000, UTC)


def _deleted(before: int) -> "QuerySet[Any]":
    return Conversation.objects.filter(deleted_at__isnull=False, deleted_at__lt=before)


def _old(before: int) -> "QuerySet[Any]":
    rows = Conversation.objects.filter(deleted_at__isnull=True, updated_at__lt=before)
    return rows.exclude(run_status__in=sorted(ACTIVE_RUN))


def _tokens(before: int) -> "QuerySet[Any]":
    return ApiToken.objects.filter(Q(expires_at__lt=before) | Q(revoked_at__lt=before))


POLICIES: tuple[Policy, ...] = (
    Policy(
        name="deleted",
        label=_("conversations that their owners have deleted"),
        days=30,
        covers=("chat.Conversation",),
        rows=_deleted,
        least=0,
        conversations=True,
    ),
    Policy(
        name="conversations",
        label=_("conversations in which nothing has happened any more"),
        days=None,
        covers=("chat.Conversation",),
        rows=_old,
        conversations=True,
    ),
    Policy(
        name="attachments",
        label=_("attached files of conversations that stay"),
        days=None,
        covers=("chat.Attachment",),
        rows=lambda before: Attachment.objects.filter(conversation__isnull=False, created_at__lt=before),
    ),
    Policy(
        name="faults",
        label=_("refused requests, with their bodies"),
        days=90,
        covers=("chat.Fault",),
        rows=lambda before: aged(Fault.objects.all(), "created_at", before),
    ),
    Policy(
        name="requests",
        label=_(
            "what requests said beside the history (prompt, tools), by which old requests are made again"
        ),
        days=None,
        covers=("chat.RequestSettings",),
        rows=lambda before: RequestSettings.objects.filter(created_at__lt=before),
    ),
    Policy(
        name="replays",
        label=_("recorded requests that were sent again, with what came of it"),
        days=180,
        covers=("chat.Replay",),
        rows=lambda before: aged(over(), "created_at", before),
    ),
    Policy(
        name="learned",
        label=_("learned rules of models"),
        days=None,
        covers=("agents.LearnedRule",),
        rows=lambda before: LearnedRule.objects.filter(learned_at__lt=before),
    ),
    Policy(
        name="set_aside",
        label=_("rows that raised and were set aside"),
        days=180,
        covers=("chat.QueueFailure",),
        rows=lambda before: QueueFailure.objects.filter(last_at__lt=before),
    ),
    Policy(
        name="tokens",
        label=_("API tokens that have ended or were revoked"),
        days=90,
        covers=("tokens.ApiToken",),
        rows=_tokens,
    ),
    Policy(
        name="logins",
        label=_("logins that have ended"),
        days=1,
        covers=("sessions.Session",),
        rows=lambda before: Session.objects.filter(expire_date__lt=_when(before)),
        least=0,
    ),
    Policy(
        name="log",
        label=_("the log of the admin: who did and read what"),
        days=None,
        covers=("admin.LogEntry",),
        rows=lambda before: aged(LogEntry.objects.all(), "action_time", _when(before)),
        least=30,
    ),
    Policy(
        name="erasures",
        label=_("deletions for good that are over"),
        days=365,
        covers=("retention.Erasure",),
        rows=lambda before: Erasure.objects.filter(ended_at__lt=before, state__in=("over", "failed")),
        least=30,
    ),
)

#: What no age removes, and why.
STAYS: dict[str, str] = {
    "auth.User": "people; deleted one by one, with all that is theirs",
    "auth.Group": "configuration",
    "auth.Permission": "made by Django, one for each kind of row and verb",
    "auth.User_groups": "goes with the user",
    "auth.User_user_permissions": "goes with the user",
    "auth.Group_permissions": "configuration",
    "contenttypes.ContentType": "made by Django, one for each model",
    "agents.Agent": "configuration",
    "agents.ModelProvider": "configuration",
    "agents.ProviderModel": "configuration",
    "agents.AgentFallback": "configuration",
    "agents.ProviderTrial": "five of each agent are kept (agents/serving/trials.py)",
    "agents.Note": "a person's memory; the text of one that was deleted goes at once, its number stays taken",
    "chat.Installation": "one row",
    "telemetry.Tally": "totals, one row for each figure; they name nobody",
    "telemetry.Reading": "one row",
    "retention.PolicyDays": "one row for each policy",
    "retention.Round": "one row",
}
#: Tables of the database that belong to no model, by how their names begin, and why they stay.
TABLES: dict[str, str] = {
    "django_migrations": "which migrations were applied",
    "sqlite_": "SQLite's own",
    "chat_searchtext_fts": "SQLite's index of chat_searchtext, kept by triggers of that table",
}


def policies() -> tuple[Policy, ...]:
    """All of them: the core's, and those of the entrances."""
    return (*POLICIES, *(one for entrance in extensions.entrances() for one in entrance.retention))


def stays() -> dict[str, str]:
    """What no age removes, by model, and why."""
    found = dict(STAYS)
    for entrance in extensions.entrances():
        found |= entrance.stays
    return found


def traces() -> tuple[Traces, ...]:
    """What entrances keep of conversations and people beside what foreign keys lead to."""
    return tuple(one.traces for one in extensions.entrances() if one.traces is not None)


def find(name: str) -> Policy:
    """A policy by its name. Raises UnknownPolicy."""
    for one in policies():
        if one.name == name:
            return one
    raise UnknownPolicy(
        f"There is no policy {name!r}. There are: {', '.join(one.name for one in policies())}."
    )


def days_of() -> dict[str, int | None]:
    """After how many days each policy removes, as it is set now; None: never."""
    found = {one.name: one.days for one in policies()}
    known = PolicyDays.objects.filter(name__in=found).values_list("name", "days")
    return found | dict(known)


def set_days(name: str, days: int | None, now: int) -> bool:
    """Set a policy; whether that changed anything. Raises UnknownPolicy."""
    policy = find(name)
    if days is not None and not policy.least <= days <= MAX_DAYS:
        raise UnknownPolicy(f"{name}: at least {policy.least} days and at most {MAX_DAYS}, or never.")
    if days_of()[name] == days:
        return False
    PolicyDays.objects.update_or_create(name=name, defaults={"days": days, "changed_at": now})
    return True


def due(policy: Policy, days: int | None, now: int) -> "QuerySet[Any] | None":
    """The rows that a policy would remove now; None: it is off."""
    return None if days is None else policy.rows(now - days * DAY_MS)
