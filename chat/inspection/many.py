"""Deleting several conversations for good: chosen in the list, counted on a page that asks, then asked for one by one.

The page names each of them, so nothing goes that came into the list meanwhile. As with one (`helping.ERASE`), it is
only written down here, in SQL: a worker does it, also once Redis is back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from agents.events import ACTIVE_RUN
from chat.inspection import base
from chat.inspection.helping import ERASE
from chat.inspection.operating import Operator
from chat.models import Attachment, Conversation, Message
from chat.retention.rounds import ask_for

#: Conversations that one page takes; by their age more go at a time (the page of retention).
MOST = 500
#: What the confirming page sends besides.
SURE = "sure"


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

    actions: Any = ("erase_many",)

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Whether this reader may delete conversations for good."""
        return Operator(request.user).may(ERASE.wanted, ERASE.permission)

    @admin.action(description=_("Delete for good…"), permissions=["erase"])
    def erase_many(self, request: HttpRequest, queryset: "QuerySet[Conversation]") -> HttpResponse | None:
        """Count and ask; or, from the page that has asked, write it down."""
        rows = list(queryset.order_by("-updated_at", "id")[: MOST + 1])
        if len(rows) > MOST:
            told = _("Nothing was done: {most} conversations at most can be deleted at once. Choose fewer.")
            messages.warning(request, told.format(most=f"{MOST:,}"))
            return None
        if SURE in request.POST:
            self._ask_for(request, rows)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": _("Delete these conversations for good?"),
            "opts": self.opts,
            "rows": rows,
            "facts": counts_of(rows).facts(),
            "explained": _(
                "All of each goes from the database, the storage and Redis, and so does what schedules, triggers and "
                "messengers keep of it. A run that goes on is ended first; what its tools have done stays done. It "
                "cannot be taken back. Backups keep it until they are removed."
            ),
            "button": _("Delete them for good"),
            "no": _("No, take me back"),
            "chosen": ACTION_CHECKBOX_NAME,
            "sure": SURE,
            "back": base.address("chat_conversation_changelist"),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/chat/conversation/erase_many.html", context)

    def _ask_for(self, request: HttpRequest, rows: Sequence[Conversation]) -> None:
        asked = 0
        for row in rows:
            if ask_for("conversation", str(row.pk), request.user)[1]:
                self.log_change(request, row, f"{ERASE.name}.")
                asked += 1
        if asked:
            told = ngettext(
                "A worker deletes %(count)d conversation for good. Retention shows what has become of it.",
                "A worker deletes %(count)d conversations for good. Retention shows what has become of them.",
                asked,
            )
            messages.success(request, told % {"count": asked})
        if rest := len(rows) - asked:
            told = ngettext(
                "%(count)d is being deleted for good already.",
                "%(count)d are being deleted for good already.",
                rest,
            )
            messages.info(request, told % {"count": rest})
