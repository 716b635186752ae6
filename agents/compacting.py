"""A summary of the older history, asked of the model when the window has no room for it any more (rule T2).

People wait meanwhile, so it is done only when something would be left out otherwise, and bounded in time. Where
no summary comes, the oldest items are left out as before; nothing depends on it.
"""

import asyncio
import logging
from contextlib import aclosing

from agents import events as e
from agents.dialects.assembler import Assembler
from agents.errors import ModelError
from agents.faults import digest_of
from agents.history import UserMessage, empty
from agents.requesting import Request, asking, follow, keep_refusal, rendered
from agents.transcript.compaction import SYSTEM, CompactionPlan, longest, plan, question, shortened
from agents.transcript.layout import budget, cost
from agents.transcript.room import ModelSettings
from agents.transcript.wording import clean
from agents.work import StopOrDeadline, Work

log = logging.getLogger(__name__)

#: Seconds that a summary may take.
SUMMARY_TIMEOUT_S = 90.0
#: How far the conversation must have gone (in seq) after one was asked for, before another is.
PAUSE = 40


async def compact(work: Work, halt: StopOrDeadline) -> list[e.Event]:
    """The event that replaces older items by their summary, or says that none came; nothing if there is no need.

    To be asked only when nothing is in flight: `next_step` says CallModel when no call is open.
    """
    history, ask = work.history(), asking(work)
    last = history.items[-1].seq if history.items else 0
    if not work.agent.compaction or (history.summary_tried and last < history.summary_tried + PAUSE):
        return []
    room = budget(ask)
    found = plan(history, room, lambda item: cost(item, room))
    if found is None:
        return []
    told = {"at": work.clock.now(), "run": work.run.id, "upto": found.upto, "model": work.agent.model}
    try:
        summary, usage = await _asked(work, halt, found, ask)
    except ModelError as error:
        log.warning("No summary of the older history came: %s", error.detail, extra={"run": work.run.id})
        return [] if halt.reason else [e.HistoryCompacted(**told, summary="", problem=error.detail[:500])]
    if halt.reason:
        return []
    made = {"items": found.count, "before": found.before, "usage": work.priced(usage)}
    return [e.HistoryCompacted(**told, **made, summary=summary)]


async def _asked(
    work: Work, halt: StopOrDeadline, found: CompactionPlan, ask: ModelSettings
) -> tuple[str, e.Usage]:
    """The summary, or an empty text if the work must end. Raises ModelError."""
    room = budget(ask)
    said = UserMessage("summary", 1, question(found.material, room))
    material = empty(work.history().conversation)
    asked = ModelSettings(ask.model, SYSTEM, (), ask.window)
    body, violations = rendered(work, type(material)(material.conversation, (said,)), asked, work.form)
    digest = digest_of(work.agent.base_url, body)
    if violations or digest in work.refused:
        raise ModelError("transcript_invalid", "the request for it would be refused")
    assembler = Assembler()
    reading = asyncio.create_task(_read(work, body, assembler), name="summary")
    try:
        await halt.wait({reading}, timeout=SUMMARY_TIMEOUT_S)
    finally:
        reading.cancel()
        await asyncio.wait({reading}, timeout=0.5)
    if halt.reason:
        return "", e.Usage()
    if reading.cancelled() or not reading.done():
        raise ModelError("model_busy", "it took too long")
    error = reading.exception()
    if isinstance(error, ModelError):
        await keep_refusal(work, f"{work.run.id}.summary", Request(body, digest, form=work.form), error)
        await follow(work, "not_asked")
    if error is not None:
        raise error
    response = assembler.response()
    if assembler.too_large or response.calls or not response.ended or not response.text.strip():
        raise ModelError("model_error", "what came is no summary")
    return shortened(clean(response.text.strip()), longest(room)), response.usage


async def _read(work: Work, body: dict[str, object], assembler: Assembler) -> None:
    async with aclosing(work.model.stream(body)) as deltas:
        async for delta in deltas:
            assembler.feed(delta)
            if assembler.too_large:
                return
