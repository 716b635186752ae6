"""A waterfall as the admin draws it: each span a row with its words, its numbers, and its place on a line of SVG."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from agents import events as e
from chat.inspection import base
from chat.inspection.spans import Span, Waterfall
from chat.inspection.waterfall import waterfalls
from chat.models import Event, Run
from chat.support.clock import now_ms

#: Events that the waterfalls of one page are told from, and that of one run on a page of its own.
MAX_EVENTS = 1_500
MAX_EVENTS_OF_RUN = 10_000
#: Units of the line that a bar is drawn on, and the least that can be seen.
WIDTH = 1_000
MIN_BAR = 3
#: Characters of arguments and results in a row; all of them are on the call's page.
MAX_TEXT = 4_000

KINDS: dict[str, Any] = {
    "queue": _("Waits for a worker"),
    "owner": _("Worker {name}"),
    "model": _("Model {name}"),
    "tool": _("Tool {name}"),
    "approval": _("Asks whether {name} may run"),
    "wait": _("Waits for a person"),
    "retry": _("Waits before the model is asked again"),
    "gap": _("Its worker was lost"),
    "handover": _("Its worker has left"),
    "summary": _("Summarises its history"),
}
OUTCOMES: dict[str, Any] = {
    "": _("goes on"),
    "taken": _("taken"),
    "resumed": _("resumed"),
    "left": _("left"),
    "lost": _("lost"),
    "handed over": _("handed over"),
    "finished": _("finished"),
    "failed": _("failed"),
    "stopped": _("stopped"),
    "discarded": _("discarded"),
    "succeeded": _("succeeded"),
    "cancelled": _("cancelled"),
    "in_doubt": _("in doubt"),
    "approved": _("allowed"),
    "refused": _("refused"),
}


@dataclass
class Bar:
    """A rectangle on a line of `WIDTH` units; `first` is where the first piece of a response came."""

    x: int
    width: int
    first: int | None = None


@dataclass
class Row:
    """One span."""

    kind: str
    outcome: str
    label: str
    said: str
    bar: Bar
    start: str
    length: str
    attempt: str = ""
    worker: str = ""
    tokens: str = ""
    cost: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    arguments: str = ""
    result: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Fall:
    """A waterfall to be drawn, and its sum in words."""

    summary: str
    rows: list[Row]
    heads: Sequence[Any]


HEADS = (
    _("what"), _("when"), _("from"), _("length"), _("attempt"), _("worker"), _("tokens"), _("cost"),
)  # fmt: skip


def falls_of(conversation: UUID, runs: Sequence[Run]) -> dict[str, Fall]:
    """The waterfalls of these runs, by run, of one query. A run is left out if its events lie too far behind the oldest
    of them: its own page has it."""
    if not runs:
        return {}
    wanted = {run.run: run for run in runs}
    told, whole = _told(conversation, min(run.seq for run in runs), MAX_EVENTS)
    return {
        fall.run: drawn(conversation, fall)
        for fall in waterfalls(told)
        if fall.run in wanted and (whole or fall.over)
    }


def fall_of(run: Run) -> Fall | None:
    """The waterfall of one run; None if its events are not there."""
    told, _whole = _told(run.conversation_id, run.seq, MAX_EVENTS_OF_RUN)
    return next((drawn(run.conversation_id, fall) for fall in waterfalls(told) if fall.run == run.run), None)


def _told(conversation: UUID, since: int, limit: int) -> tuple[list[tuple[int, e.Event]], bool]:
    rows = Event.objects.filter(conversation_id=conversation, seq__gte=since).order_by("seq")
    found = list(rows.values_list("seq", "text")[:limit])
    return [(seq, e.from_json(text)) for seq, text in found], len(found) < limit


def drawn(conversation: UUID, fall: Waterfall, now: int | None = None) -> Fall:
    """The rows of a waterfall. What goes on is drawn up to `now` (milliseconds; None: this moment)."""
    now = now_ms() if now is None else now
    end = max([fall.end, *(span.end or 0 for span in fall.spans)])
    end = end if fall.over else max(end, now)
    whole = max(1, end - fall.begin)
    rows = [_row(conversation, span, fall.begin, whole, end) for span in fall.spans]
    return Fall(_summary(fall, end), rows, HEADS)


def _summary(fall: Waterfall, end: int) -> str:
    count: dict[str, int] = {}
    for span in fall.spans:
        count[span.kind] = count.get(span.kind, 0) + 1
    parts = [seconds(end - fall.begin)]
    for kind, words in (
        ("model", ngettext("%(count)d model call", "%(count)d model calls", count.get("model", 0))),
        ("tool", ngettext("%(count)d tool call", "%(count)d tool calls", count.get("tool", 0))),
        ("retry", ngettext("%(count)d retry", "%(count)d retries", count.get("retry", 0))),
        ("gap", ngettext("%(count)d lost worker", "%(count)d lost workers", count.get("gap", 0))),
        ("handover", ngettext("%(count)d hand-over", "%(count)d hand-overs", count.get("handover", 0))),
    ):
        if kind in count:
            parts.append(words % {"count": count[kind]})
    return ", ".join(parts)


def _row(conversation: UUID, span: Span, begin: int, whole: int, end: int) -> Row:
    x = _at(span.start, begin, whole)
    width = max(MIN_BAR, _at(span.end if span.end is not None else end, begin, whole) - x)
    first = None if span.first is None else _at(span.first, begin, whole)
    usage = span.usage
    said = str(OUTCOMES.get(span.outcome, span.outcome))
    return Row(
        kind=span.kind,
        outcome=span.outcome.replace(" ", "_") or "open",
        label=str(KINDS[span.kind]).format(name=span.name or "–"),
        said=f"{said} ({span.code})" if span.code else said,
        bar=Bar(min(x, WIDTH - MIN_BAR), width, first),
        start=f"+{seconds(span.start - begin)}",
        length="…" if span.length is None else seconds(span.length),
        attempt=str(span.attempt or ""),
        worker="" if span.kind == "owner" else span.worker,
        tokens=f"{usage.input:,} → {usage.output:,}" if usage and usage.input + usage.output else "",
        cost=f"${usage.cost / 1e9:,.4f}" if usage and usage.cost is not None else "",
        facts=_facts(span),
        arguments=_cut(span.arguments),
        result=_cut(span.result),
        links=_links(conversation, span),
    )


def _facts(span: Span) -> list[tuple[str, str]]:
    first = None if span.first is None else seconds(span.first - span.start)
    cached = span.usage.cached if span.usage else 0
    pairs = (
        (gettext("began (UTC)"), base.time(span.start)),
        (gettext("ended (UTC)"), base.time(span.end)),
        (gettext("first token after"), first),
        (gettext("our id"), span.call),
        (gettext("the provider's id"), span.provider_id),
        (gettext("step"), span.step),
        (gettext("effect"), span.effect),
        (gettext("cached tokens"), f"{cached:,}" if cached else ""),
        (gettext("reason"), span.name if span.kind in ("wait", "gap", "handover", "retry") else ""),
        (gettext("by"), span.by),
        (gettext("detail"), span.detail),
    )
    return [(name, str(value)) for name, value in pairs if value]


def _links(conversation: UUID, span: Span) -> list[tuple[str, str]]:
    first, last = span.seqs
    of = {"conversation__id__exact": conversation}
    found = [
        (
            gettext("Events {first} to {last}").format(first=first, last=last),
            base.address("chat_event_changelist", **of, seq__gte=first, seq__lte=last),
        )
    ]
    if span.kind == "model":
        sent = base.address("chat_conversation_request", conversation, first)
        found.insert(0, (gettext("What the model was sent"), sent))
    if span.call:
        found.append((gettext("The call"), base.address("chat_call_changelist", **of, q=span.call)))
    elif span.step:
        found.append((gettext("The step"), base.address("chat_step_changelist", **of, q=span.step)))
    return found


def seconds(ms: int) -> str:
    """A length, in seconds."""
    return f"{ms / 1000:,.2f} s"


def _at(ms: int, begin: int, whole: int) -> int:
    return round(max(0, min(ms - begin, whole)) * WIDTH / whole)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}\n… {len(text) - MAX_TEXT:,}"
