"""The page that says how the installation does: runs, waits, errors, workers and queue, drawn on the server."""

import asyncio
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from agents import events as e
from chat.inspection import base
from chat.inspection.figures import HOUR_MS, SHARES, Period, RunFigure, Spread, hourly, period, spread
from chat.models import Event, Fault, Run, Step
from chat.runs.presence import worker_seen
from chat.runs.share import Load
from chat.runtime import opened
from chat.session.errors import Unavailable
from chat.support.clock import now_ms
from chat.support.database import give_back

#: The newest runs that the figures are of, the refused requests that are counted, and the responses whose first token
#: is measured. A busier installation is told of a shorter time.
MAX_RUNS, MAX_FAULTS, MAX_RESPONSES = 20_000, 5_000, 300
#: Workers that are listed, and seconds that the page waits for Redis.
MAX_WORKERS, REDIS_TIMEOUT_S = 50, 2.0
#: The plot, in units of its own.
WIDTH, HEIGHT = 720, 120

STATES = {"finished": _("finished"), "stopped": _("stopped"), "failed": _("failed"), "active": _("not over")}


@dataclass(frozen=True)
class Bar:
    """A part of an hour's bar."""

    share: str
    x: int
    y: float
    width: int
    height: float


def overview(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """The page, for whoever may see runs."""
    if not request.user.has_perm("chat.view_run"):  # admin_view lets nobody else in
        raise PermissionDenied
    now = now_ms()
    runs = _runs()
    hours = hourly(runs, now)
    context = {
        **site.each_context(request),
        "title": _("Overview"),
        "periods": [
            _told(_("The last hour"), period(runs, now - HOUR_MS), _refused(now - HOUR_MS)),
            _told(_("The last 24 hours"), period(runs, now - 24 * HOUR_MS), _refused(now - 24 * HOUR_MS)),
        ],
        "first_token": _spread(first_tokens()),
        "words": {
            "plot": _("Runs of the last 24 hours, by the hour in which they were queued"),
            "first_token": _("first token, of the newest responses"),
            "now": _("Now"),
            "workers": _("Workers"),
            "nobody": _("No worker is there, and no run is at work."),
        },
        "plot": bars(hours),
        "legend": [(share, STATES[share], sum(hour[share] for hour in hours)) for share in SHARES],
        **_now(now),
    }
    request.current_app = site.name
    return TemplateResponse(request, "admin/chat/overview.html", context)


def _runs() -> list[RunFigure]:
    newest = Run.objects.order_by("-pk").values_list(
        "status", "conversation__entrance", "queued_at", "started_at", "ended_at"
    )
    return [RunFigure(*row) for row in newest[:MAX_RUNS]]


def _refused(since: int) -> int:
    newest = Fault.objects.order_by("-pk").values_list("created_at", flat=True)[:MAX_FAULTS]
    return sum(at >= since for at in newest)


def first_tokens() -> Spread:
    """How long the newest responses took to their first token; those that tell it."""
    rows = Event.objects.filter(type="step.finished").order_by("-pk")
    told = {}
    for conversation, text in rows.values_list("conversation_id", "text")[:MAX_RESPONSES]:
        event = e.from_json(text)
        if isinstance(event, e.StepFinished) and event.first_at is not None:
            told[conversation, event.step] = event.first_at
    steps = Step.objects.filter(
        conversation__in={key[0] for key in told}, step__in={key[1] for key in told}
    ).values_list("conversation_id", "step", "started_at")
    return spread([max(0, told[c, s] - at) for c, s, at in steps if (c, s) in told])


def bars(hours: list[dict[str, int]]) -> list[Bar]:
    """The hours as stacked bars over WIDTH × HEIGHT."""
    most = max([sum(hour.values()) for hour in hours], default=0)
    if not most:
        return []
    step, made = WIDTH // len(hours), []
    for place, hour in enumerate(hours):
        y = float(HEIGHT)
        for share in SHARES:
            height = round(hour[share] * HEIGHT / most, 1)
            if height:
                y = round(y - height, 1)
                made.append(Bar(share, place * step + 2, y, step - 4, height))
    return made


def _told(title: Any, found: Period, refused: int) -> dict[str, Any]:
    share = found.failed_share
    pairs = (
        (gettext("runs"), f"{found.runs:,}"),
        *((str(state), f"{count:,}") for state, count in sorted(found.by_state.items())),
        *((entrance, f"{count:,}") for entrance, count in found.by_entrance.most_common(10)),
        (gettext("failed, of those that are over"), "–" if share is None else f"{share:.1%}"),
        (gettext("refused requests"), f"{refused:,}"),
        (gettext("queue wait"), _spread(found.queue_wait)),
        (gettext("run time"), _spread(found.run_time)),
    )
    return {"title": title, "pairs": pairs}


def _spread(found: Spread) -> str:
    if found.p50 is None or found.p95 is None:
        return "–"
    return f"p50 {found.p50 / 1000:,.2f} s, p95 {found.p95 / 1000:,.2f} s"


def _now(now: int) -> dict[str, Any]:
    queued = Run.objects.filter(status="queued").aggregate(count=Count("pk"), oldest=Min("queued_at"))
    oldest = "–" if queued["oldest"] is None else base.duration(now - queued["oldest"])
    found = Run.objects.filter(status="running").values_list("worker").annotate(count=Count("pk"))
    at_work = dict(found[:MAX_WORKERS])
    seen, loads = _workers_seen()
    there = {True: gettext("yes"), False: gettext("no"), None: gettext("Redis does not answer")}[seen]
    pairs = [
        (gettext("queued"), f"{queued['count']:,}"),
        (gettext("oldest waiting"), oldest),
        (gettext("a worker is there"), there),
    ]
    return {"now": pairs, "workers": workers(at_work, loads, heard=seen is not None)}


def workers(at_work: dict[str, int], loads: dict[str, Load], *, heard: bool) -> list[tuple[str, str]]:
    """Each worker in words: those that say how busy they are, idle ones too, and those that have runs in the journal
    and say nothing. `heard`: Redis was asked; without it nobody can be missed."""
    told = []
    for name in sorted({*loads, *at_work})[:MAX_WORKERS]:
        load = loads.get(name)
        if load is not None:
            words = ngettext("{runs} run, room for {room}", "{runs} runs, room for {room}", load.runs)
            told.append((name, words.format(runs=load.runs, room=load.room)))
        else:
            words = ngettext("{runs} run", "{runs} runs", at_work[name]).format(runs=at_work[name])
            told.append((name, gettext("{runs}, not heard of").format(runs=words) if heard else words))
    return told


def _workers_seen() -> tuple[bool | None, dict[str, Load]]:
    """Whether some worker has shown itself lately (None: Redis does not answer), and what each has said of itself."""

    async def look() -> tuple[bool | None, dict[str, Load]]:
        async with asyncio.timeout(REDIS_TIMEOUT_S), opened() as runtime:
            said = await runtime.sessions.store.loads()
            parsed = {name: Load.parse(words) for name, words in said.items()}
            loads = {name: load for name, load in parsed.items() if load is not None}
            return await worker_seen(runtime.sessions), loads

    give_back()  # the runtime needs a connection of its own
    try:
        return async_to_sync(look)()
    except (Unavailable, TimeoutError):
        return None, {}
