"""What the model was sent for a step: the request made again from the journal, as it was before that step.

The history is read as an owner of the run had read it (`agents/recording.held_since`); what the request says beside it
is kept by its digest. Whether the result is the request that went out is known by the digest that the journal has.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.utils.translation import gettext

from agents import events as e
from agents.attachments import FileContent
from agents.branches import path as path_of_branch
from agents.dialects.base import Outgoing
from agents.dialects.requests import dialect_of
from agents.dialects.rules import Violation
from agents.history import History, empty, fold
from agents.recording import OPENING, RequestSettings, files_of, render_again, settings_from
from chat.files.attachments import prepared
from chat.journal import branched
from chat.journal.requestlog import settings_of
from chat.models import Attachment, Event, Run

#: What stands for the key in what can be copied.
KEY = "$API_KEY"


class NotKept(Exception):
    """The request cannot be made again; the text says why."""


@dataclass(frozen=True)
class Sent:
    """A request made again. `same`: whether it is what went out, byte for byte; None: nobody knows."""

    seq: int
    facts: e.RequestFacts
    settings: RequestSettings
    outgoing: Outgoing
    violations: list[Violation]
    same: bool | None

    @property
    def text(self) -> str:
        """The body as it goes over the wire."""
        return json.dumps(self.outgoing.body, ensure_ascii=False, separators=(",", ":"))

    @property
    def url(self) -> str:
        return f"{self.outgoing.base_url.rstrip('/')}{self.outgoing.path}"


@dataclass(frozen=True)
class Recorded:
    """What a request is made of, as the journal and the kept settings have it. `answered`: the digest of the request
    that was answered, where the end of the step tells another than its beginning."""

    started: e.StepStarted
    facts: e.RequestFacts
    settings: RequestSettings
    history: History
    files: Mapping[str, FileContent | None]
    answered: str


def sent_at(conversation: UUID, seq: int) -> Sent:
    """The request of the `step.started` at `seq`. Raises NotKept."""
    found = recorded_at(conversation, seq)
    settings = found.settings
    rendered = render_again(found.history, settings, found.facts, found.files, found.answered)
    model = dialect_of(settings.profile).open(settings.address, KEY, settings.profile)
    outgoing = getattr(model, "outgoing", None)
    out = outgoing(rendered.body) if outgoing is not None else Outgoing(settings.address, "", rendered.body)
    return Sent(seq, found.facts, settings, out, rendered.violations, rendered.same)


def recorded_at(conversation: UUID, seq: int) -> Recorded:
    """What the request of the `step.started` at `seq` was made of. Raises NotKept."""
    started, facts, settings = facts_at(conversation, seq)
    history = history_before(conversation, seq, facts.since)
    files = contents_of(conversation, history, settings, facts)
    rows = Event.objects.filter(conversation_id=conversation)
    return Recorded(started, facts, settings, history, files, _answered(rows, started.step, seq))


def facts_at(conversation: UUID, seq: int) -> tuple[e.StepStarted, e.RequestFacts, RequestSettings]:
    """The `step.started` at `seq`, and what decided how its request was made. Raises NotKept."""
    rows = Event.objects.filter(conversation_id=conversation)
    text = rows.filter(seq=seq).values_list("text", flat=True).first()
    started = e.from_json(text) if text is not None else None
    if not isinstance(started, e.StepStarted):
        raise NotKept(gettext("No request was made at this event."))
    facts = started.request
    if facts is None:
        raise NotKept(
            gettext("An earlier release began this step, and did not tell how its request was made.")
        )
    kept = settings_of(facts.settings)
    if kept is None:
        raise NotKept(
            gettext("The settings of this request were not kept: the database was away at that moment.")
        )
    return started, facts, settings_from(kept)


def history_before(conversation: UUID, seq: int, since: int) -> History:
    """The history that an owner held which had read it from `since` on, as of before event `seq`: with the first
    message, and with the newest summary before `since`."""
    told = Event.objects.filter(conversation_id=conversation, seq__lt=seq).order_by("seq")
    opening = told.filter(seq__lt=min(since, OPENING + 1), type="message.added")[:1]
    edits = told.filter(seq__lt=since, type="message.edited")
    history = empty(str(conversation))
    for row in (*opening.values_list("seq", "text"), *edits.values_list("seq", "text")):
        history = fold(history, e.from_json(row[1]), row[0])
    history = _on_its_branch(history, conversation, seq, since)
    for row in _summary(told.filter(seq__lt=since)):
        history = fold(history, e.from_json(row[1]), row[0])
    for number, text in told.filter(seq__gte=since).values_list("seq", "text").iterator(chunk_size=500):
        history = fold(history, e.from_json(text), number)
    return history


def _on_its_branch(history: History, conversation: UUID, seq: int, since: int) -> History:
    """The history on the path of the run that was at work at `seq`; the same one where there were no branches yet."""
    runs = Run.objects.filter(conversation_id=conversation)
    told = Event.objects.filter(conversation_id=conversation)
    branches = branched.before(told, runs, seq)
    if not branches:
        return history
    run = runs.filter(seq__lt=seq).order_by("-seq").values_list("run", flat=True).first() or ""
    path = path_of_branch(branches, branches.of_run(run))
    return replace(history, path=path, branches=branched.before(told, runs, since))


def _summary(told: Any) -> list[tuple[int, str]]:
    summaries = told.filter(type="history.compacted").order_by("-seq").values_list("seq", "text")
    for seq, text in summaries[:20]:
        event = e.from_json(text)
        if isinstance(event, e.HistoryCompacted) and not event.problem:
            return [(seq, text)]
    return []


def contents_of(
    conversation: UUID, history: History, settings: RequestSettings, facts: e.RequestFacts
) -> Mapping[str, FileContent | None]:
    """The files that the request carries, as far as they are still there."""
    ids = [file.id for file in files_of(history, settings, facts)]
    rows = {str(row.pk): row for row in Attachment.objects.filter(conversation=conversation, pk__in=ids)}
    return {id: prepared(rows[id]) if id in rows else None for id in ids}


def _answered(rows: Any, step: str, seq: int) -> str:
    """The digest of the request that was answered, where the end of the step tells another one."""
    for text in (
        rows.filter(seq__gt=seq, type="step.finished").order_by("seq").values_list("text", flat=True)[:20]
    ):
        event = e.from_json(text)
        if isinstance(event, e.StepFinished) and event.step == step:
            return event.sent
    return ""


def as_curl(sent: Sent) -> str:
    """A command of a shell that sends the request; whoever runs it gives the key."""
    headers = sent.outgoing.headers or {"Authorization": f"Bearer {KEY}"}
    lines = [f"curl -sS -N {shlex.quote(sent.url)}", "  -H 'Content-Type: application/json'"]
    # In double quotes the shell puts the key in; there is nothing else in them that it would read.
    lines += [f'  -H "{name}: {value}"' for name, value in headers.items()]
    end = "HOLDFAST_BODY"
    while end in sent.text:
        end += "_"
    return " \\\n".join([*lines, f"  --data-binary @- <<'{end}'"]) + f"\n{sent.text}\n{end}\n"
