"""Rows of queues that raised, and those that were set aside for it (chat/set_aside.py)."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chat import set_aside
from chat.files.attachments import UNSENT
from chat.inspection import base
from chat.inspection.asking import asks
from chat.models import QueueFailure
from chat.runs.sweeper import SWEEPS

#: The core's own queues; each entrance's admin knows those of the entrance.
OWN = (SWEEPS, UNSENT)


@admin.register(QueueFailure)
class QueueFailureAdmin(base.ReadOnlyAdmin):
    """What was set aside can be tried again, by whoever may change these rows."""

    list_display = ("what", "key", "tries", "aside", "last", "reason")
    list_filter = ("aside", "queue")
    ordering = ("-last_at",)
    search_exact = ("key", "queue")
    search_text = ("reason",)
    search_help_text = _("A row's key, the name of a queue, or words of the reason.")
    actions = ("try_again",)
    fields: ClassVar[Any] = ("what", "queue", "key", "tries", "aside", "reason", "first", "last")

    @admin.display(description=_("what it is"))
    def what(self, row: QueueFailure) -> str:
        return set_aside.label(row.queue)

    @admin.display(description=_("first (UTC)"))
    def first(self, row: QueueFailure) -> str:
        return base.time(row.first_at)

    @admin.display(description=_("last (UTC)"))
    def last(self, row: QueueFailure) -> str:
        return base.time(row.last_at)

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.change_queuefailure")

    @asks(
        _("Try again what was set aside"),
        "try_again",
        _("Try these again?"),
        _(
            "A worker takes those that were set aside once more, as if they had just come. Others are left alone."
        ),
        _("Try them again"),
    )
    def try_again(self, request: HttpRequest, queryset: "QuerySet[QueueFailure]") -> list[QueueFailure]:
        """Those that are not set aside are left alone: they are tried as it is."""
        some = []
        for row in queryset.filter(aside=True):
            key, number = row.key, row.pk
            try:
                set_aside.try_again(row)
            except ValueError as problem:
                messages.error(request, f"{key}: {problem}")
            else:
                row.pk = number  # it is gone, and the log names it
                some.append(row)
        told = ngettext("%(count)d will be tried again.", "%(count)d will be tried again.", len(some))
        messages.info(request, told % {"count": len(some)})
        return some
