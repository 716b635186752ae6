"""One request to the model and its answer: streamed, assembled, committed only when it is complete (rule R5)."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

from agents import events as e
from agents.dialects.assembler import AssembledCall, Assembler, Response
from agents.dialects.base import Delta, FinishDelta, UsageDelta
from agents.errors import EmptyAnswer, ModelError
from agents.history import History, Run, before, beside
from agents.judging import is_cut, judge
from agents.learned import LearnedForm
from agents.providers.base import Profile
from agents.requesting import Blocked, Request, follow, read_files, recorded, request
from agents.responses import Heard, hearing
from agents.retrying import after
from agents.steps import CallModel
from agents.transcript.forms import PROPER
from agents.transcript.wording import NO_WORDS
from agents.work import PartText, StopOrDeadline, Work, ending, failing, thinking_of

#: Kinds of refusals, beside E1 to E31, after which the form that was taken is remembered.
OF_FORM = frozenset({"form", "images", "other"})
#: Seconds between two pieces of text that are sent on (rule W4). All streams of a process go by the same tick, so that
#: their pieces are written together.
PIECE_INTERVAL = 0.04
#: Seconds of silence after a provider has said that it is over, before its connection is closed for it.
LINGER_TIMEOUT = 5.0
#: Seconds that a cancelled stream gets to close its connection; a stop must be through within one (rule R7).
GRACE = 0.5

#: Characters of reasoning that people can read of one step.
REASONING_CHARS = 40_000

_PROBLEMS: dict[str, e.CallCode] = {"malformed": "malformed_arguments", "truncated": "truncated_arguments"}


@dataclass(frozen=True, slots=True)
class Told:
    """What the end of a step tells of its request and response: when the first piece came (None: nothing has), and the
    digest of the request, if `step.started` tells another."""

    first_at: int | None = None
    sent: str = ""


async def answer(
    work: Work, halt: StopOrDeadline, decision: CallModel
) -> AsyncGenerator[list[e.Event] | PartText, None]:
    """One try of one step. Ends with the step finished, or with RunRetrying (ask `next_step` again), or with
    the run ended."""
    seen = work.history()
    await read_files(work, halt)
    sent = await request(work, decision.step, seen)
    now, run = work.clock.now(), work.run
    if isinstance(sent, Blocked):
        yield failing(work, sent.code, sent.detail)
        return
    begun: list[e.Event] = []
    if sent.broken:
        detail = f"The conversation was sent {sent.form.title} ({sent.broken})."
        begun.append(
            e.RunRetrying(at=now, run=run.id, code="transcript_invalid", detail=detail, retry_at=now)
        )
    model, address = work.agent.model, work.agent.base_url
    facts = await recorded(work, sent, seen)
    begun.append(
        e.StepStarted(
            at=now,
            run=run.id,
            step=decision.step,
            attempt=decision.attempt,
            model=model,
            request=facts,
            agent=work.agent.slug,
        )
    )
    yield begun
    if (stands := before(work.history(), decision.step)).items != beside(seen, decision.step).items:
        # Somebody was faster than step.started: what stands before the step, the step must have read (R6). A step that
        # begins again has moved behind what was said meanwhile.
        await read_files(work, halt)
        sent = await request(work, decision.step, stands)
        if isinstance(sent, Blocked):
            yield failing(work, sent.code, sent.detail)
            return
        seen = stands
    reading = _Reading(work, sent.body, Told(sent="" if sent.digest == facts.digest else sent.digest))
    try:
        async with aclosing(reading.pieces(decision.step, halt)) as pieces:
            async for piece in pieces:
                yield piece
        response = reading.assembler.response()
        if halt.reason:
            kept = shown_reasoning(response.reasoning)
            yield ending(
                work, halt.reason, text=response.text, reasoning=kept, first_at=reading.told.first_at
            )
        elif reading.assembler.too_large:
            yield _overgrown(work, decision.step, response, reading.told)
        else:
            patient, work.cut = work.cut != decision.step, decision.step if is_cut(response) else work.cut
            incomplete = judge(response, patient=patient)
            omitted = await _taken(work, sent)
            yield [*omitted, _finished(work, decision.step, response, incomplete, reading.told)]
    except ModelError as error:
        reading.heard.problem = error.detail
        if isinstance(error, EmptyAnswer) and has_done_something(seen, run) and run.failures > work.forgiven:
            omitted = await _taken(work, sent)
            yield [*omitted, *_silent(work, decision.step, reading.assembler.response(), reading.told)]
            return
        async for events in after(work, error, decision.step, sent, seen):
            yield _half_kept(work, decision.step, events, reading.assembler.response(), reading.told)
    finally:
        await reading.close()
        reading.heard.ended_at = work.clock.now()
        await work.responses.keep(run.id, decision.step, model, address, reading.heard)


async def _taken(work: Work, sent: Request) -> list[e.Event]:
    """What follows from an answer: what was learned from it is kept; what the request had to go without is told."""
    await follow(work, "again_ok" if work.fault.startswith("~") else "text_ok")
    kind, status = work.refused_as
    if sent.form != work.form:
        work.form = sent.form
        if kind.startswith("E") or kind in OF_FORM:
            agent, at = work.agent, work.clock.now()
            await work.learned.learn(
                LearnedForm(agent.base_url, agent.model, sent.form, kind, work.refusal, status, at)
            )
    omitted: list[e.Event] = [
        e.MessageLeftOut(
            at=work.clock.now(),
            message=one.item,
            files=one.files,
            reason=work.omitted_for,
            detail=work.refusal[:500],
            model=work.agent.model,
        )
        for one in work.omission
    ]
    work.window, work.shortened, work.hint = None, 0, PROPER
    work.omission, work.omissions, work.forgiven, work.wordless = (), None, 0, False
    return omitted


def has_done_something(history: History, run: Run) -> bool:
    """Whether a tool has succeeded in this run: what was asked for may be done, whatever the model says of it."""
    return any(
        call.status == "succeeded" for step in history.steps() if step.run == run.id for call in step.calls
    )


def _silent(work: Work, step: str, response: Response, told: Told) -> list[e.Event]:
    """The end of a run whose model has used its tools and says nothing of it."""
    silent = Response(
        "", reasoning=response.reasoning, usage=response.usage, finish=response.finish, replay=response.replay
    )
    detail = "The model used its tools and gave no answer after that."
    end = e.RunFinished(at=work.clock.now(), run=work.run.id, limit="no_answer", detail=detail)
    return [_finished(work, step, silent, None, told), end]


class _Reading:
    """The stream, read by a task of its own, so that a slow store never slows the provider down."""

    def __init__(self, work: Work, body: Mapping[str, Any], told: Told) -> None:
        self.assembler = Assembler()
        self.told = told
        self.heard = Heard(work.responses.most, work.clock.now())
        self._now = work.clock.now
        #: What has come and was not yielded yet: (of which name, text).
        self._text: list[tuple[str, str]] = []
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._read(work, body), name="model stream")

    def _feed(self, delta: Delta) -> None:
        if self.told.first_at is None and not isinstance(delta, UsageDelta | FinishDelta):
            self.told = replace(self.told, first_at=self._now())
        text = self.assembler.feed(delta)
        for kind, piece in (("reasoning", self.assembler.fresh_reasoning()), ("text", text)):
            if piece:
                self._text.append((kind, piece))
                self._more.set()

    async def _read(self, work: Work, body: Mapping[str, Any]) -> None:
        with hearing(self.heard):
            await self._read_all(work, body)

    async def _read_all(self, work: Work, body: Mapping[str, Any]) -> None:
        async with aclosing(work.model.stream(body)) as deltas:
            try:
                async with asyncio.timeout(None) as lingering:
                    async for delta in deltas:
                        self._feed(delta)
                        if self.assembler.too_large:
                            return
                        if self.assembler.ended:
                            lingering.reschedule(asyncio.get_running_loop().time() + LINGER_TIMEOUT)
            except TimeoutError:
                if not lingering.expired():
                    raise
            except ModelError:
                # The answer is whole; what was lost is its usage, or how politely the server takes its leave.
                if not self.assembler.ended:
                    raise

    async def pieces(self, step: str, halt: StopOrDeadline) -> AsyncGenerator[PartText, None]:
        """The text in pieces of PIECE_INTERVAL, until the stream ends or must. Raises ModelError."""
        names = {"text": step, "reasoning": thinking_of(step)}
        offsets = dict.fromkeys(names, 0)
        while not halt.reason:
            more = asyncio.ensure_future(self._more.wait())
            try:
                await halt.wait({self._task, more})
            finally:
                more.cancel()
            for kind, text in self._take():
                yield PartText(names[kind], offsets[kind], text)
                offsets[kind] += len(text.encode("utf-16-le", "replace")) // 2
            if self._task.done():
                if not self._text:
                    break
                continue
            await halt.wait({self._task}, timeout=_until_tick())
        await self.close()
        if not halt.reason and (error := self._task.exception()) is not None:
            raise error

    async def close(self) -> None:
        """Cancel what still runs, and wait for it, but not for longer than GRACE."""
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=GRACE)
        if self._task.done() and not self._task.cancelled():
            self._task.exception()  # Marks it as seen; `pieces` has raised it if it matters.

    def _take(self) -> list[tuple[str, str]]:
        """What has come, in its order, neighbours of one kind as one."""
        taken = [
            (kind, "".join(text for _, text in pieces))
            for kind, pieces in groupby(self._text, key=itemgetter(0))
        ]
        self._text.clear()
        self._more.clear()
        return taken


def _until_tick() -> float:
    """Seconds until the next piece may be sent on."""
    return PIECE_INTERVAL - asyncio.get_running_loop().time() % PIECE_INTERVAL


def _finished(
    work: Work, step: str, response: Response, incomplete: e.Incomplete | None, told: Told
) -> e.StepFinished:
    return e.StepFinished(
        at=work.clock.now(),
        run=work.run.id,
        step=step,
        # A model may imitate what stands in requests beside calls without words; it means nothing.
        text="" if response.calls and response.text.strip() == NO_WORDS else response.text,
        calls=tuple(_proposed(work, step, ordinal, call) for ordinal, call in enumerate(response.calls)),
        usage=work.priced(response.usage),
        finish=response.finish[:100],
        reasoning=shown_reasoning(response.reasoning),
        incomplete=incomplete,
        issuer=work.profile.issuer(work.agent.model, work.agent.endpoint.account),
        replay=replay_of(work.profile, response),
        first_at=told.first_at,
        sent=told.sent,
    )


def replay_of(profile: Profile, response: Response) -> dict[str, Any] | None:
    """What goes back to the issuer of a response with every later request (rule V14); None: nothing."""
    replay: dict[str, Any] = {}
    if profile.replays_reasoning and response.reasoning.strip():
        replay["reasoning_content"] = response.reasoning
    if extras := {str(n): dict(call.extra) for n, call in enumerate(response.calls) if call.extra}:
        replay["calls"] = extras
    if response.replay:
        replay["items"] = [dict(item) for item in response.replay]
    return replay or None


def shown_reasoning(text: str) -> str:
    """Reasoning as the journal keeps it for people: of a very long one the beginning and the end, because the frame of
    an event must fit (rule W10) and may hold it a second time, for its issuer."""
    text = text.strip()
    if len(text) <= REASONING_CHARS:
        return text
    half = REASONING_CHARS // 2
    return f"{text[:half]}\n\n[… {len(text) - REASONING_CHARS:,} …]\n\n{text[-half:]}"


def _proposed(work: Work, step: str, ordinal: int, call: AssembledCall) -> e.ProposedCall:
    known = call.name in work.agent.tools and call.name in work.tools.names
    problem = _PROBLEMS.get(call.state) if known else "unknown_tool"
    return e.ProposedCall(
        call=e.call_id(work.history().conversation, step, ordinal),
        ordinal=ordinal,
        name=call.name[:200],
        arguments=call.arguments,
        provider_id=call.provider_id[:200],
        effect=work.tools.effect(call.name),
        problem=problem,
    )


def _overgrown(work: Work, step: str, response: Response, told: Told) -> list[e.Event]:
    """The end of a run whose model does not stop talking (rule R8): the text stays, calls do not."""
    cut = Response(response.text, reasoning=response.reasoning, usage=response.usage, finish="length")
    detail = "The answer was longer than one answer may be, and was cut."
    end = e.RunFinished(at=work.clock.now(), run=work.run.id, limit="limit_tokens", detail=detail)
    return [_finished(work, step, cut, "length", told), end]


def _half_kept(work: Work, step: str, events: list[e.Event], response: Response, told: Told) -> list[e.Event]:
    """The end of a run that gives up in the middle of an answer: what people have read stays, marked (rule R14). Its
    calls do not. Whatever else comes of a failed try (another one) is left as it is."""
    half = Response(response.text, reasoning=response.reasoning, usage=response.usage)
    return [
        _finished(work, step, half, "interrupted", told)
        if isinstance(event, e.StepDiscarded) and event.step == step and response.text.strip()
        else event
        for event in events
    ]
