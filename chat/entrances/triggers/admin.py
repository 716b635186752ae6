"""Triggers in the admin: the secret address, what was seen, and pausing, firing and renewing as actions."""

import secrets
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as lazy

from chat import extensions, set_aside
from chat.entrances.triggers import editing, queues
from chat.entrances.triggers.form import TriggerForm
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.entrances.triggers.store import fire_again
from chat.entrances.triggers.templating import shown
from chat.inspection import base
from chat.inspection.asking import asks
from chat.inspection.operating import NOT_FOR_OTHERS, Operator
from chat.inspection.picking import PicksOthers
from chat.inspection.runs import by_values
from chat.support.clock import now_ms

#: How a trigger stands, for people.
STANDS = {
    "active": lazy("active"),
    "paused": lazy("paused"),
    "expired": lazy("expired"),
    "limit": lazy("limit"),
}


@admin.register(Trigger)
class TriggerAdmin(PicksOthers, base.SecretAdmin):
    """Whoever may change a trigger sees its secret address. A trigger acts for its owner: who may not act for them may
    look, and end it, and no more."""

    form = TriggerForm
    secrets = ("secret", "unsigned")
    paginator = base.BoundedPaginator
    show_facets = admin.ShowFacets.NEVER
    list_display = ("name", "kind", "owner", "stands", "fires", "last", "problem", "maker")
    list_filter = (by_values("kind", ("webhook", "poll", "message", "run")), "paused")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username", "made_by")
    ordering = ("-created_at",)
    autocomplete_fields: ClassVar[Any] = ("owner",)
    readonly_fields = (
        "address",
        "stands",
        "fires",
        "last",
        "checked",
        "look",
        "seen",
        "error",
        "maker",
        "history",
    )
    actions = ("pause", "resume", "fire", "renew")
    fieldsets = (
        (None, {"fields": ("name", "owner", "kind", "paused")}),
        (lazy("What the agent is told"), {"fields": ("prompt", "agent", "conversation")}),
        (
            lazy("What is looked for"),
            {
                "fields": ("path", "match", "pattern"),
                "description": lazy("In the payload of a webhook, in what an address says, or in a message."),
            },
        ),
        (
            lazy("A webhook comes in"),
            {
                "fields": ("address", "sender", "secret", "unsigned", "signature_header", "delivery_header"),
                "description": lazy(
                    "Whoever knows the address may fire the trigger: treat it like a password. POST to it what is to "
                    "be seen. An action of the list makes a new address."
                ),
            },
        ),
        (
            lazy("An address changes"),
            {"fields": ("url", "interval_s", "checked", "look", "seen", "error")},
        ),
        (
            lazy("Somebody says something, or a run has ended"),
            {"fields": ("watched", "speaker", "outcomes", "after_agent", "after_trigger", "after_schedule")},
        ),
        (lazy("Limits"), {"fields": ("cooldown_s", "per_hour", "max_fires", "expires")}),
        (lazy("How it stands"), {"fields": ("stands", "fires", "last", "maker", "history")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Trigger | None = None) -> bool:
        mine = obj is None or Operator(request.user).acts_for(obj.owner_id)
        return super().has_change_permission(request, obj) and mine

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type("Form", (form,), {"by": request.user})

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Trigger | None:
        row: Trigger | None = super().get_object(request, object_id, from_field)
        if row is not None and row.hook and self.has_change_permission(request, row):
            row.shown_address = request.build_absolute_uri(row.hook)  # type: ignore[attr-defined]
        return row

    def save_model(self, request: HttpRequest, obj: Trigger, form: Any, change: bool) -> None:
        now = now_ms()
        if not change:
            obj.created_at = now
        with transaction.atomic():
            editing.store(obj, now)

    @admin.display(description=lazy("address"))
    def address(self, row: Trigger) -> SafeString | str:
        address = getattr(row, "shown_address", "")
        if not address:
            return gettext("Save first: then its secret address stands here.")
        field = '<textarea readonly rows="2" cols="80" aria-label="{}">{}</textarea>'
        return format_html(field, gettext("secret address"), address)

    @admin.display(description=lazy("state"))
    def stands(self, row: Trigger) -> str:
        state = row.state(now_ms())
        return str(STANDS.get(state, state))

    @admin.display(description=lazy("problem"))
    def problem(self, row: Trigger) -> str:
        return row.error if len(row.error) <= 60 else f"{row.error[:59]}…"

    @admin.display(description=lazy("fired last (UTC)"))
    def last(self, row: Trigger) -> str:
        return base.time(row.fired_at)

    @admin.display(description=lazy("looked last (UTC)"))
    def checked(self, row: Trigger) -> str:
        return base.time(row.checked_at)

    @admin.display(description=lazy("next look (UTC)"))
    def look(self, row: Trigger) -> str:
        return base.time(row.next_at) if row.kind == "poll" and row.next_at else "–"

    @admin.display(description=lazy("seen last"))
    def seen(self, row: Trigger) -> SafeString:
        return base.block(row.seen_text[:4_000])

    @admin.display(description=lazy("made by"))
    def maker(self, row: Trigger) -> SafeString | str:
        if not row.made_by:
            return gettext("a person")
        return base.link(
            gettext("agent %(agent)s") % {"agent": row.made_by}, "chat_conversation_change", row.made_in
        )

    @admin.display(description=lazy("history"))
    def history(self, row: Trigger) -> SafeString | str:
        if row._state.adding:
            return "–"
        return base.link(
            gettext("What it has seen"), "triggers_triggerfiring_changelist", trigger__id__exact=row.pk
        )

    @admin.action(description=lazy("Pause"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset: "QuerySet[Trigger]") -> None:
        self._each(request, queryset, paused=True)

    @admin.action(description=lazy("Go on"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: "QuerySet[Trigger]") -> None:
        self._each(request, queryset, paused=False)

    def _theirs(self, request: HttpRequest, queryset: "QuerySet[Trigger]") -> list[Trigger]:
        """Those that may be made to act; of the others it is said that they may not."""
        operator = Operator(request.user)
        rows = list(queryset)
        for row in rows:
            if not operator.acts_for(row.owner_id):
                messages.error(request, f"{row.name}: {NOT_FOR_OTHERS}")
        return [row for row in rows if operator.acts_for(row.owner_id)]

    def _each(self, request: HttpRequest, queryset: "QuerySet[Trigger]", *, paused: bool) -> None:
        count = 0
        rows = queryset.exclude(paused=paused)
        for row in rows if paused else self._theirs(request, rows):
            try:
                editing.change(row.pk, {"paused": paused}, now_ms())
                count += 1
            except editing.InvalidTrigger as problem:
                messages.error(request, f"{row.name}: {problem}")
        told = gettext("%(count)s are paused.") if paused else gettext("%(count)s go on.")
        messages.info(request, told % {"count": count})

    @admin.action(description=lazy("Fire now, to try it"), permissions=["change"])
    def fire(self, request: HttpRequest, queryset: "QuerySet[Trigger]") -> None:
        rows = self._theirs(request, queryset)
        for row in rows:
            editing.fire_now(row.pk, secrets.token_hex(16), now_ms())
        told = gettext("%(count)s will be carried out by a worker; see the firings.")
        messages.info(request, told % {"count": len(rows)})

    @admin.action(description=lazy("Make a new secret address"), permissions=["change"])
    def renew(self, request: HttpRequest, queryset: "QuerySet[Trigger]") -> None:
        rows = self._theirs(request, queryset.filter(kind="webhook"))
        for row in rows:
            editing.renew_address(row.pk, now_ms())
        told = gettext("%(count)s have a new address; the old ones are worth nothing now.")
        messages.info(request, told % {"count": len(rows)})


class TriggerFilter(base.TextFilter):
    """Typed: people have a hundred triggers each, and a list of all would be longer than the page."""

    title = lazy("trigger's id")
    parameter_name = "trigger__id__exact"
    lookup = "trigger"


@admin.register(TriggerFiring)
class TriggerFiringAdmin(base.ReadOnlyAdmin):
    """Everything that was seen, and what came of it."""

    list_display = ("created", "trigger", "outcome", "beginning", "chat", "answer")
    list_filter = (
        by_values("state", tuple(name for name, _ in TriggerFiring.STATES)),
        TriggerFilter,
    )
    list_select_related = ("trigger",)
    ordering = ("-id",)
    ordering_of: ClassVar[Any] = {"trigger__id__exact": ("-created_at",)}
    search_ids = ("trigger_id", "conversation")
    search_exact = ("key", "run", "reason", "message")
    search_help_text = lazy("A trigger's or conversation's id, a run, a key or a reason.")
    unlisted = ("prompt",)
    list_per_page = 25
    actions = ("again",)
    fields: ClassVar[Any] = (
        *("key", "trigger", "state", "reason", "test", "created", "fired", "chat", "answer", "attempts"),
        *("error", "causes", "what", "said"),
    )

    def has_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("triggers.change_triggerfiring")

    @asks(
        lazy("Fire again what did not fire or failed"),
        "again",
        lazy("Fire these again?"),
        lazy(
            "A worker carries out what did not fire or failed, as the trigger is now and whatever its limits say, with "
            "the authority of the trigger's owner. Others are left alone."
        ),
        lazy("Fire them again"),
    )
    def again(self, request: HttpRequest, queryset: "QuerySet[TriggerFiring]") -> list[TriggerFiring]:
        """As the trigger is now, and whatever its limits say. Others are left alone."""
        wanted = queryset.filter(state__in=("skipped", "failed")).select_related("trigger").order_by("pk")
        operator, some = Operator(request.user), []
        rows = list(wanted)
        if any(not operator.acts_for(row.trigger.owner_id) for row in rows):
            messages.error(request, NOT_FOR_OTHERS)
        for row in [row for row in rows if operator.acts_for(row.trigger.owner_id)]:
            if fire_again(row.pk):
                set_aside.went_well(queues.FIRINGS, str(row.pk))
                some.append(row)
        messages.info(request, gettext("%(count)s will be carried out by a worker.") % {"count": len(some)})
        return some

    @admin.display(description=lazy("what came of it"))
    def outcome(self, row: TriggerFiring) -> str:
        by_hand = gettext(", by hand") if row.test else ""
        return f"{row.get_state_display()}{f': {row.reason}' if row.reason else ''}{by_hand}"

    @admin.display(description=lazy("what it saw"))
    def beginning(self, row: TriggerFiring) -> str:
        seen = row.seen or {}
        told = next((seen[name] for name in ("payload", "value", "text", "status") if name in seen), "")
        return shown(told)[:80]

    @admin.display(description=lazy("seen (UTC)"))
    def created(self, row: TriggerFiring) -> str:
        return base.time(row.created_at)

    @admin.display(description=lazy("fired (UTC)"))
    def fired(self, row: TriggerFiring) -> str:
        return base.time(row.fired_at)

    @admin.display(description=lazy("conversation"))
    def chat(self, row: TriggerFiring) -> SafeString | str:
        if row.conversation is None or row.state != "fired":
            return "–"
        return base.link(gettext("Conversation"), "chat_conversation_change", row.conversation)

    @admin.display(description=lazy("run"))
    def answer(self, row: TriggerFiring) -> SafeString | str:
        if not row.run:
            return "–"
        link = base.link(gettext("Run %(run)s") % {"run": row.run[:8]}, "chat_run_changelist", q=row.run)
        failed = extensions.undelivered([row.run]).get(row.run)
        return format_html(gettext("{}, not delivered ({})"), link, failed[:120]) if failed else link

    @admin.display(description=lazy("chain of triggers"))
    def causes(self, row: TriggerFiring) -> str:
        return " → ".join(row.chain)

    @admin.display(description=lazy("what it saw"))
    def what(self, row: TriggerFiring) -> SafeString:
        return base.pretty(row.seen)

    @admin.display(description=lazy("what the agent was told"))
    def said(self, row: TriggerFiring) -> SafeString:
        return base.block(row.prompt)
