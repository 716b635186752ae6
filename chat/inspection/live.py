"""States of conversations that change while somebody looks at the page: asked for by `holdfast/live.js`."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from chat.inspection import base
from chat.models import Conversation

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as _Base
else:
    _Base = object

#: Conversations of one question: more than a list shows.
MAX_ASKED = 200

#: What people read of a run's status.
STATES: dict[str, Any] = {
    "queued": _("queued"),
    "running": _("running"),
    "waiting": _("waiting"),
    "recovering": _("recovering"),
    "finished": _("finished"),
    "failed": _("failed"),
    "stopped": _("stopped"),
}


def marks(row: Conversation) -> list[tuple[str, str]]:
    """The marks of a conversation: (state, words)."""
    run = row.run_status
    found = [(run, str(STATES.get(run, run)))] if run else []
    return found + ([("deleted", str(_("deleted")))] if row.deleted_at is not None else [])


def live(row: Conversation) -> SafeString:
    """The marks as they are now, in a place that the page's script keeps right."""
    badges = format_html_join(" ", "{}", ((base.badge(*one),) for one in marks(row))) or "–"
    where = base.address("chat_conversation_states")
    return format_html('<span data-hf-live="{}" data-hf-live-at="{}">{}</span>', row.pk, where, badges)


class LiveAdmin(_Base):
    """Gives an admin of conversations the address that is asked for their states."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.states)
        return [path("states/", view, name="chat_conversation_states"), *super().get_urls()]

    def states(self, request: HttpRequest) -> HttpResponse:
        """`?ids=<id>,<id>`: {id: [[state, words]]} of those that the asker may see in the list."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = [id for text in request.GET.get("ids", "").split(",")[:MAX_ASKED] if (id := _uuid(text))]
        rows = self.get_queryset(request).filter(pk__in=asked).only("run_status", "deleted_at")
        return JsonResponse({str(row.pk): marks(row) for row in rows})


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
