"""Conversations: the list, and a page that shows the transcript with its runs and calls."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from agents.models import Agent
from chat import extensions
from chat.http.files import served
from chat.inspection import base
from chat.inspection.file_pages import EXPORT, FilesAdmin
from chat.inspection.filters import DateFilter, NeedsFilter
from chat.inspection.finding import find
from chat.inspection.help_pages import HelpedAdmin
from chat.inspection.helping import ERASE, REBUILD
from chat.inspection.import_page import ImportAdmin, may_import
from chat.inspection.live import STATES, LiveAdmin, live
from chat.inspection.many import ErasesMany
from chat.inspection.moments import MomentsAdmin
from chat.inspection.operating import Operator
from chat.inspection.reading import was_read
from chat.inspection.replay_page import ReplaysAdmin
from chat.inspection.sent_page import SentAdmin
from chat.inspection.transcript import transcript
from chat.models import Attachment, Conversation


class ConversationOwnerFilter(base.TextFilter):
    title = _("owner's username")
    parameter_name = "owner_name"
    lookup = "owner__username"


class AgentFilter(admin.SimpleListFilter):
    """The agents there are; reading the names out of all conversations would cost a scan."""

    title = _("agent")
    parameter_name = "agent_slug"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Agent.objects.values_list("slug", "name")[:100])

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(agent=self.value()) if self.value() else queryset


class RunStateFilter(admin.SimpleListFilter):
    title = _("run state")
    parameter_name = "run_state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*STATES.items(), ("none", str(_("no run")))]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        match self.value():
            case None:
                return queryset
            case "none":
                return queryset.filter(run_status="")
            case status:
                return queryset.filter(run_status=status)


class EntranceFilter(admin.SimpleListFilter):
    title = _("entrance")
    parameter_name = "came_by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(one.name, str(one.label)) for one in extensions.entrances()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(entrance=self.value()) if self.value() else queryset


#: What the page says beside its rows.
WORDS = {
    "transcript": _("Transcript"),
    "older": _("Older"),
    "newest": _("Newest"),
    "nothing": _("Nothing was said yet."),
    "rows": _("Rows of this conversation"),
}


@admin.register(Conversation)
class ConversationAdmin(
    HelpedAdmin,
    ErasesMany,
    FilesAdmin,
    MomentsAdmin,
    SentAdmin,
    ReplaysAdmin,
    ImportAdmin,
    LiveAdmin,
    base.ReadOnlyAdmin,
):
    helps = (REBUILD, ERASE)
    list_display = ("name", "owner", "by", "badge", "events", "used", "last")
    list_filter = (
        NeedsFilter, RunStateFilter, DateFilter, AgentFilter, EntranceFilter, ConversationOwnerFilter,
    )  # fmt: skip
    list_select_related = ("owner",)
    ordering = ("-updated_at", "id")
    search_help_text = _(
        "An id of a call (ours or the provider's), a run, a message or the conversation; the owner's username; words "
        "of messages, answers, tools' results or errors. A whole error message may be pasted."
    )
    unlisted = ("info", "run", "window")
    change_form_template = "admin/chat/conversation/change_form.html"
    change_list_template = "admin/chat/conversation/change_list.html"
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("id", "title", "owner", "agent", "entrance", "badge", "tokens")}),
        (
            _("Session"),
            {"classes": ("collapse",), "fields": ("head_seq", "head_tag", "fence", "info_json", "run_json")},
        ),
        (_("Times (UTC)"), {"classes": ("collapse",), "fields": ("created", "updated", "deleted")}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        return find(queryset, search_term), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, with a way to the import for whoever may."""
        shown = {"import": base.address("chat_conversation_import"), "label": _("Import…")}
        links = shown if may_import(request) else {}
        return super().changelist_view(request, {**(extra_context or {}), "import_links": links})

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.file)
        own = path("<uuid:object_id>/file/<uuid:file>/", view, name="chat_conversation_file")
        return [own, *super().get_urls()]

    def file(self, request: HttpRequest, object_id: UUID, file: UUID) -> HttpResponse:
        """A file of this conversation, for whoever may read it."""
        row = Attachment.objects.filter(id=file, conversation=object_id).first()
        if not (self.has_view_permission(request) and Operator(request.user).reads):
            raise PermissionDenied
        if row is not None and row.conversation is not None:
            was_read(request.user, row.conversation, "files")
        if row is None or (response := served(row)) is None:
            raise Http404
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The conversation with its transcript: the newest part, or the one before `?before=<seq>`."""
        before = request.GET.get("before", "")
        context = {
            **(extra_context or {}),
            "title": _("Conversation"),
            "words": WORDS,
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
                    (_("Events"), "chat_event_changelist"),
                    (_("Runs"), "chat_run_changelist"),
                    (_("Steps"), "chat_step_changelist"),
                    (_("Calls"), "chat_call_changelist"),
                    (_("Messages"), "chat_message_changelist"),
                    (_("Refused requests"), "chat_fault_changelist"),
                )
            ]
            moment = base.address("chat_conversation_moment", row.pk, row.head_seq)
            context["links"].insert(1, (_("As it was"), moment))
            context["links"].append((_("Redis beside SQL"), base.address("chat_conversation_redis", row.pk)))
            if Operator(request.user).may("export", EXPORT):
                for form, label in (("json", _("Export: JSON")), ("md", _("Export: Markdown"))):
                    context["links"].append((label, base.address("chat_conversation_export", row.pk, form)))
            context["actions"] = self.help_links(request, row)
            was_read(request.user, row, "transcript")
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("title"))
    def name(self, row: Conversation) -> str:
        return row.title or str(_("(untitled)"))

    @admin.display(description=_("agent"))
    def by(self, row: Conversation) -> SafeString:
        return format_html("{} <small>{}</small>", row.agent, row.entrance)

    @admin.display(description=_("events"))
    def events(self, row: Conversation) -> str:
        return f"{row.head_seq:,}"

    @admin.display(description=_("last event (UTC)"))
    def last(self, row: Conversation) -> str:
        return base.time(row.updated_at).rpartition(".")[0] or base.time(row.updated_at)

    @admin.display(description=_("state"))
    def badge(self, row: Conversation) -> SafeString:
        return live(row)

    @admin.display(description=_("tokens"))
    def used(self, row: Conversation) -> str:
        return f"{row.input_tokens + row.output_tokens:,}{base.cost(row.cost)}"

    @admin.display(description=_("tokens"))
    def tokens(self, row: Conversation) -> str:
        return base.tokens(row)

    @admin.display(description=_("created"))
    def created(self, row: Conversation) -> str:
        return base.time(row.created_at)

    @admin.display(description=_("updated"))
    def updated(self, row: Conversation) -> str:
        return base.time(row.updated_at)

    @admin.display(description=_("deleted"))
    def deleted(self, row: Conversation) -> str:
        return base.time(row.deleted_at)

    @admin.display(description=_("info"))
    def info_json(self, row: Conversation) -> SafeString:
        return base.pretty(row.info)

    @admin.display(description=_("run"))
    def run_json(self, row: Conversation) -> SafeString:
        return base.pretty(row.run)
