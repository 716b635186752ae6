"""The page that says what is removed after how long, how much that would be now, and how far the work is.

look                           retention.view_policydays
set days, begin a round now    retention.change_policydays; a page in between says how much would go, and asks
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from chat.inspection import base
from chat.retention.models import OPEN, Erasure, PolicyDays, Round
from chat.retention.policy import Policy
from chat.retention.rounds import STRAYS, ask_for_round
from chat.retention.table import MAX_DAYS, days_of, due, policies, set_days
from chat.support.clock import now_ms, wall_ms

VIEW, CHANGE_DAYS = "retention.view_policydays", "retention.change_policydays"
#: Rows that are counted of one policy, and erasures that are shown.
MAX_COUNTED = 10_000
MAX_SHOWN = 20


class DaysForm(forms.Form):
    """After how many days each policy removes; an empty field: never."""

    def __init__(self, *args: Any, days: dict[str, int | None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for one in policies():
            self.fields[one.name] = forms.IntegerField(
                required=False,
                min_value=one.least,
                max_value=MAX_DAYS,
                initial=days[one.name],
                label=str(one.label),
                widget=forms.NumberInput(
                    attrs={"class": "vIntegerField", "placeholder": pgettext("days", "never")}
                ),
            )


def retention(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """The page. By POST: `check` asks once more with the new counts, `save` sets the days, `now` begins a round."""
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    days = days_of()
    may = request.user.has_perm(CHANGE_DAYS)
    form = DaysForm(request.POST if request.method == "POST" else None, days=days)
    asked = ""
    if request.method == "POST":
        if not may:
            raise PermissionDenied
        if form.is_valid():
            wanted = {one.name: form.cleaned_data[one.name] for one in policies()}
            if "save" in request.POST or "now" in request.POST:
                _set(request, wanted)
                if "now" in request.POST:
                    _begin(request)
                return HttpResponseRedirect(reverse("admin:retention", current_app=site.name))
            asked, days = "yes", wanted
    now = wall_ms()
    context = {
        **site.each_context(request),
        "title": _("Delete by these rules?") if asked else _("Retention"),
        "rows": [_row(one, form, days[one.name], now) for one in policies()],
        "may": may,
        "asked": asked,
        "round": _round(),
        "erasures": _erasures(),
        "form": form,
        "back": reverse("admin:retention", current_app=site.name),
        "words": _words(),
    }
    request.current_app = site.name
    return TemplateResponse(request, "admin/chat/retention.html", context)


def _row(policy: Policy, form: DaysForm, days: int | None, now: int) -> dict[str, Any]:
    rows = due(policy, days, now)
    count = 0 if rows is None else rows.order_by()[:MAX_COUNTED].count()
    more = _(" or more") if count == MAX_COUNTED else ""
    usual = pgettext("days", "never") if policy.days is None else f"{policy.days}"
    return {
        "label": policy.label,
        "name": policy.name,
        "field": form[policy.name],
        "days": pgettext("days", "never") if days is None else f"{days}",
        "usual": usual,
        "count": "–" if rows is None else f"{count:,}{more}",
    }


def _set(request: HttpRequest, wanted: dict[str, int | None]) -> None:
    kind = ContentType.objects.get_for_model(PolicyDays).pk
    by: Any = request.user.pk
    before = days_of()
    changed = 0
    for name, days in wanted.items():
        if set_days(name, days, now_ms()):
            changed += 1
            said = f"{before[name] if before[name] is not None else 'never'} → {days if days is not None else 'never'}"
            LogEntry.objects.create(
                user_id=by,
                content_type_id=kind,
                object_id=name,
                object_repr=name,
                action_flag=CHANGE,
                change_message=f"Days: {said}.",
            )
    if changed:
        messages.success(request, _("{count} policies were changed.").format(count=changed))


def _begin(request: HttpRequest) -> None:
    ask_for_round()
    by: Any = request.user.pk
    LogEntry.objects.create(
        user_id=by,
        content_type_id=ContentType.objects.get_for_model(Round).pk,
        object_id="1",
        object_repr="round",
        action_flag=CHANGE,
        change_message="Begun by hand.",
    )
    messages.success(request, _("A worker begins within seconds."))


def _round() -> dict[str, Any]:
    row = Round.objects.filter(number=1).first() or Round()
    labels = {one.name: one.label for one in policies()} | {STRAYS: _("files that nothing names")}
    return {
        "at_work": row.claimed_until > now_ms(),
        "policy": labels.get(row.policy, ""),
        "started": _second(row.started_at or None),
        "ended": _second(row.ended_at or None),
        "error": row.error,
        "removed": [(labels.get(name, name), f"{count:,}") for name, count in row.removed.items() if count],
    }


def _erasures() -> list[dict[str, Any]]:
    newest = Erasure.objects.select_related("asked_by").order_by("-pk")
    open_ones = list(newest.filter(OPEN)[:MAX_SHOWN])
    rows = open_ones + list(newest.exclude(OPEN)[: MAX_SHOWN - len(open_ones)])
    return [
        {
            "kind": row.get_kind_display(),
            "key": row.key,
            "state": row.get_state_display(),
            "badge": {"over": "finished", "failed": "failed"}.get(row.state, "running"),
            "done": f"{row.done:,} / {row.total:,}",
            "by": row.asked_by or "–",
            "asked": _second(row.asked_at),
            "ended": _second(row.ended_at),
            "error": row.error,
        }
        for row in rows
    ]


def _second(ms: int | None) -> str:
    """A time to the second, in UTC."""
    return base.time(ms).rpartition(".")[0] or base.time(ms)


def _words() -> dict[str, Any]:
    return {
        "about": _(
            "Workers remove what is older than this, every hour, a few rows at a time. An empty field means never. "
            "What would go now is counted before anything is changed."
        ),
        "what": _("What goes"),
        "days": _("after days"),
        "usual": _("as delivered"),
        "count": _("would go now"),
        "check": _("Count and ask…"),
        "save": _("Save these rules"),
        "now": _("Save, and remove now"),
        "no": _("No, take me back"),
        "sure": _(
            "So many rows would go by these rules. What is removed cannot be brought back, except from a backup."
        ),
        "round": _("The latest round"),
        "started": _("begun (UTC)"),
        "ended": _("ended (UTC)"),
        "working_now": _("a worker is at it"),
        "nothing": _("It removed nothing."),
        "erasures": _("Deleted for good"),
        "none": _("Nothing was asked for yet. A conversation's page and a user's page have the button."),
        "kind": _("what"),
        "key": _("id"),
        "state": _("state"),
        "done": _("conversations"),
        "by": _("asked for by"),
        "asked": _("asked (UTC)"),
        "error": _("why it waits, or failed"),
    }
