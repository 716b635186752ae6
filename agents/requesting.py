"""The body of a request: rendered, let through the gate, and never one that was refused before (rules T1, T5)."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agents.dialects.requests import dialect_of
from agents.dialects.rules import Violation
from agents.errors import ContentRefused, ModelError, TooLong, TranscriptRefused
from agents.events import RequestFacts, RunCode
from agents.faults import RefusedRequest, digest_of, digest_to_repeat
from agents.history import History
from agents.leftout import without
from agents.recording import RequestSettings, facts_of, settings_digest
from agents.transcript.attached import wanted
from agents.transcript.forms import PROPER, RequestForm, from_names, ladder, profile_of, shaped, text_only
from agents.transcript.room import ModelSettings
from agents.transcript.windows import window_for
from agents.work import StopOrDeadline, Work

log = logging.getLogger(__name__)

_TEXT_ONLY = from_names(("text_only",))


@dataclass(frozen=True, slots=True)
class Request:
    """A body, its digest, and the form that it is in. `broken` says why it is not the one that would have been sent
    first."""

    body: Mapping[str, Any]
    digest: str
    broken: str = ""
    form: RequestForm = PROPER


def asking(work: Work) -> ModelSettings:
    """What the next request says beside the history."""
    agent = work.agent
    window = window_for(agent.model, agent.limits.window_tokens, agent.context_window)
    window = window if work.window is None else min(window, work.window)
    tools, account = work.tools.schemas(work.offered), agent.endpoint.account
    return ModelSettings(agent.model, agent.prompt, tools, window, work.contents, account)


async def recorded(work: Work, sent: "Request", history: History) -> RequestFacts:
    """The facts of a request that was made from this history. Its settings are kept before their digest is told."""
    agent, ask = work.agent, asking(work)
    settings = RequestSettings(
        agent.base_url, work.profile, ask.model, ask.prompt, tuple(ask.tools), ask.account
    ).to_json()
    digest = settings_digest(settings)
    if digest not in work.recorded:
        await work.requests.keep(digest, settings)
        work.recorded.add(digest)
    return facts_of(digest, history, ask, sent.form, work.omission, work.omitted_for, sent.digest)


@dataclass(frozen=True, slots=True)
class Blocked:
    """There is nothing that may be sent, and why."""

    code: RunCode
    detail: str


async def read_files(work: Work, halt: StopOrDeadline) -> None:
    """Read the files that the next request shows, each once per run's owner."""
    for file in wanted(work.history(), profile_of(work.profile, work.form), work.agent.model):
        if file.id in work.contents or halt.reason:
            continue
        reading = asyncio.ensure_future(work.files.read(file.id) if work.files else _nothing())
        await halt.wait({reading})
        if not reading.done():
            reading.cancel()
            return
        work.contents[file.id] = reading.result()


async def _nothing() -> None:
    return None


def rendered(
    work: Work, history: History, ask: ModelSettings, form: RequestForm
) -> tuple[dict[str, Any], list[Violation]]:
    """A body with `history` in a form, and what our own gate finds wrong with it."""
    dialect = dialect_of(work.profile)
    known, profile, asked = shaped(history, work.profile, ask, form)
    body = dialect.render(known, profile, asked, text_only=text_only(form))
    return body, dialect.validate(body, profile)


async def request(work: Work, step: str, history: History) -> Request | Blocked:
    """A body with `history` that may be sent for `step`: in the first form that was not refused yet.

    What the gate stops is kept as a fault before anything is sent, and goes out as text only or not at all.
    """
    if work.omission:
        history = without(history, work.omission, work.omitted_for)
    broken, stopped = "", False
    for form in _forms(work):
        if stopped and not form.text_only:
            continue
        body, violations = rendered(work, history, asking(work), form)
        digest = digest_of(work.agent.base_url, body)
        if violations:
            if not stopped:
                await keep(work, step, body, digest, violations[0].rule, _listed(violations), form=form)
            broken = broken or _listed(violations)
            if stopped or form.text_only:
                stopped = True
                break
            stopped = True
        elif digest not in work.refused:
            if stopped:
                work.form = form
            return Request(body, digest, broken, form)
        elif digest not in work.told:
            broken = broken or work.refusal or "The provider has refused this request before."
    await follow(work, "not_asked")
    code: RunCode = "transcript_invalid" if stopped else "model_rejected"
    return Blocked(code, broken or work.refusal or "The provider has refused this request before.")


def another_form(work: Work, history: History) -> RequestForm | None:
    """The next form in which the request was not refused yet; None: there is no other."""
    if work.omission:
        history = without(history, work.omission, work.omitted_for)
    for form in _forms(work):
        body, violations = rendered(work, history, asking(work), form)
        if not violations and digest_of(work.agent.base_url, body) not in work.refused:
            return form
    return None


def _forms(work: Work) -> Iterator[RequestForm]:
    """The forms in which a request may go out; the one that is known, if it is not to be rescued."""
    return ladder(work.form, work.hint) if work.rescue else iter((work.form,))


async def keep(
    work: Work,
    step: str,
    body: Mapping[str, Any],
    digest: str,
    kind: str,
    text: str,
    status: int = 0,
    *,
    form: RequestForm = PROPER,
    again: bool = False,
) -> None:
    """Keep a fault; the next answer is what followed it. `again`: the same body may be sent again; it is kept once."""
    if again:
        digest = digest_to_repeat(digest)
        if digest in work.told:
            return
    else:
        work.refused.add(digest)
    work.told.add(digest)
    if work.fault and not again:
        await follow(work, "text_refused")
    log.error("a request was refused", extra={"run": work.run.id, "kind": kind, "digest": digest})
    work.fault, work.refusal, work.refused_as = digest, text, (kind, status)
    fault = RefusedRequest(
        run=work.run.id,
        step=step,
        kind=kind,
        text=text,
        digest=digest,
        body=body,
        model=work.agent.model,
        profile=work.profile.name,
        address=work.agent.base_url,
        text_only=text_only(form),
        status=status,
        at=work.clock.now(),
    )
    await work.faults.refused(fault)


async def keep_refusal(work: Work, step: str, sent: Request, error: ModelError) -> None:
    """Keep what a provider refused: the form, the content, the length, or, of its own, with a 5xx. Limits, keys and
    names that it does not know say nothing of the request."""
    kind, again = "", False
    if isinstance(error, TranscriptRefused):
        kind = error.kind
    elif isinstance(error, ContentRefused):
        kind = "filtered" if error.reason == "content_filter" else "image"
    elif isinstance(error, TooLong):
        kind = "too_long"
    elif error.code == "model_rejected":
        kind = "other"
    elif error.status >= 500:
        kind, again = str(error.status), True
    if kind:
        detail = error.detail
        await keep(
            work, step, sent.body, sent.digest, kind, detail, error.status, form=sent.form, again=again
        )


async def follow(work: Work, outcome: Any) -> None:
    """Note what came of the fault that waits for it, if one does."""
    if work.fault:
        await work.faults.followed(work.fault, outcome)
        work.fault = ""


def _listed(violations: list[Violation]) -> str:
    return "; ".join(str(one) for one in violations[:5])
