"""Runs, their steps, the calls of these, and the requests that were refused."""

from typing import Any, ClassVar, get_args

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as lazy

from agents.events import CallStatus, Effect, RunStatus, StepStatus
from chat.inspection import base
from chat.inspection.columns import NAMES
from chat.inspection.compare_page import ComparedAdmin
from chat.inspection.help_pages import HelpedAdmin
from chat.inspection.helping import GIVE_UP, OFFER
from chat.inspection.operating import RESTING, Action, Operator
from chat.inspection.pages import OperatedAdmin, approval_of, approve_page, settle_page, stop_page
from chat.inspection.reading import was_read
from chat.inspection.replay_page import SEND, replay_link
from chat.inspection.waterfall_rows import fall_of
from chat.models import Call, Fault, Run, Step


class RunOwnerFilter(base.TextFilter):
    title = lazy("owner's username")
    parameter_name = "owner_name"
    lookup = "conversation__owner__username"


def by_values(field: str, values: tuple[str, ...]) -> type[admin.SimpleListFilter]:
    """A filter over a closed list of values, which costs no query."""

    class ByValues(admin.SimpleListFilter):
        title = NAMES.get(field.replace("_", " "), field)
        parameter_name = f"by_{field}"

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(value, value) for value in values]

        def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
            return queryset.filter(**{field: self.value()}) if self.value() else queryset

    return ByValues


class PartAdmin(base.ReadOnlyAdmin):
    """Rows that belong to a conversation."""

    list_select_related = ("conversation",)
    ordering = ("-id",)
    ordering_of: ClassVar[Any] = {"conversation__id__exact": ("-seq",)}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The row; that a part of somebody's conversation was read is written down."""
        row = self.get_object(request, object_id) if self.has_view_permission(request) else None
        if row is not None:
            was_read(request.user, row.conversation, f"{self.opts.model_name}")
        return super().change_view(request, object_id, form_url, extra_context)

    @admin.display(description=lazy("conversation"))
    def chat(self, row: Any) -> SafeString:
        return base.to_conversation(row)

    @admin.display(description=lazy("started (UTC)"))
    def started(self, row: Any) -> str:
        return base.time(row.started_at)

    @admin.display(description=lazy("ended (UTC)"))
    def ended(self, row: Any) -> str:
        return base.time(row.ended_at)

    @admin.display(description=lazy("took"))
    def duration(self, row: Any) -> str:
        return base.took(row.started_at, row.ended_at)

    @admin.display(description=lazy("tokens"))
    def tokens(self, row: Any) -> str:
        return base.tokens(row)


@admin.register(Run)
class RunAdmin(HelpedAdmin, OperatedAdmin, ComparedAdmin, PartAdmin):
    helps = (OFFER, GIVE_UP)
    list_display = ("run", "chat", "status", "attempt", "worker", "started", "duration", "tokens", "code")
    list_filter = (by_values("status", get_args(RunStatus)), RunOwnerFilter)
    search_ids = ("conversation_id",)
    search_exact = ("run", "cause", "worker", "code")
    search_help_text = lazy("A run's or conversation's id, a worker, or a code.")
    unlisted = ("detail",)
    fields: ClassVar[Any] = (
        *("run", "chat", "seq", "cause", "status", "attempt", "worker", "fence", "stopping", "reason"),
        *("since", "code", "detail", "queued", "started", "ended", "duration", "retry", "tokens", "steps"),
    )

    page = "stop"

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        context["fall"] = fall_of(row) if row is not None else None
        return super().render_change_form(request, context, *args, **kwargs)

    def operate(self, request: HttpRequest, row: Any) -> HttpResponse:
        """The page on which a run is stopped."""
        return stop_page(self, request, row)

    def actions_of(self, request: HttpRequest, row: Any) -> list[Action]:
        operator = Operator(request.user)
        about = [*operator.about_run(row), *self.help_links(request, row)]
        if operator.may("replay", SEND) and (again := replay_link(row)) is not None:
            about.append(again)
        return [*about, self.compare_link(row)] if operator.reads else about

    @admin.display(description=lazy("in this state since (UTC)"))
    def since(self, row: Run) -> str:
        return base.since(row) if row.status in RESTING else "–"

    @admin.display(description=lazy("queued (UTC)"))
    def queued(self, row: Run) -> str:
        return base.time(row.queued_at)

    @admin.display(description=lazy("next try (UTC)"))
    def retry(self, row: Run) -> str:
        return base.time(row.retry_at)

    @admin.display(description=lazy("steps"))
    def steps(self, row: Run) -> SafeString:
        return base.link("Steps of this run", "chat_step_changelist", q=row.run)


@admin.register(Step)
class StepAdmin(PartAdmin):
    list_display = ("step", "chat", "status", "model", "attempt", "tokens", "started", "duration")
    list_filter = (by_values("status", get_args(StepStatus)), RunOwnerFilter)
    search_ids = ("conversation_id",)
    search_exact = ("step", "run")
    search_help_text = lazy("A step's, run's or conversation's id.")
    unlisted = ("body",)
    fields: ClassVar[Any] = (
        *("step", "chat", "to_run", "seq", "status", "open", "attempt", "model", "tokens"),
        *("started", "ended", "duration", "calls", "item"),
    )

    @admin.display(description=lazy("run"))
    def to_run(self, row: Step) -> SafeString:
        return base.link(row.run, "chat_run_changelist", q=row.run)

    @admin.display(description=lazy("calls"))
    def calls(self, row: Step) -> SafeString:
        return base.link("Calls of this step", "chat_call_changelist", q=row.step)

    @admin.display(description=lazy("item"))
    def item(self, row: Step) -> SafeString:
        return base.pretty(row.body)


@admin.register(Call)
class CallAdmin(OperatedAdmin, PartAdmin):
    ordering_of: ClassVar[Any] = {"conversation__id__exact": ("-step", "-ordinal")}
    list_display = ("call", "name", "chat", "status", "effect", "attempt", "worker", "started", "duration")
    list_filter = (
        by_values("status", get_args(CallStatus)),
        by_values("effect", get_args(Effect)),
        RunOwnerFilter,
    )
    search_ids = ("conversation_id",)
    search_exact = ("call", "step", "name", "worker", "provider_id", "code")
    search_help_text = lazy("A call's, step's or conversation's id, the name of a tool, or a worker.")
    unlisted = ("arguments", "result", "preview")
    fields: ClassVar[Any] = (
        *("call", "name", "chat", "to_step", "ordinal", "provider_id", "effect", "status", "attempt"),
        *("fence", "worker", "code", "by", "size", "approval", "started", "ended", "duration"),
        *("arguments_json", "result_text", "preview_text"),
    )

    page = "settle"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.approve)
        return [path("<path:object_id>/approve/", view, name="chat_call_approve"), *super().get_urls()]

    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page on which a call that asks is allowed or refused."""
        row = self.get_object(request, object_id) if self.has_view_permission(request) else None
        if row is None:
            raise PermissionDenied
        return approve_page(self, request, row)

    def operate(self, request: HttpRequest, row: Any) -> HttpResponse:
        """The page on which somebody says what became of a call in doubt."""
        return settle_page(self, request, row)

    def actions_of(self, request: HttpRequest, row: Any) -> list[Action]:
        return Operator(request.user).about_call(row)

    @admin.display(description=lazy("step"))
    def to_step(self, row: Call) -> SafeString:
        return base.link(row.step, "chat_step_changelist", q=row.step)

    @admin.display(description=lazy("approval"))
    def approval(self, row: Call) -> str:
        """Who was asked whether it may run, and what they said (W8); the step's item has it."""
        said = approval_of(row)
        if said is None:
            return "not needed"
        if said["decision"] is None:
            return f"asked at {base.time(said['asked_at'])}, not decided"
        reason = f": {said['note']}" if said["note"] else ""
        return f"{said['decision']} by {said['by'] or 'somebody'} at {base.time(said['decided_at'])}{reason}"

    @admin.display(description=lazy("arguments"))
    def arguments_json(self, row: Call) -> SafeString:
        return base.pretty(row.arguments)

    @admin.display(description=lazy("result"))
    def result_text(self, row: Call) -> SafeString:
        return base.block(row.result)

    @admin.display(description=lazy("preview"))
    def preview_text(self, row: Call) -> SafeString:
        return base.block(row.preview)


@admin.register(Fault)
class FaultAdmin(PartAdmin):
    """Requests that were refused (rule T5): what was sent, what the provider said, and what followed."""

    ordering_of: ClassVar[Any] = {"conversation__id__exact": ("-created_at",)}
    list_display = ("kind", "chat", "model", "profile", "time", "shape", "outcome", "beginning")
    list_filter = (by_values("outcome", tuple(code for code, _ in Fault.OUTCOMES if code)), RunOwnerFilter)
    search_ids = ("conversation_id",)
    search_exact = ("kind", "run", "step", "digest", "model")
    search_text = ("text",)
    search_help_text = lazy(
        "Words of the refusal, its number (E8, V3), a step's, run's or conversation's id, a digest."
    )
    unlisted = ("request",)
    fields: ClassVar[Any] = (
        *("kind", "status", "words", "chat", "to_run", "to_step", "time", "model", "profile", "address"),
        *("shape", "outcome", "digest", "body"),
    )

    @admin.display(description=lazy("at (UTC)"))
    def time(self, row: Fault) -> str:
        return base.time(row.created_at)

    @admin.display(description=lazy("sent as"))
    def shape(self, row: Fault) -> str:
        return "text only" if row.text_only else "whole"

    @admin.display(description=lazy("refusal"))
    def beginning(self, row: Fault) -> str:
        return row.text[:100]

    @admin.display(description=lazy("refusal"))
    def words(self, row: Fault) -> SafeString:
        return base.block(row.text)

    @admin.display(description=lazy("run"))
    def to_run(self, row: Fault) -> SafeString:
        return base.link(row.run, "chat_run_changelist", q=row.run)

    @admin.display(description=lazy("step"))
    def to_step(self, row: Fault) -> SafeString:
        return base.link(row.step, "chat_step_changelist", q=row.step)

    @admin.display(description=lazy("request"))
    def body(self, row: Fault) -> SafeString:
        return base.block(row.request)
