"""The body of a request: rendered, let through the gate, and never one that was refused before (rules T1, T5)."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.dialects.requests import dialect_of
from agents.dialects.rules import Violation
from agents.errors import ModelError, TooLong, TranscriptRefused
from agents.events import RunCode
from agents.faults import RefusedRequest, digest_of
from agents.history import History
from agents.transcript.attached import wanted
from agents.transcript.room import ModelSettings
from agents.transcript.windows import window_for
from agents.work import StopOrDeadline, Work

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A body and its digest. `broken` says why it is not the one that would have been sent first."""

    body: Mapping[str, Any]
    digest: str
    broken: str = ""


def asking(work: Work) -> ModelSettings:
    """What the next request says beside the history."""
    agent = work.agent
    window = window_for(agent.model, agent.limits.window_tokens)
    window = window if work.window is None else min(window, work.window)
    return ModelSettings(agent.model, agent.prompt, work.tools.schemas(work.offered), window, work.contents)


@dataclass(frozen=True, slots=True)
class Blocked:
    """There is nothing that may be sent, and why."""

    code: RunCode
    detail: str


async def read_files(work: Work, halt: StopOrDeadline) -> None:
    """Read the files that the next request shows, each once per run's owner."""
    for file in wanted(work.history(), work.profile, work.agent.model):
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


async def request(work: Work, step: str, history: History) -> Request | Blocked:
    """A body with `history` that may be sent for `step`, in its proper form or else as text only.

    What the gate stops is kept as a fault before anything is sent.
    """
    ask, broken = asking(work), ""
    code: RunCode = "transcript_invalid"
    dialect = dialect_of(work.profile)
    for text_only in (False, True)[work.text_only :]:
        body = dialect.render(history, work.profile, ask, text_only=text_only)
        digest = digest_of(work.agent.base_url, body)
        violations = dialect.validate(body, work.profile)
        if not violations and digest not in work.refused:
            return Request(body, digest, broken)
        if violations:
            await keep(work, step, body, digest, violations[0].rule, _listed(violations))
        code = "transcript_invalid" if violations else "model_rejected"
        broken = (
            broken or _listed(violations) or work.refusal or "The provider has refused this request before."
        )
        work.text_only = True
    await follow(work, "not_asked")
    return Blocked(code, broken)


async def keep(
    work: Work,
    step: str,
    body: Mapping[str, Any],
    digest: str,
    kind: str,
    text: str,
    status: int = 0,
) -> None:
    """Keep a fault; the next answer is what followed it."""
    work.refused.add(digest)
    if work.fault:
        await follow(work, "text_refused")
    log.error("a request was refused", extra={"run": work.run.id, "kind": kind, "digest": digest})
    work.fault, work.refusal = digest, text
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
        text_only=work.text_only,
        status=status,
        at=work.clock.now(),
    )
    await work.faults.refused(fault)


async def keep_refusal(work: Work, step: str, sent: Request, error: ModelError) -> None:
    """Keep what a provider refused: a known kind, or anything else that it would not take. A request that is only
    too long is none: it is shortened."""
    if error.code == "model_rejected" and not isinstance(error, TooLong):
        kind = error.kind if isinstance(error, TranscriptRefused) else "other"
        await keep(work, step, sent.body, sent.digest, kind, error.detail, error.status)


async def follow(work: Work, outcome: Any) -> None:
    """Note what came of the fault that waits for it, if one does."""
    if work.fault:
        await work.faults.followed(work.fault, outcome)
        work.fault = ""


def _listed(violations: list[Violation]) -> str:
    return "; ".join(str(one) for one in violations[:5])
