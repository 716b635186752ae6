"""What follows when the model did not answer: another try, another form, another model, or the end of the run."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import replace

from agents import events as e
from agents.dialects.errors import IMAGES
from agents.errors import ModelError, TooLong, TranscriptRefused
from agents.requesting import Request, follow, keep, keep_refusal
from agents.transcript.tokens import estimate
from agents.work import StopOrDeadline, Work, failing

#: Seconds before each further try; a longer Retry-After is honoured up to MAX_WAIT.
BACKOFF = (1.0, 2.0, 4.0, 8.0)
MAX_WAIT = 60.0
#: With somebody to stand in, nobody waits that long: fewer tries, and a shorter Retry-After.
TRIES_BEFORE_FALLBACK = 2
WAIT_BEFORE_FALLBACK = 10.0
#: How often a request that is too long is halved.
MAX_SHORTENED = 3

#: What another model can help with. A refused key and an unknown name are mistakes of the set-up: an agent that
#: answers with another model for months would hide them. What is wrong with the request is wrong everywhere.
FALLBACK_CODES: frozenset[e.RunCode] = frozenset(
    {"model_busy", "model_unreachable", "model_error", "model_quota"}
)


async def after(
    work: Work, halt: StopOrDeadline, error: ModelError, step: str, sent: Request
) -> AsyncGenerator[list[e.Event], None]:
    """Say that the same step is tried again (RunRetrying; then ask `next_step`) and wait as long as that takes, or
    end the run. The step is not committed, so no tool runs twice because of it."""
    code, wait, again, detail = error.code, 0.0, False, error.detail
    await keep_refusal(work, step, sent, error)
    tries = work.run.failures - work.forgiven
    if isinstance(error, TranscriptRefused) and error.kind == IMAGES:
        again, code = bool(work.profile.vision), "transcript_invalid"
        work.profile = replace(work.profile, vision="")
    elif isinstance(error, TranscriptRefused):
        again, code = not work.text_only, "transcript_invalid"
        work.text_only = True
    elif isinstance(error, TooLong):
        again = work.shortened < MAX_SHORTENED
        work.shortened += 1
        work.window = min(work.agent.limits.window_tokens, estimate(json.dumps(sent.body))) // 2
    elif error.retry and tries < (TRIES_BEFORE_FALLBACK if work.fallbacks else len(BACKOFF)):
        wait = max(BACKOFF[tries], error.after or 0.0)
        again = wait <= (WAIT_BEFORE_FALLBACK if work.fallbacks else MAX_WAIT)
    if not again and error.code in FALLBACK_CODES and work.stand_in():
        await follow(work, "failed")
        wait, again = 0.0, True
        detail = f"{detail} {work.agent.model} stands in."
    if not again:
        if isinstance(error, TooLong):
            await keep(work, step, sent.body, sent.digest, "too_long", error.detail, error.status)
        await follow(work, "not_asked" if sent.digest == work.fault else "failed")
        yield failing(work, error.code, detail)
        return
    now = work.clock.now()
    retry_at = now + int(wait * 1000)
    yield [e.RunRetrying(at=now, run=work.run.id, code=code, detail=detail, retry_at=retry_at)]
    pause = asyncio.ensure_future(work.clock.sleep(wait))
    try:
        await halt.wait({pause})
    finally:
        pause.cancel()
