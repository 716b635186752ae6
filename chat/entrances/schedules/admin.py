"""Schedules in the admin: a form with the same checks as the API, the next times, what became of each due time, and the
results that are to be delivered."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from agents.models import Agent
from agents.tools.texts import fit
from chat.admin import base
from chat.clock import machine_ms, wall_ms
from chat.entrances.schedules import book
from chat.entrances.schedules.draft import Delivery, Draft, Invalid, check
from chat.entrances.schedules.due import MAX_MOST
from chat.entrances.schedules.models import Schedule, ScheduleDelivery, ScheduleFiring
from chat.entrances.schedules.plan import SECOND, is_zone, shown, upcoming
from chat.firing import MAX_PROMPT, REFUSALS

#: Where a problem of a draft is shown in the form.
FIELDS = {"at": "at_text", "ends_at": "ends_text", "delivery": "deliver_address"}
WRITTEN = "Like 2026-11-26T09:00, by the clock of the time zone, or with an offset: 2026-11-26T09:00+01:00."


class ScheduleForm(forms.ModelForm):
    """A draft, and the owner. Fields that a kind does not use are passed over."""

    #: Who fills it in; set by the admin.
    by: Any = None
    prompt = forms.CharField(
        max_length=MAX_PROMPT, widget=forms.Textarea, help_text="What the agent is told each time."
    )
    agent = forms.ChoiceField(required=False)
    most = forms.IntegerField(
        label="At most",
        min_value=1,
        max_value=MAX_MOST,
        initial=10,
        help_text="Where all missed runs are made up for: the newest so many.",
    )
    every_s = forms.IntegerField(
        label="Every (seconds)",
        required=False,
        min_value=0,
        max_value=10**9,
        help_text="Of an interval; by elapsed time.",
    )
    at_text = forms.CharField(
        label="At",
        required=False,
        max_length=40,
        help_text=f"Of “once”, or the first time of an interval. {WRITTEN}",
    )
    ends_text = forms.CharField(
        label="Ends at", required=False, max_length=40, help_text=f"Nothing is due after this. {WRITTEN}"
    )
    deliver_kind = forms.ChoiceField(
        label="Deliver results to",
        required=False,
        choices=[
            ("", "nobody: they are in the conversation"),
            ("email", "e-mail"),
            ("feishu", "Feishu chat"),
        ],
    )

    class Meta:
        model = Schedule
        fields = (
            *("owner", "name", "prompt", "agent", "kind", "cron", "zone"),
            *("missed", "most", "place", "conversation", "deliver_kind", "deliver_address"),
        )
        help_texts: ClassVar = {
            "name": "Empty: made from the prompt.",
            "cron": "Minute, hour, day of month, month, day of week, like 0 9 * * MON-FRI.",
            "zone": "Of the IANA list, like Europe/Berlin or Asia/Shanghai.",
            "conversation": "Id of the owner's conversation to go to each time; empty: one of its own is made.",
            "deliver_address": "A mailbox, or app:chat as in bot:oc_0123456789.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        slugs = [(agent.slug, agent.name) for agent in Agent.objects.filter(enabled=True)]
        row = self.instance
        if row.agent and row.agent not in dict(slugs):
            slugs.append((row.agent, f"{row.agent} (switched off)"))
        self.fields["agent"].choices = [("", "the default agent"), *slugs]  # type: ignore[attr-defined]
        self.fields["name"].required = False
        if not row._state.adding:
            zone = row.zone if is_zone(row.zone) else "UTC"
            self.initial.update(
                {
                    "every_s": row.every_ms // SECOND or None,
                    "at_text": _written(row.at or None, zone),
                    "ends_text": _written(row.ends_at, zone),
                }
            )
            self.fields["owner"].disabled = True

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        kind = cleaned["deliver_kind"]
        draft = Draft(
            **{name: cleaned[name] for name in ("name", "prompt", "agent", "kind", "cron", "zone")},
            **{name: cleaned[name] for name in ("missed", "most", "place", "conversation")},
            every_s=cleaned["every_s"] or 0,
            at=cleaned["at_text"] or None,
            ends_at=cleaned["ends_text"] or None,
            delivery=Delivery(kind=kind, address=cleaned["deliver_address"]) if kind else None,
        )
        adding = self.instance._state.adding
        stored = None if adding else Schedule.objects.get(pk=self.instance.pk)
        self.checked, found = check(cleaned["owner"], draft, wall_ms(), old=stored, by=self.by)
        for field, problem in found.items():
            name = FIELDS.get(field, field)
            self.add_error(name if name in self.fields else None, problem.detail)
        return cleaned

    def _post_clean(self) -> None:
        """The row comes from the check, not from the fields."""

    def save(self, commit: bool = True) -> Schedule:
        self.instance = self.checked
        if commit:
            self.instance.save()
        return self.instance

    def save_m2m(self) -> None:
        """There is none."""


def _written(moment: int | None, zone: str) -> str:
    return shown(moment, zone).replace(" ", "T", 1).replace(" ", "") if moment is not None else ""


@admin.register(Schedule)
class ScheduleAdmin(admin.ModelAdmin):
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

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type("Form", (form,), {"by": request.user})

    @admin.display(description="when")
    def timing(self, row: Schedule) -> str:
        match row.kind:
            case "cron":
                return f"{row.cron} ({row.zone})"
            case "interval":
                return f"every {row.every_ms // SECOND:,} s"
        return shown(row.at, row.zone)

    @admin.display(description="next")
    def next_one(self, row: Schedule) -> str:
        due = row.next_at if row.state == "active" else None
        return shown(due, row.zone) if due is not None else "–"

    @admin.display(description="paused because")
    def why(self, row: Schedule) -> str:
        return REFUSALS.get(row.problem, row.problem) or "–"

    @admin.display(description="next five times")
    def next_times(self, row: Schedule) -> SafeString | str:
        if row.next_at is None or row.state != "active":
            return "–"
        found = upcoming(row.plan, row.next_at - 1)
        return format_html_join("", "{} {}<br>", ((shown(moment, row.zone), row.zone) for moment in found))

    @admin.display(description="last run")
    def last(self, row: Schedule) -> str:
        newest = row.firings.exclude(state="skipped").order_by("-due").first()
        return "–" if newest is None else f"{newest.outcome or newest.get_state_display()}"

    @admin.display(description="always goes to")
    def home(self, row: Schedule) -> SafeString | str:
        return base.link(row.home, "chat_conversation_change", row.home) if row.home else "–"

    @admin.display(description="history")
    def history(self, row: Schedule) -> SafeString | str:
        if row._state.adding:
            return "–"
        return base.link("runs", "chat_schedulefiring_changelist", schedule=str(row.pk))

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: "QuerySet[Schedule]") -> None:
        for row in queryset:
            book.pause(row)

    @admin.action(description="Resume", permissions=["change"])
    def go_on(self, request: HttpRequest, queryset: "QuerySet[Schedule]") -> None:
        for row in queryset:
            try:
                book.resume(row)
            except Invalid as refusal:
                messages.error(request, f"{row}: {refusal}")

    @admin.action(description="Run now", permissions=["change"])
    def run_now(self, request: HttpRequest, queryset: "QuerySet[Schedule]") -> None:
        for row in queryset:
            try:
                book.run_now(row)
            except book.TooMany as refusal:
                messages.error(request, f"{row}: {refusal}")
            else:
                messages.info(request, f"{row} runs within a few seconds.")


class ScheduleFilter(base.TextFilter):
    title = "schedule's id"
    parameter_name = "schedule"
    lookup = "schedule"


@admin.register(ScheduleFiring)
class ScheduleFiringAdmin(base.ReadOnlyAdmin):
    list_display = ("due_at", "of", "manual", "state", "outcome", "chat", "what", "delivered")
    list_filter = ("state", "outcome", ScheduleFilter)
    list_select_related = ("schedule", "delivery")
    ordering = ("-due",)
    search_ids = ("schedule_id", "conversation")
    search_exact = ("run", "message")
    fields: ClassVar[Any] = (
        *("schedule", "due_at", "manual", "state", "outcome", "detail", "chat", "run_link", "message"),
        *("attempts", "received", "begun", "ended", "delivered"),
    )

    @admin.display(description="due")
    def due_at(self, row: ScheduleFiring) -> str:
        return shown(row.due, row.schedule.zone)

    @admin.display(description="schedule")
    def of(self, row: ScheduleFiring) -> SafeString:
        return base.link(fit(row.schedule.name, 30), "chat_schedule_change", row.schedule_id)

    @admin.display(description="detail")
    def what(self, row: ScheduleFiring) -> str:
        return fit(row.detail, 80)

    @admin.display(description="conversation")
    def chat(self, row: ScheduleFiring) -> SafeString | str:
        if row.conversation is None:
            return "–"
        return base.link(f"{str(row.conversation)[:8]}…", "chat_conversation_change", row.conversation)

    @admin.display(description="run")
    def run_link(self, row: ScheduleFiring) -> SafeString | str:
        return base.link(row.run, "chat_run_changelist", q=row.run) if row.run else "–"

    @admin.display(description="received (UTC)")
    def received(self, row: ScheduleFiring) -> str:
        return base.time(row.created_at)

    @admin.display(description="begun (UTC)")
    def begun(self, row: ScheduleFiring) -> str:
        return base.time(row.fired_at)

    @admin.display(description="over (UTC)")
    def ended(self, row: ScheduleFiring) -> str:
        return base.time(row.over_at)

    @admin.display(description="result")
    def delivered(self, row: ScheduleFiring) -> SafeString | str:
        delivery = getattr(row, "delivery", None)
        if delivery is None:
            return "–"
        return base.link(delivery.state, "chat_scheduledelivery_change", delivery.pk)


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

    @admin.display(description="made (UTC)")
    def created(self, row: ScheduleDelivery) -> str:
        return base.time(row.created_at)

    @admin.display(description="handed over (UTC)")
    def sent(self, row: ScheduleDelivery) -> str:
        return base.time(row.sent_at)

    @admin.display(description="text")
    def content(self, row: ScheduleDelivery) -> str:
        return base.block(row.text)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.change_scheduledelivery")

    @admin.action(description="Send again what was given up", permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: "QuerySet[ScheduleDelivery]") -> None:
        """Put dead letters back into the outbox, for another day. Those that are not dead are left alone."""
        dead = queryset.filter(state="dead")
        count = dead.update(state="pending", attempts=0, next_at=0, error="", created_at=machine_ms())
        messages.info(request, f"{count} will be sent again.")
