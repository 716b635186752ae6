"""Deleting several conversations for good: chosen in the list, counted on a page that asks, then asked for one by one.

As with one (`helping.ERASE`), it is only written down here, in SQL: a worker does it, also once Redis is back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from agents.events import ACTIVE_RUN
from chat.inspection.asking import asks
from chat.inspection.helping import ERASE
from chat.inspection.operating import Operator
from chat.models import Attachment, Conversation, Message
from chat.retention.rounds import ask_for


@dataclass(frozen=True)
class Counts:
    """What goes."""

    conversations: int
    at_work: int
    events: int
    messages: int
    files: int
    bytes: int

    def facts(self) -> list[tuple[str, str]]:
        """For people."""
        files = f"{self.files:,} ({self.bytes:,} B)" if self.files else "0"
        return [
            (gettext("Conversations"), f"{self.conversations:,}"),
            (gettext("of these with a run that goes on"), f"{self.at_work:,}"),
            (gettext("Events"), f"{self.events:,}"),
            (gettext("Messages"), f"{self.messages:,}"),
            (gettext("Files"), files),
        ]


def counts_of(rows: Sequence[Conversation]) -> Counts:
    """What goes with these conversations. Asks SQL."""
    keys = [row.pk for row in rows]
    files = Attachment.objects.filter(conversation__in=keys)
    return Counts(
        len(rows),
        sum(row.run_status in ACTIVE_RUN for row in rows),
        sum(row.head_seq for row in rows),
        Message.objects.filter(conversation__in=keys).count(),
        files.count(),
        files.aggregate(size=Sum("size"))["size"] or 0,
    )


class ErasesMany(admin.ModelAdmin):
    """A conversation's admin whose list can have several deleted for good. Name it before ReadOnlyAdmin."""

    actions: Any = ("erase",)

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Whether this reader may delete conversations for good."""
        return Operator(request.user).may(ERASE.wanted, ERASE.permission)

    @asks(
        _("Delete for good…"),
        "erase",
        _("Delete these conversations for good?"),
        _(
            "All of each goes from the database, the storage and Redis, and so does what schedules, triggers and "
            "messengers keep of it. A run that goes on is ended first; what its tools have done stays done. It "
            "cannot be taken back. Backups keep it until they are removed."
        ),
        _("Delete them for good"),
        lambda rows: counts_of(rows).facts(),
    )
    def erase(self, request: HttpRequest, queryset: "QuerySet[Conversation]") -> list[Conversation]:
        """Write down that each is to be deleted; a worker does it. Those that are asked for already are left alone."""
        rows = list(queryset)
        asked = [row for row in rows if ask_for("conversation", str(row.pk), request.user)[1]]
        if asked:
            told = ngettext(
                "A worker deletes %(count)d conversation for good. Retention shows what has become of it.",
                "A worker deletes %(count)d conversations for good. Retention shows what has become of them.",
                len(asked),
            )
            messages.success(request, told % {"count": len(asked)})
        if rest := len(rows) - len(asked):
            told = ngettext(
                "%(count)d is being deleted for good already.",
                "%(count)d are being deleted for good already.",
                rest,
            )
            messages.info(request, told % {"count": rest})
        return asked
