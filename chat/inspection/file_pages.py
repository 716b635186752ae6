"""A conversation beside its session in Redis, and as a file: pages of the conversation's admin."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.inspection import exports
from chat.inspection.beside import beside
from chat.inspection.moments import MAX_CHANGES, WORDS, described
from chat.inspection.operating import Operator
from chat.inspection.reading import was_read
from chat.models import Conversation
from chat.session.errors import NoConversation

#: By which permission a conversation may be taken out.
EXPORT = "chat.change_conversation"


class FilesAdmin(admin.ModelAdmin):
    """A conversation's admin with its exports, and its session in Redis."""

    def get_urls(self) -> list[Any]:
        wrapped = self.admin_site.admin_view
        return [
            path("<uuid:object_id>/export.<str:form>", wrapped(self.export), name="chat_conversation_export"),
            path("<uuid:object_id>/redis/", wrapped(self.redis), name="chat_conversation_redis"),
            *super().get_urls(),
        ]

    def export(self, request: HttpRequest, object_id: UUID, form: str) -> HttpResponseBase:
        """The conversation as JSON or Markdown, to whoever may take it out; that they did is written down."""
        row = self._readable(request, object_id)
        if not Operator(request.user).may("export", EXPORT):
            raise PermissionDenied
        made = {"json": exports.as_json, "md": exports.as_markdown}.get(form)
        if made is None:
            raise Http404
        self.log_change(request, row, f"Exported: {form}.")
        return made(row)

    def redis(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """What Redis has of the conversation, what SQL has, and what differs."""
        row = self._readable(request, object_id)
        was_read(request.user, row, "redis")
        try:
            found = beside(str(row.pk))
            problem = "" if found is not None else gettext("Redis or the database does not answer.")
        except NoConversation:
            found, problem = None, gettext("The conversation was deleted.")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Redis beside SQL"),
            "opts": self.opts,
            "row": row,
            "problem": problem,
            "words": {**WORDS, "before": _("in SQL"), "after": _("in Redis")},
            "told": _told(found) if found is not None else None,
            "changes": [described(one) for one in found.changes[:MAX_CHANGES]] if found is not None else [],
            "more": found is not None and len(found.changes) > MAX_CHANGES,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/chat/conversation/redis.html", context)

    def _readable(self, request: HttpRequest, object_id: UUID) -> Conversation:
        if not (self.has_view_permission(request) and Operator(request.user).reads):
            raise PermissionDenied
        row = Conversation.objects.select_related("owner").filter(pk=object_id).first()
        if row is None:
            raise Http404
        return row


def _told(found: Any) -> dict[str, Any]:
    if found.live is None:
        verdict = gettext("Redis does not hold this session. Whoever asks next has it rebuilt from SQL.")
    elif found.same:
        verdict = gettext("Both have the same.")
    else:
        verdict = gettext("They differ. While a run is at work this may be so for a moment: look again.")
    return {
        "verdict": verdict,
        "well": found.live is None or found.same,
        "kept": list(found.kept.items()),
        "live": list((found.live or {}).items()),
        "lease": found.lease or "–",
        "heads": {"kept": gettext("SQL"), "live": gettext("Redis"), "lease": gettext("lease")},
    }
