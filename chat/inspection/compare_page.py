"""The page on which two runs, of one conversation or of two, stand beside each other."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _

from chat.inspection import base, comparing
from chat.inspection.operating import Action, Operator
from chat.inspection.reading import was_read
from chat.inspection.told import Said, said_in
from chat.journal.faultlog import without_keys
from chat.models import Run
from chat.replay.sent import NotKept, sent_at

#: Pairs of steps on one page: each may have two requests made again.
STEPS = 8
#: Characters of one line that differs, and of one beside it; and lines beside a change.
MAX_LINE = 4_000
MAX_BESIDE = 400
AROUND = 2

WORDS: dict[str, Any] = {
    "with": _("Another run's id"),
    "compare": _("Compare"),
    "nothing": _("Nothing to compare: it has no steps."),
    "unknown": _("There is no such run, or you may not read it."),
    "earlier": _("Earlier runs of this conversation"),
    "same": _("Nothing differs."),
    "differs": _("Differs in"),
    "only": _("The other run has no such step."),
    "sent": _("What was sent"),
    "sent_same": _("Both were sent the same."),
    "not_kept": _("What was sent cannot be made again."),
    "text": _("Answer"),
    "calls": _("Calls and results"),
    "no_text": _("(no words)"),
    "step": _("Step"),
    "more": _("Further steps"),
    "lines": _("unchanged"),
    "removed": _("only in the first run"),
    "added": _("only in the second run"),
    "first": _("First run"),
    "second": _("Second run"),
}
PARTS = {
    "model": _("model"),
    "request": _("request"),
    "answer": _("answer"),
    "reasoning": _("reasoning"),
    "calls": _("calls"),
    "results": _("results"),
    "tokens": _("tokens"),
    "cost": _("cost"),
}


class ComparedAdmin(admin.ModelAdmin):
    """A run's admin with a page that holds it against another."""

    compared: ClassVar[str] = "chat_run_compare"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.compare)
        return [path("<path:object_id>/compare/", view, name=self.compared), *super().get_urls()]

    def compare_link(self, row: Run) -> Action:
        """The link to the page."""
        return Action(str(_("Compare with another run…")), base.address(self.compared, row.pk))

    def compare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """This run beside `?with=`, another run's id; `?from=` is the number of the first pair of steps."""
        operator = Operator(request.user)
        if not (self.has_view_permission(request) and operator.reads):
            raise PermissionDenied
        row: Run | None = self.get_object(request, object_id)
        if row is None:
            raise Http404
        was_read(request.user, row.conversation, "compare")
        asked = request.GET.get("with", "").strip()[:64]
        first = request.GET.get("from", "")
        first_pair = min(int(first[:6]), 10_000) if first.isascii() and first.isdecimal() else 0
        other = Run.objects.filter(run=asked).select_related("conversation").first() if asked else None
        context = {
            **self.admin_site.each_context(request),
            "title": _("Two runs compared"),
            "opts": self.opts,
            "row": row,
            "words": WORDS,
            "asked": asked,
            "unknown": bool(asked) and other is None,
            "others": _others(row) if other is None else [],
        }
        if other is not None:
            was_read(request.user, other.conversation, "compare")
            context |= self._compared(row, other, first_pair)
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/chat/run/compare.html", context)

    def _compared(self, row: Run, other: Run, first: int) -> dict[str, Any]:
        found = comparing.pairs(
            said_in(row.conversation_id, row.run), said_in(other.conversation_id, other.run)
        )
        shown = found[first : first + STEPS]
        more = first + STEPS
        return {
            "heads": [_head(row), _head(other)],
            "pairs": [
                _pair(row.conversation_id, other.conversation_id, number, pair)
                for number, pair in enumerate(shown, start=first + 1)
            ],
            "empty": not found,
            "more": base.address(self.compared, row.pk, **{"with": other.run, "from": str(more)})
            if len(found) > more
            else "",
        }


def _others(row: Run) -> list[dict[str, str]]:
    """Runs that it is likely to be compared with."""
    near = Run.objects.filter(conversation=row.conversation_id).exclude(pk=row.pk).order_by("-seq")[:20]
    return [
        {
            "address": base.address("chat_run_compare", row.pk, **{"with": one.run}),
            "label": f"{one.run} · {one.status} · {base.time(one.queued_at).rpartition('.')[0]}",
        }
        for one in near
    ]


def _head(run: Run) -> dict[str, Any]:
    return {
        "run": base.link(run.run, "chat_run_change", run.pk),
        "conversation": base.to_conversation(run),
        "state": base.badge(run.status, run.status),
        "took": base.took(run.started_at, run.ended_at),
        "tokens": base.tokens(run),
    }


def _pair(conversation: UUID, other: UUID, number: int, pair: comparing.Pair) -> dict[str, Any]:
    told: dict[str, Any] = {
        "number": number,
        "sides": [_side(pair.before), _side(pair.after)],
        "differs": ", ".join(str(PARTS[part]) for part in pair.differs),
        "same": not pair.differs and pair.before is not None and pair.after is not None,
    }
    if pair.before is None or pair.after is None:
        return {**told, "only": True}
    try:
        sent = comparing.difference(_sent(conversation, pair.before), _sent(other, pair.after))
    except NotKept:
        told["not_kept"] = True
    else:
        told["sent"] = _shown(sent) if comparing.differs(sent) else []
        told["sent_same"] = not told["sent"]
    text = comparing.difference(pair.before.text.splitlines(), pair.after.text.splitlines())
    told["text"] = _shown(text) if comparing.differs(text) else []
    calls = comparing.difference(_calls(pair.before), _calls(pair.after))
    told["calls"] = _shown(calls) if comparing.differs(calls) else []
    return told


def _sent(conversation: UUID, said: Said) -> list[str]:
    body = sent_at(conversation, said.seq).outgoing.body
    return without_keys("\n".join(comparing.messages_of(body)), "default").split("\n")


def _calls(said: Said) -> list[str]:
    return [
        line
        for call in said.calls
        for line in (f"{call.name} {call.arguments}", *(f"  {call.status}: {call.result}".splitlines()))
    ]


def _shown(pieces: list[comparing.Piece]) -> list[dict[str, Any]]:
    """A difference for the page: of what is the same, only what stands beside a change."""
    shown: list[dict[str, Any]] = []
    for place, piece in enumerate(pieces):
        most = MAX_LINE if piece.change != "same" else MAX_BESIDE
        lines = [line if len(line) <= most else f"{line[:most]}…" for line in piece.lines]
        if piece.change != "same":
            shown.append({"change": piece.change, "lines": "\n".join(lines)})
            continue
        head = lines[:AROUND] if place else []
        tail = lines[len(head) :][-AROUND:] if place < len(pieces) - 1 else []
        left = len(lines) - len(head) - len(tail)
        shown.append({"change": "same", "before": "\n".join(head), "left": left, "after": "\n".join(tail)})
    return shown


def _side(said: Said | None) -> dict[str, Any]:
    if said is None:
        return {"missing": True}
    usage = said.usage
    facts = (
        (_("step"), said.step),
        (_("model"), said.model),
        (_("request digest"), said.digest[:16]),
        (_("tokens"), f"{usage.input:,} in, {usage.output:,} out{base.cost(usage.cost)}"),
        (_("took"), "" if said.ms is None else f"{said.ms / 1000:.2f} s"),
        (_("ended with"), said.finish),
    )
    return {
        "facts": [(name, value) for name, value in facts if value],
        "text": base.block(said.text, 8_000) if said.text else "",
        "calls": [{"name": call.name, "state": call.status} for call in said.calls],
    }
