"""The page of a conversation as it was after one event, beside what it was at another moment."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from chat.inspection import base, timetravel
from chat.inspection.operating import Operator
from chat.inspection.reading import was_read
from chat.models import Conversation

#: Differences that a page lists, and characters of each value.
MAX_CHANGES = 500
MAX_VALUE = 500

WORDS = {
    "event": _("The event"),
    "changed": _("What differs"),
    "same": _("Nothing differs."),
    "where": _("where"),
    "before": _("before"),
    "after": _("after"),
    "state": _("The whole state"),
    "other": _("compared with the state after event"),
    "seq": _("State after event"),
    "show": _("Show"),
    "earlier": _("Earlier"),
    "later": _("Later"),
    "events": _("All events"),
    "more": _("Only the first of them are listed."),
    "absent": _("not there"),
}


class MomentsAdmin(admin.ModelAdmin):
    """A conversation's admin with a page for each moment of it."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.moment)
        return [
            path("<uuid:object_id>/at/<int:seq>/", view, name="chat_conversation_moment"),
            *super().get_urls(),
        ]

    def moment(self, request: HttpRequest, object_id: UUID, seq: int) -> HttpResponse:
        """The state after event `seq`, and what differs from that after `?other=` (by itself: the event before)."""
        if not (self.has_view_permission(request) and Operator(request.user).reads):
            raise PermissionDenied
        row = Conversation.objects.filter(pk=object_id).first()
        if row is None:
            raise Http404
        was_read(request.user, row, "moment")
        seq = min(seq, row.head_seq)
        asked = request.GET.get("other", "")
        other = (
            min(int(asked[:18]), row.head_seq) if asked.isascii() and asked.isdecimal() else max(0, seq - 1)
        )
        context = {
            **self.admin_site.each_context(request),
            "title": _("The conversation as it was"),
            "opts": self.opts,
            "row": row,
            "seq": seq,
            "other": other,
            "head": row.head_seq,
            "words": WORDS,
            "told": self._event(row, seq),
            **self._states(row, other, seq),
            "earlier": base.address("chat_conversation_moment", row.pk, seq - 1) if seq > 0 else None,
            "later": base.address("chat_conversation_moment", row.pk, seq + 1)
            if seq < row.head_seq
            else None,
            "events": base.address("chat_event_changelist", conversation__id__exact=row.pk),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/chat/conversation/moment.html", context)

    def _event(self, row: Conversation, seq: int) -> dict[str, Any] | None:
        event = row.events.filter(seq=seq).first()
        if event is None:
            return None
        facts = (
            (_("type"), event.type),
            (_("version"), event.version),
            (_("decided (UTC)"), base.time(event.at)),
            (_("tag"), event.tag),
            (_("command"), event.command or "–"),
        )
        return {"facts": facts, "json": base.pretty(event.text)}

    def _states(self, row: Conversation, other: int, seq: int) -> dict[str, Any]:
        try:
            before, after = timetravel.states_at(row.pk, other, seq)
        except timetravel.TooFar:
            far = _("More than {count} events lie before this moment: that is too far for a page.")
            return {"problem": far.format(count=f"{timetravel.MAX_FOLDED:,}")}
        changes = timetravel.difference(before, after)
        return {
            "changes": [described(change) for change in changes[:MAX_CHANGES]],
            "more": len(changes) > MAX_CHANGES,
            "state": base.pretty(dict(after)),
        }


def described(change: timetravel.Change) -> dict[str, Any]:
    """A difference for a table."""
    return {
        "path": change.path,
        "before": _value(change.before) if change.had else None,
        "after": _value(change.after) if change.has else None,
    }


def _value(value: Any) -> SafeString:
    text = value if isinstance(value, str) else base.compact(value)
    return base.block(text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…")
