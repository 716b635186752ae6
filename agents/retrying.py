"""What follows when the model did not answer: another try, another form, another model, or the end of the run."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from agents import events as e
from agents.dialects.errors import IMAGES
from agents.errors import ContentRefused, ModelError, TooLong, TranscriptRefused
from agents.history import History
from agents.leftout import suspicions
from agents.requesting import Request, another_form, follow, keep_refusal
from agents.transcript.attached import wanted
from agents.transcript.forms import PROPER, RequestForm, from_names, profile_of
from agents.transcript.tokens import estimate
from agents.work import StopOrDeadline, Work, failing

#: Seconds before each further try; a longer Retry-After is honoured, up to a day.
BACKOFF = (1.0, 2.0, 4.0, 8.0)
MAX_WAIT = 24 * 3600.0
#: With somebody to stand in, nobody waits that long: fewer tries, and a shorter Retry-After.
TRIES_BEFORE_FALLBACK = 2
WAIT_BEFORE_FALLBACK = 10.0
#: How often a request that is too long is halved.
MAX_SHORTENED = 6

#: What another model can help with. A refused key and an unknown name are mistakes of the set-up: an agent that
#: answers with another model for months would hide them. What is wrong with the request is wrong everywhere.
FALLBACK_CODES: frozenset[e.RunCode] = frozenset(
    {"model_busy", "model_unreachable", "model_error", "model_quota"}
)


#: Kinds of refusals with another change than text only.
HELPS: dict[str, str] = {
    IMAGES: "no_pictures",
    "E18": "no_replay",
    "E26": "no_replay",
    "E27": "no_replay",
    "E31": "no_replay",
}
#: The status of a server that has failed without saying of what.
WORDLESS = 500


async def after(
    work: Work, error: ModelError, step: str, sent: Request, history: History
) -> AsyncGenerator[list[e.Event], None]:
    """Say that the same step is tried again (RunRetrying; then ask `next_step`), and from when on, or end the run. The
    step is not committed, so no tool runs twice because of it. `history` is what the request was made from."""
    code, wait, again, detail = error.code, 0.0, False, error.detail
    await keep_refusal(work, step, sent, error)
    tries = max(0, work.run.failures - work.forgiven)
    if not work.rescue and (of_form(error) or isinstance(error, ContentRefused)):
        again = False
    elif isinstance(error, ContentRefused):
        again = omit_more(work, history, error.reason)
    elif isinstance(error, TooLong):
        again = work.shortened < MAX_SHORTENED
        work.shortened += 1
        work.window = min(work.agent.limits.window_tokens, estimate(json.dumps(sent.body))) // 2
    elif of_form(error) and not work.omission:
        work.hint = work.hint.plus(hint(error))
        again, code, detail = _in_another_form(work, history, error.detail)
        if not again and not isinstance(error, TranscriptRefused):
            # No form helps, and nobody knows the words: it may be something that somebody wrote.
            again, code = omit_more(work, history, "refused"), "content_refused"
    elif of_form(error):
        again, code = omit_more(work, history, work.omitted_for), "content_refused"
    elif (
        error.retry
        and not (work.wordless and error.status == WORDLESS)
        and tries < (TRIES_BEFORE_FALLBACK if work.fallbacks else len(BACKOFF))
    ):
        wait = max(BACKOFF[tries], error.after or 0.0)
        again = wait <= (WAIT_BEFORE_FALLBACK if work.fallbacks else MAX_WAIT)
        if not again:
            detail = f"{detail} {_not_before(work, wait)}"
    stands_in = not again and error.code in FALLBACK_CODES and await work.stand_in()
    if stands_in:
        await follow(work, "failed")
        wait, again = 0.0, True
        detail = f"{detail} {work.agent.model} stands in."
    elif not again and work.rescue and error.status == WORDLESS and (work.wordless or tries >= len(BACKOFF)):
        # Some servers say no more of a template that has raised. What works then is not remembered: it may have been an
        # outage that ended.
        work.wordless, work.forgiven = True, work.run.failures
        work.told.add(sent.digest)
        work.refused.add(sent.digest)
        again, code, detail = _in_another_form(work, history, error.detail)
    if not again:
        await follow(work, "not_asked" if sent.digest == work.fault else "failed")
        yield failing(work, error.code, detail)
        return
    if wait == 0.0 and not stands_in:
        work.forgiven += 1  # Nobody was waited for: tries of another kind keep their number.
    now = work.clock.now()
    retry_at = now + int(wait * 1000)
    yield [e.RunRetrying(at=now, run=work.run.id, code=code, detail=detail, retry_at=retry_at)]


async def rested(work: Work, halt: StopOrDeadline) -> None:
    """Wait until the model may be asked again, whoever was told so: this owner, or one before. Returns early when the
    work must end."""
    left = ((work.run.retry_at or 0) - work.clock.now()) / 1000
    if left <= 0:
        return
    pause = asyncio.ensure_future(work.clock.sleep(left))
    try:
        await halt.wait({pause})
    finally:
        pause.cancel()


def of_form(error: ModelError) -> bool:
    """Whether a refusal may be one of the request's form: all of them but those that are known to be something else."""
    return isinstance(error, TranscriptRefused) or (
        error.code == "model_rejected" and not isinstance(error, TooLong) and error.status in (400, 422)
    )


def hint(error: ModelError) -> RequestForm:
    """The change that the words of a refusal ask for, as far as they are known."""
    if not isinstance(error, TranscriptRefused):
        return PROPER
    if error.helps:
        return from_names((error.helps,))
    return from_names((HELPS.get(error.kind, "text_only" if error.kind != "form" else ""),))


def _in_another_form(work: Work, history: History, detail: str) -> tuple[bool, e.RunCode, str]:
    form = another_form(work, history)
    if form is None:
        return False, "model_rejected", detail
    return True, "transcript_invalid", f"{detail} It is asked again {form.title}."


def omit_more(work: Work, history: History, reason: e.LeftOutReason) -> bool:
    """Have the next request go without what is suspected next; False: nothing is left to be suspected."""
    if work.omissions is None:
        profile = profile_of(work.profile, work.form)
        pictures = [file.id for file in wanted(history, profile, work.agent.model) if file.image]
        sent = [id for id in pictures if work.contents.get(id) is not None]
        work.omissions, work.omitted_for = suspicions(history, reason, sent), reason
    if not work.omissions:
        work.omission = ()
        return False
    work.omission = work.omissions.pop(0)
    return True


def _not_before(work: Work, wait: float) -> str:
    until = datetime.fromtimestamp(work.clock.now() / 1000 + wait, UTC)
    return f"It does not want to be asked before {until:%Y-%m-%d %H:%M} UTC."
