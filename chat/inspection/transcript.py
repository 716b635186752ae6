"""A conversation as the admin shows it: messages, runs, steps and calls in their order, read in few queries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.safestring import SafeString
from django.utils.translation import gettext

from chat.inspection import base
from chat.inspection.operating import RESTING, Action, Operator
from chat.inspection.prose import prose
from chat.inspection.waterfall_rows import Fall, falls_of
from chat.models import Call, Message, Run, Step

#: Items on one page.
PAGE = 60
KINDS: dict[str, Callable[[], str]] = {
    "message": lambda: gettext("Message"),
    "note": lambda: gettext("Note"),
    "notice": lambda: gettext("Notice"),
    "agent": lambda: gettext("Another agent"),
}


@dataclass
class Entry:
    """One line of the transcript; the template renders by `kind`."""

    kind: str
    seq: int
    at: str
    heading: str
    text: str = ""
    #: An answer, its markdown rendered.
    prose: SafeString | None = None
    status: str = ""
    #: Address of the admin page of the row behind it.
    address: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    #: What an operator may do about it.
    actions: list[Action] = field(default_factory=list)
    calls: list["Entry"] = field(default_factory=list)
    files: list["FileEntry"] = field(default_factory=list)
    #: What a call was given.
    arguments: str = ""
    #: Of a run: where its time went, and whether that is shown at once.
    fall: Fall | None = None
    open: bool = False


@dataclass
class FileEntry:
    """A file of a message, as people see it."""

    name: str
    size: str
    address: str
    picture: bool


@dataclass
class Transcript:
    entries: list[Entry]
    #: `?before=` of the page with what is older; None if there is nothing.
    older: int | None
    #: The page ends before this seq; None: it is the newest.
    before: int | None = None


def transcript(conversation: UUID, operator: Operator, before: int | None = None) -> Transcript:
    """The newest items before seq `before` (all if None), ascending, with the runs that begin among them, and what
    `operator` may do about them."""
    rows: list[Any] = []
    for kind in (Message, Step):
        found = kind.objects.filter(conversation_id=conversation).order_by("-seq")
        rows += (found if before is None else found.filter(seq__lt=before))[: PAGE + 1]
    rows.sort(key=lambda row: -row.seq)
    older = rows[PAGE - 1].seq if len(rows) > PAGE else None
    rows = rows[:PAGE]
    steps = [row for row in rows if isinstance(row, Step)]
    calls = _calls(conversation, [step.step for step in steps])
    entries = [
        _step(row, calls.get(row.step, []), operator) if isinstance(row, Step) else _message(row)
        for row in rows
    ]
    runs = Run.objects.filter(conversation_id=conversation, seq__gte=(older or 0))
    runs = runs if before is None else runs.filter(seq__lt=before)
    shown = list(runs.order_by("-seq")[: PAGE * 2])
    falls = falls_of(conversation, shown)
    entries += [_run(row, operator, falls.get(row.run), newest=row is shown[0]) for row in shown]
    return Transcript(entries=sorted(entries, key=lambda entry: entry.seq), older=older, before=before)


def _calls(conversation: UUID, steps: list[str]) -> dict[str, list[Call]]:
    found: dict[str, list[Call]] = {}
    for call in Call.objects.filter(conversation_id=conversation, step__in=steps).order_by("step", "ordinal"):
        found.setdefault(call.step, []).append(call)
    return found


def _message(row: Message) -> Entry:
    body = row.body
    heading, text = KINDS.get(row.kind, lambda: row.kind)(), body.get("text", "")
    if row.kind == "notice":
        heading, text = f"{heading}: {body.get('code')}", body.get("detail", "")
    elif row.kind == "agent":
        heading = f"{heading}: {body.get('agent')}"
    origin = body.get("origin") or {}
    return Entry(
        kind=row.kind,
        seq=row.seq,
        at=base.time(row.at),
        heading=heading,
        text=text,
        address=base.address("chat_message_change", row.pk),
        facts=_facts(
            (gettext("from"), " ".join(filter(None, (origin.get("entrance"), origin.get("name"))))),
            (gettext("left out"), _left_out(body)),
            (gettext("by"), body.get("by", "")),
        ),
        files=[_file(row.conversation_id, file) for file in body.get("attachments") or ()],
    )


def _file(conversation: UUID, file: Mapping[str, Any]) -> FileEntry:
    return FileEntry(
        name=file["name"],
        size=f"{file.get('size', 0):,} B",
        address=base.address("chat_conversation_file", conversation, file["id"]),
        picture=str(file.get("media_type", "")).startswith("image/"),
    )


def _run(row: Run, operator: Operator, fall: Fall | None, *, newest: bool) -> Entry:
    return Entry(
        kind="run",
        seq=row.seq,
        at=base.time(row.queued_at),
        heading=gettext("Run {id}").format(id=row.run),
        status=row.status,
        address=base.address("chat_run_change", row.pk),
        actions=operator.about_run(row, back=True),
        facts=_facts(
            (gettext("attempt"), row.attempt),
            (gettext("worker"), row.worker),
            (gettext("took"), base.took(row.started_at, row.ended_at)),
            (gettext("tokens"), base.tokens(row)),
            (gettext("code"), row.code),
            (gettext("why"), row.reason),
            (gettext("since"), base.since(row) if row.status in RESTING else ""),
            (gettext("detail"), row.detail),
        ),
        fall=fall,
        open=newest,
    )


def _step(row: Step, calls: list[Call], operator: Operator) -> Entry:
    return Entry(
        kind="step",
        seq=row.seq,
        at=base.time(row.started_at),
        heading=gettext("Step {id}").format(id=row.step),
        prose=prose(text) if (text := row.body.get("text", "")) else None,
        status=row.status,
        address=base.address("chat_step_change", row.pk),
        facts=_facts(
            (gettext("model"), row.model),
            (gettext("attempt"), row.attempt),
            (gettext("took"), base.took(row.started_at, row.ended_at)),
            (gettext("tokens"), base.tokens(row)),
            (gettext("left out"), _left_out(row.body)),
        ),
        calls=[_call(call, operator) for call in calls],
    )


def _call(row: Call, operator: Operator) -> Entry:
    return Entry(
        kind="call",
        seq=row.ordinal,
        at=base.time(row.started_at),
        heading=row.name,
        text=row.preview or row.result[:2_000],
        status=row.status,
        address=base.address("chat_call_change", row.pk),
        actions=operator.about_call(row, back=True),
        arguments="" if row.arguments in ("", "{}") else row.arguments[:2_000],
        facts=_facts(
            (gettext("id"), row.call),
            (gettext("effect"), row.effect),
            (gettext("attempt"), row.attempt),
            (gettext("worker"), row.worker),
            (gettext("took"), base.took(row.started_at, row.ended_at)),
            (gettext("code"), row.code),
            (gettext("by"), row.by),
        ),
    )


def _left_out(body: Mapping[str, Any]) -> str:
    """Why later requests go without an item, or some of its files; empty if they have it."""
    mark = body.get("left_out") or {}
    return " ".join(filter(None, (mark.get("reason"), mark.get("detail"))))


def _facts(*pairs: tuple[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in pairs if value not in ("", None)]
