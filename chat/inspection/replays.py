"""Replays as a list: who had what sent again, to whom, and what it cost. Each opens on a page of its conversation."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from chat.inspection import base
from chat.inspection.operating import Operator
from chat.inspection.reading import was_read
from chat.models import Replay


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "by_state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Replay.STATES)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(state=self.value()) if self.value() else queryset


@admin.register(Replay)
class ReplayAdmin(base.ReadOnlyAdmin):
    """Only for those who may read conversations."""

    list_display = ("page", "chat", "badge", "to", "by", "asked", "duration", "tokens")
    list_display_links = None
    list_filter = (StateFilter,)
    list_select_related = ("conversation",)
    ordering = ("-id",)
    search_ids = ("conversation_id",)
    search_exact = ("step", "run", "by", "digest")
    search_help_text = _("A step's, run's or conversation's id, or who asked for it.")
    unlisted: ClassVar[Any] = ("steps", "detail")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and Operator(request.user).reads

    fields: ClassVar[Any] = ("page", "chat", "badge", "to", "by", "asked", "duration", "tokens")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Its facts, and the way to the page on which its answers stand beside the recorded ones."""
        row = self.get_object(request, object_id) if self.has_view_permission(request) else None
        if row is not None:
            was_read(request.user, row.conversation, "replay")
        return super().change_view(request, object_id, form_url, extra_context)

    @admin.display(description=_("step"))
    def page(self, row: Replay) -> SafeString:
        return base.link(row.step, "chat_conversation_replayed", row.conversation_id, row.pk)

    @admin.display(description=_("conversation"))
    def chat(self, row: Replay) -> SafeString:
        return base.to_conversation(row)

    @admin.display(description=_("state"))
    def badge(self, row: Replay) -> SafeString:
        return base.badge(row.state, str(row.get_state_display()))

    @admin.display(description=_("sent to"))
    def to(self, row: Replay) -> str:
        return row.target_name

    @admin.display(description=_("asked for (UTC)"))
    def asked(self, row: Replay) -> str:
        return base.time(row.created_at).rpartition(".")[0]

    @admin.display(description=_("took"))
    def duration(self, row: Replay) -> str:
        return base.took(row.started_at, row.ended_at)

    @admin.display(description=_("tokens"))
    def tokens(self, row: Replay) -> str:
        return base.tokens(row)
