"""Conversations: the list, and a page that shows the transcript with its runs and calls."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from agents.events import RunStatus
from agents.models import Agent
from chat import extensions
from chat.inspection import base
from chat.inspection.operating import Operator
from chat.inspection.transcript import transcript
from chat.models import Conversation


class ConversationOwnerFilter(base.TextFilter):
    title = "owner's username"
    parameter_name = "owner_name"
    lookup = "owner__username"


class AgentFilter(admin.SimpleListFilter):
    """The agents there are; reading the names out of all conversations would cost a scan."""

    title = "agent"
    parameter_name = "agent_slug"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Agent.objects.values_list("slug", "name")[:100])

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(agent=self.value()) if self.value() else queryset


class RunStateFilter(admin.SimpleListFilter):
    title = "run state"
    parameter_name = "run_state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, status) for status in RunStatus.__args__] + [("none", "no run")]  # type: ignore[attr-defined]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        match self.value():
            case None:
                return queryset
            case "none":
                return queryset.filter(run_status="")
            case status:
                return queryset.filter(run_status=status)


class EntranceFilter(admin.SimpleListFilter):
    title = "entrance"
    parameter_name = "came_by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(one.name, str(one.label)) for one in extensions.entrances()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(entrance=self.value()) if self.value() else queryset


@admin.register(Conversation)
class ConversationAdmin(base.ReadOnlyAdmin):
    list_display = ("name", "owner", "agent", "run_status", "entrance", "head_seq", "updated", "deleted")
    list_filter = (ConversationOwnerFilter, AgentFilter, RunStateFilter, EntranceFilter)
    list_select_related = ("owner",)
    ordering = ("-updated_at", "id")
    search_ids = ("id",)
    search_exact = ("owner__username",)
    search_text = ("title",)
    search_help_text = "Words of the title, the owner's username, or the conversation's id."
    unlisted = ("info", "run", "window")
    change_form_template = "admin/chat/conversation/change_form.html"
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("id", "title", "owner", "agent", "entrance", "run_status", "tokens")}),
        (
            "Session",
            {"classes": ("collapse",), "fields": ("head_seq", "head_tag", "fence", "info_json", "run_json")},
        ),
        ("Times (UTC)", {"classes": ("collapse",), "fields": ("created", "updated", "deleted")}),
    )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The conversation with its transcript: the newest part, or the one before `?before=<seq>`."""
        before = request.GET.get("before", "")
        context = {
            **(extra_context or {}),
            "title": "Conversation",
            "load_transcript": lambda row: transcript(
                row.pk, Operator(request.user), int(before) if before.isdecimal() else None
            ),
        }
        return super().change_view(request, object_id, form_url, context)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Only here the row is known to exist and the reader to be allowed to see it."""
        load = context.pop("load_transcript", None)
        row = kwargs.get("obj")
        if load is not None and row is not None:
            context["transcript"] = load(row)
            context["links"] = [
                (label, base.address(page, conversation__id__exact=row.pk))
                for label, page in (
                    ("Events", "chat_event_changelist"),
                    ("Runs", "chat_run_changelist"),
                    ("Steps", "chat_step_changelist"),
                    ("Calls", "chat_call_changelist"),
                    ("Messages", "chat_message_changelist"),
                    ("Refused requests", "chat_fault_changelist"),
                )
            ]
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="title")
    def name(self, row: Conversation) -> str:
        return row.title or "(untitled)"

    @admin.display(description="tokens")
    def tokens(self, row: Conversation) -> str:
        return base.tokens(row)

    @admin.display(description="created")
    def created(self, row: Conversation) -> str:
        return base.time(row.created_at)

    @admin.display(description="updated")
    def updated(self, row: Conversation) -> str:
        return base.time(row.updated_at)

    @admin.display(description="deleted")
    def deleted(self, row: Conversation) -> str:
        return base.time(row.deleted_at)

    @admin.display(description="info")
    def info_json(self, row: Conversation) -> SafeString:
        return base.pretty(row.info)

    @admin.display(description="run")
    def run_json(self, row: Conversation) -> SafeString:
        return base.pretty(row.run)
