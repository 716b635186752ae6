"""Performs the replays that were asked for in the admin: a side task of the worker process.

Any number of workers look; one has a replay by a claim, renewed with each request. What it has got is kept after each
answer, so that whoever takes it up from a dead worker goes on there. No tool is at hand here: calls are answered from
the record (agents/replaying.py).
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.dialects.assembler import Response
from agents.dialects.base import Model
from agents.dialects.opening import chosen
from agents.dialects.requests import dialect_of
from agents.errors import ModelError
from agents.faults import digest_of
from agents.history import History
from agents.recording import RequestSettings
from agents.replaying import (
    MAX_STEPS,
    Record,
    RecordedCall,
    Target,
    after,
    render_for,
    step_events,
    with_target,
)
from agents.serving.keys import environment_key
from agents.serving.listing import CannotList, reachable
from agents.spec import AgentSpec
from agents.tools.addresses import SystemResolver
from chat.journal.faultlog import without_keys
from chat.replay.answers import Answer, answer_of, response_of
from chat.replay.asking import ask
from chat.replay.models import Replay
from chat.replay.sent import NotKept, Recorded, contents_of, recorded_at
from chat.replay.steps import Told, told_steps
from chat.replay.targets import SAME, NoTarget, resolve
from chat.runs.dependencies import with_endpoints
from chat.set_aside import OUTAGES
from chat.support.claims import Claim
from chat.support.clock import now_ms
from chat.support.database import Database
from chat.support.looking import keep_looking

log = logging.getLogger(__name__)

#: Seconds between two looks, and after a failure.
POLL_S = 2.0
ERROR_DELAY_S = 5.0
#: Seconds for one request, and for all of a replay.
REQUEST_S = 240.0
TOTAL_S = 1_800.0
#: How long a replay is its worker's without a sign of life (ms): longer than any request takes.
CLAIM_MS = 300_000
CLAIM = Claim(holder="claimed_by")
#: How often a replay is taken: once more after its worker was lost.
MAX_TRIES = 2
#: Replays that one worker performs at the same time.
MAX_AT_ONCE = 2


@dataclass
class Work:
    """One replay under way: what it was asked for, and how far it is."""

    row: Replay
    told: list[Told]
    recorded: Recorded
    spec: AgentSpec
    record: Record
    history: History
    answers: list[Answer] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The seq of the newest event of the history."""
        return max((item.seq for item in self.history.items), default=self.row.seq)


async def perform_replays(database: Database, worker: str, poll_s: float = POLL_S) -> None:
    """Look for replays and perform them until cancelled. Survives outages."""
    # A group waits for all of them when it is cancelled, and so for what they give back; `gather` would not.
    async with asyncio.TaskGroup() as group:
        for n in range(MAX_AT_ONCE):
            group.create_task(_perform_on(database, f"{worker}/{n}", poll_s))


async def _perform_on(database: Database, worker: str, poll_s: float) -> None:
    async def look() -> float:
        return 0 if await perform_one(database, worker) else poll_s

    await keep_looking("Replays", look, after_failure_s=ERROR_DELAY_S, away=OUTAGES, log=log, patient=True)


async def perform_one(database: Database, worker: str) -> bool:
    """Take the oldest replay that nobody has, and perform it. False: there is none."""
    taken = await database.run(_take, worker, database.using)
    if taken is None:
        return False
    rows = Replay.objects.using(database.using).filter(pk=taken, claimed_by=worker)
    ended = ("failed", "")
    try:
        async with asyncio.timeout(TOTAL_S):
            ended = await _perform(database, rows, taken)
    except TimeoutError:
        ended = ("failed", "too_slow")
    except (NotKept, NoTarget, CannotList) as problem:
        ended = ("failed", str(problem))
    except asyncio.CancelledError:
        # The worker leaves: another one goes on at once.
        await asyncio.shield(database.run(_give_back, rows))
        raise
    except Exception:
        log.exception("A replay could not be performed.")
        ended = ("failed", "internal")
    await database.run(_end, rows, *ended)
    return True


async def _perform(database: Database, rows: Any, pk: int) -> tuple[str, str]:
    """Send one request after the other until the run is over; (state, `Replay.detail`)."""
    work = await database.run(_begin, pk, database.using)
    if work is None:
        return "failed", "deleted"
    work.spec = await with_endpoints(work.spec)
    await reachable(work.spec.base_url, SystemResolver())
    for n, kept in enumerate(work.row.steps):  # what a worker that was lost has got already
        work.answers.append(kept)
        response = response_of(kept)
        outcomes = work.record.answer(response.calls)
        if ended := _over(work, n, response, outcomes):
            return ended
        _go_on(work, n, response, outcomes, with_target(_told(work, n).settings, _target(work)))
    while True:
        n = len(work.answers)
        made = await database.run(_make, work, n)
        if isinstance(made, str):
            return "failed", made
        body, asked, digest, same = made
        if not await database.run(_renew, rows):
            return "failed", "taken"
        got, timing = await ask(_model(work, asked), body, REQUEST_S)
        if isinstance(got, ModelError):
            return "failed", await database.run(without_keys, got.detail, database.using)
        outcomes = work.record.answer(got.calls)
        step = f"{work.row.run}.{_index(work, n)}"
        answer = answer_of(step, got, outcomes, asked, timing, digest, same, work.spec.prices)
        work.answers.append(answer)
        await database.run(_keep, rows, work.answers, database.using)
        if ended := _over(work, n, got, outcomes):
            return ended
        _go_on(work, n, got, outcomes, asked)


def _over(
    work: Work, n: int, response: Response, outcomes: Sequence[RecordedCall | None]
) -> tuple[str, str] | None:
    """How the replay ends after its nth answer; None: it goes on."""
    if not work.row.whole or not response.calls:
        return "done", ""
    if None in outcomes:
        return "done", "unrecorded_call"
    return ("done", "max_steps") if n + 1 >= MAX_STEPS else None


def _model(work: Work, asked: RequestSettings) -> Model:
    key = environment_key(asked.address) if work.spec.key is None else work.spec.key
    return dialect_of(asked.profile).open(asked.address, key, asked.profile)


def _index(work: Work, n: int) -> int:
    """The index of the nth step of the replay in its run."""
    return int(work.row.step.rpartition(".")[2]) + n


def _make(work: Work, n: int) -> tuple[dict[str, Any], RequestSettings, str, bool | None] | str:
    """The nth request: its body, the settings it is made with, its digest, and whether it is the recorded one; or why
    it is not sent."""
    recorded = n < len(work.told)
    told, target = _told(work, n), _target(work)
    settings, facts, sent = told.settings, told.facts, told.answered if recorded else ""
    if n == 0:
        files, sent = work.recorded.files, work.recorded.answered
    else:
        files = contents_of(work.row.conversation_id, work.history, settings, facts)
    rendered, asked = render_for(work.history, settings, facts, files, target, sent)
    if rendered.violations:
        return "gate: " + "; ".join(str(one) for one in rendered.violations[:3])
    digest = digest_of(asked.address, rendered.body)
    same = digest == (sent or facts.digest) if recorded and target is None else None
    return rendered.body, asked, digest, same


def _told(work: Work, n: int) -> Told:
    """The recorded step in whose place the nth request stands; the last one where the run has had fewer."""
    return work.told[min(n, len(work.told) - 1)]


def _target(work: Work) -> Target | None:
    spec = work.spec
    if work.row.target == SAME:
        return None
    return Target(spec.base_url, spec.model, chosen(spec), spec.endpoint.account, spec.context_window)


def _go_on(
    work: Work,
    n: int,
    response: Response,
    outcomes: Sequence[RecordedCall | None],
    asked: RequestSettings,
) -> None:
    """Put the step and its outcomes into the history, and what people said before the next recorded one."""
    events = step_events(work.history, work.row.run, _index(work, n), response, outcomes, asked, now_ms())
    recorded = n < len(work.told)
    here = work.told[n].seq if recorded else work.last + 1
    work.history = after(work.history, events, max(here, work.last + 1))
    for seq, event in work.told[n].said if recorded else ():
        work.history = after(work.history, [event], max(seq, work.last + 1))


# ---- SQL ----------------------------------------------------------------------------------------------------------


def _take(worker: str, using: str) -> int | None:
    rows = Replay.objects.using(using)
    now = now_ms()
    lost = rows.filter(state="running", claimed_until__lte=now)
    lost.filter(tries__gte=MAX_TRIES).update(state="failed", detail="lost", ended_at=now)
    lost.filter(tries__lt=MAX_TRIES).update(state="waiting", claimed_by="")
    for row in rows.filter(state="waiting").order_by("pk")[:5]:
        mine = rows.filter(pk=row.pk, state="waiting")
        taken: dict[str, Any] = {
            "state": "running",
            "tries": row.tries + 1,
            "started_at": row.started_at or now,
        }
        if CLAIM.take(mine, now, now + CLAIM_MS, who=worker, **taken):
            return int(row.pk)
    return None


def _begin(pk: int, using: str) -> Work | None:
    row = Replay.objects.using(using).select_related("conversation").get(pk=pk)
    if row.conversation.deleted_at is not None:
        return None
    recorded = recorded_at(row.conversation_id, row.seq)
    told = told_steps(row.conversation_id, row.run, row.seq, whole=row.whole)
    spec = resolve(row.target, recorded.settings, row.conversation.agent)
    record = Record(one for step in told for one in step.calls)
    return Work(row, told, recorded, spec, record, recorded.history)


def _renew(rows: Any) -> bool:
    return bool(rows.filter(state="running").update(claimed_until=now_ms() + CLAIM_MS))


def _keep(rows: Any, answers: list[Answer], using: str) -> None:
    # Nobody's key is kept, should one have got into an answer.
    answers = json.loads(without_keys(json.dumps(answers, ensure_ascii=False), using))
    used = [answer["usage"] for answer in answers]
    costs = [one["cost"] for one in used if one["cost"] is not None]
    rows.update(
        steps=answers,
        digest=answers[0]["digest"],
        input_tokens=sum(one["input"] for one in used),
        output_tokens=sum(one["output"] for one in used),
        cached_tokens=sum(one["cached"] for one in used),
        cost=sum(costs) if costs else None,
        claimed_until=now_ms() + CLAIM_MS,
    )


def _give_back(rows: Any) -> None:
    rows.filter(state="running").update(state="waiting", claimed_until=0, claimed_by="")


def _end(rows: Any, state: str, detail: str = "") -> None:
    rows.filter(state="running").update(state=state, detail=detail, ended_at=now_ms(), claimed_until=0)
