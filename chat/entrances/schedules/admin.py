"""Schedules in the admin: a form with the same checks as the API, the next times, what became of each due time, and the
results that are to be delivered."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as lazy

from agents.tools.texts import fit
from chat import set_aside
from chat.automation.firing import REFUSALS
from chat.entrances.schedules import editing, queues
from chat.entrances.schedules.delivery import arrival
from chat.entrances.schedules.form import ScheduleForm
from chat.entrances.schedules.models import Schedule, ScheduleDelivery, ScheduleFiring
from chat.entrances.schedules.plan import shown, upcoming
from chat.entrances.schedules.validation import InvalidSchedule
from chat.inspection import base
from chat.inspection.asking import asks
from chat.inspection.operating import NOT_FOR_OTHERS, Operator
from chat.inspection.picking import PicksOthers
from chat.support.clock import now_ms
from chat.support.durations import SECOND


@admin.register(Schedule)
class ScheduleAdmin(PicksOthers, admin.ModelAdmin):
    form = ScheduleForm
    list_display = ("name", "owner", "timing", "state", "next_one", "last", "history")
    list_filter = ("state", "kind")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username")
    ordering = ("-created_at",)
    autocomplete_fields: ClassVar[Any] = ("owner",)
    readonly_fields = ("state", "why", "next_times", "home", "history")
    actions = ("pause", "go_on", "run_now")
    fields: ClassVar[Any] = (
        *("owner", "name", "prompt", "agent", "kind", "cron", "every_s", "at_text", "zone", "ends_text"),
        *("missed", "most", "place", "conversation", "deliver_kind", "deliver_address"),
        *("state", "why", "next_times", "home", "history"),
    )

    def has_change_permission(self, request: HttpRequest, obj: Schedule | None = None) -> bool:
        """A schedule acts for its owner: who may not act for them may look, and end it, and no more."""
        mine = obj is None or Operator(request.user).acts_for(obj.owner_id)
        return super().has_change_permission(request, obj) and mine

    def _theirs(self, request: HttpRequest, queryset: "QuerySet[Schedule]") -> list[Schedule]:
        """Those that may be made to act; of the others it is said that they may not."""
        operator = Operator(request.user)
        rows = list(queryset)
        for row in rows:
            if not operator.acts_for(row.owner_id):
                messages.error(request, f"{row}: {NOT_FOR_OTHERS}")
        return [row for row in rows if operator.acts_for(row.owner_id)]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type("Form", (form,), {"by": request.user})

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        """A change goes the way of all changes: under the row's lock, and what was due is decided before."""
        if change:
            editing.change(obj, form.draft, by=request.user)
        else:
            obj.save()

    @admin.display(description=pgettext_lazy("of a schedule", "when"))
    def timing(self, row: Schedule) -> str:
        match row.kind:
            case "cron":
                return f"{row.cron} ({row.zone})"
            case "interval":
                return gettext("every %(seconds)s s") % {"seconds": f"{row.every_ms // SECOND:,}"}
        return shown(row.at, row.zone)

    @admin.display(description=lazy("next"))
    def next_one(self, row: Schedule) -> str:
        due = row.next_at if row.state == "active" else None
        return shown(due, row.zone) if due is not None else "–"

    @admin.display(description=lazy("paused because"))
    def why(self, row: Schedule) -> str:
        return REFUSALS.get(row.problem, row.problem) or "–"

    @admin.display(description=lazy("next five times"))
    def next_times(self, row: Schedule) -> SafeString | str:
        if row.next_at is None or row.state != "active":
            return "–"
        found = upcoming(row.plan, row.next_at - 1)
        return format_html_join("", "{} {}<br>", ((shown(moment, row.zone), row.zone) for moment in found))

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Schedule]":
        """With what became of the last run of each, in the same statement."""
        firings = ScheduleFiring.objects.filter(schedule=OuterRef("pk")).exclude(state="skipped")
        newest = firings.order_by("-due")
        return (
            super()
            .get_queryset(request)
            .annotate(
                last_outcome=Subquery(newest.values("outcome")[:1]),
                last_state=Subquery(newest.values("state")[:1]),
            )
        )

    @admin.display(description=lazy("last run"))
    def last(self, row: Any) -> str:
        if row.last_state is None:
            return "–"
        return str(row.last_outcome or dict(ScheduleFiring.STATES)[row.last_state])

    @admin.display(description=lazy("always goes to"))
    def home(self, row: Schedule) -> SafeString | str:
        return base.link(row.home, "chat_conversation_change", row.home) if row.home else "–"

    @admin.display(description=lazy("history"))
    def history(self, row: Schedule) -> SafeString | str:
        if row._state.adding:
            return "–"
        return base.link(gettext("runs"), "schedules_schedulefiring_changelist", schedule=str(row.pk))

    @admin.action(description=lazy("Pause"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset: "QuerySet[Schedule]") -> None:
        for row in queryset:
            editing.pause(row)

    @admin.action(description=lazy("Resume"), permissions=["change"])
    def go_on(self, request: HttpRequest, queryset: "QuerySet[Schedule]") -> None:
        for row in self._theirs(request, queryset):
            try:
                editing.resume(row)
            except InvalidSchedule as refusal:
                messages.error(request, f"{row}: {refusal}")

    @admin.action(description=lazy("Run now"), permissions=["change"])
    def run_now(self, request: HttpRequest, queryset: "QuerySet[Schedule]") -> None:
        for row in self._theirs(request, queryset):
            try:
                editing.run_now(row)
            except editing.TooManySchedules as refusal:
                messages.error(request, f"{row}: {refusal}")
            else:
                messages.info(request, gettext("%(name)s runs within a few seconds.") % {"name": row})


class ScheduleFilter(base.TextFilter):
    title = lazy("schedule's id")
    parameter_name = "schedule"
    lookup = "schedule"


class OutcomeFilter(base.TextFilter):
    """Typed: it is a run's status or a code, and reading which there are would cost a scan."""

    title = lazy("outcome")
    parameter_name = "outcome"
    lookup = "outcome"


@admin.register(ScheduleFiring)
class ScheduleFiringAdmin(base.ReadOnlyAdmin):
    list_display = ("due_at", "of", "manual", "state", "outcome", "chat", "what", "delivered")
    list_filter = ("state", OutcomeFilter, ScheduleFilter)
    list_select_related = ("schedule", "delivery")
    ordering = ("-due", "id")
    search_ids = ("schedule_id", "conversation")
    search_exact = ("run", "message")
    fields: ClassVar[Any] = (
        *("schedule", "due_at", "manual", "state", "outcome", "detail", "chat", "run_link", "message"),
        *("attempts", "received", "begun", "ended", "delivered"),
    )

    @admin.display(description=lazy("due"))
    def due_at(self, row: ScheduleFiring) -> str:
        return shown(row.due, row.schedule.zone)

    @admin.display(description=lazy("schedule"))
    def of(self, row: ScheduleFiring) -> SafeString:
        return base.link(fit(row.schedule.name, 30), "schedules_schedule_change", row.schedule_id)

    @admin.display(description=lazy("detail"))
    def what(self, row: ScheduleFiring) -> str:
        return fit(row.detail, 80)

    @admin.display(description=lazy("conversation"))
    def chat(self, row: ScheduleFiring) -> SafeString | str:
        if row.conversation is None:
            return "–"
        return base.link(f"{str(row.conversation)[:8]}…", "chat_conversation_change", row.conversation)

    @admin.display(description=lazy("run"))
    def run_link(self, row: ScheduleFiring) -> SafeString | str:
        return base.link(row.run, "chat_run_changelist", q=row.run) if row.run else "–"

    @admin.display(description=lazy("received (UTC)"))
    def received(self, row: ScheduleFiring) -> str:
        return base.time(row.created_at)

    @admin.display(description=lazy("begun (UTC)"))
    def begun(self, row: ScheduleFiring) -> str:
        return base.time(row.fired_at)

    @admin.display(description=lazy("over (UTC)"))
    def ended(self, row: ScheduleFiring) -> str:
        return base.time(row.over_at)

    @admin.display(description=lazy("result"))
    def delivered(self, row: ScheduleFiring) -> SafeString | str:
        delivery = getattr(row, "delivery", None)
        if delivery is None:
            return "–"
        found = arrival(delivery)
        words = str(dict(ScheduleDelivery.STATES).get(found.state, found.state))
        told = f"{words}: {found.error}" if found.error else words
        return base.link(fit(told, 80), "schedules_scheduledelivery_change", delivery.pk)


@admin.register(ScheduleDelivery)
class ScheduleDeliveryAdmin(base.ReadOnlyAdmin):
    list_display = ("id", "subject", "kind", "address", "state", "attempts", "error", "created", "sent")
    list_filter = ("state", "kind")
    ordering = ("-id",)
    search_exact = ("address",)
    unlisted = ("text",)
    actions = ("resend",)
    fields: ClassVar[Any] = (
        *("firing", "kind", "address", "subject", "state", "attempts", "error", "created", "sent", "content"),
    )

    @admin.display(description=lazy("made (UTC)"))
    def created(self, row: ScheduleDelivery) -> str:
        return base.time(row.created_at)

    @admin.display(description=lazy("handed over (UTC)"))
    def sent(self, row: ScheduleDelivery) -> str:
        return base.time(row.sent_at)

    @admin.display(description=lazy("text"))
    def content(self, row: ScheduleDelivery) -> str:
        return base.block(row.text)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("schedules.change_scheduledelivery")

    @asks(
        lazy("Send again what was given up"),
        "resend",
        lazy("Send these again?"),
        lazy(
            "What was given up goes to its address once more, as it is. What was sent, or waits already, is left alone."
        ),
        lazy("Send them again"),
    )
    def resend(self, request: HttpRequest, queryset: "QuerySet[ScheduleDelivery]") -> list[ScheduleDelivery]:
        """Put dead letters back into the outbox, for another day. Those that are not dead are left alone."""
        dead, some = queryset.filter(state="dead"), []
        anew: dict[str, Any] = {"state": "pending", "attempts": 0, "next_at": 0, "error": ""}
        for row in dead:
            set_aside.went_well(queues.DELIVERIES, str(row.pk))
            if dead.filter(pk=row.pk).update(**anew, created_at=now_ms()):
                some.append(row)
        messages.info(request, gettext("%(count)s will be sent again.") % {"count": len(some)})
        return some
