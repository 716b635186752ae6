"""One proof: schedules in several zones, three workers, one killed every few seconds, a clock that runs over changes of
summer time; then every due time must have been exactly one run."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from tests.recovery.chaos import tools
from tests.recovery.chaos.model import Model
from tests.recovery.chaos.run import give_tools
from tests.recovery.schedules import oracle
from tests.support import template
from tests.support.postgres import Postgres
from tests.support.processes import Stack
from tests.support.waiting import wait_until

WORKERS = ("worker", "worker2", "worker3")
ZONES = ("Europe/Berlin", "America/New_York")
CRONS = (
    "30 2 * * *", "0 1 * * *", "15 2 * * *", "0 3 * * *", "0,30 2 * * *", "30 1 * * *",
    "0 * * * *", "15 * * * *", "*/30 * * * *", "30 */2 * * *",
)  # fmt: skip
#: Every change is in the middle of its stretch. They begin and end at :35, and nothing is due between then and the next
#: full hour, so that the time that passes by itself meanwhile makes nothing due.
STRETCHES = {
    "New York springs forward": ("2027-03-14T04:35+00:00", "2027-03-14T09:35+00:00"),
    "Berlin springs forward": ("2027-03-27T22:35+00:00", "2027-03-28T03:35+00:00"),
    "Berlin falls back": ("2027-10-30T22:35+00:00", "2027-10-31T03:35+00:00"),
    "New York falls back": ("2027-11-07T03:35+00:00", "2027-11-07T08:35+00:00"),
}
#: Where workers are made to kill themselves, besides being killed: between two writes that belong together.
POINTS = (
    "",
    "schedules.received:1",
    "schedules.received:2",
    "schedules.fired:1",
    "schedules.fired:2",
    "inbox.applied:1",
    "inbox.applied:3",
)

GIVEN_UP = "crashed_too_often"
#: Seconds in which the first three workers have to come to their places.
TIMEOUT_S = 20
#: What every fifth schedule asks for: two tools at once, one of which has an effect that must not happen twice.
EFFECT = "[look 50 0, post 20 20] say 2"

MAKE = """
import json, sys
from django.contrib.auth import get_user_model
from chat.entrances.schedules import editing
from chat.entrances.schedules.validation import Draft
owner = get_user_model().objects.get(username="alice")
for given in json.loads({drafts!r}):
    editing.create(owner, Draft(**given))
"""
TO_STATE = """
from chat.entrances.schedules import editing
from chat.entrances.schedules.models import Schedule
for row in Schedule.objects.all():
    editing.{what}(row)
"""


@dataclass(frozen=True)
class Plan:
    """`step` is how far the clock goes at once, `pace_s` how long it rests then."""

    seed: int
    schedules: int = 200
    stretches: Sequence[str] = tuple(STRETCHES)
    postgres: bool = False
    kill_s: float = 4.0
    step: timedelta = timedelta(minutes=15)
    pace_s: float = 1.5
    rest_s: float = 300.0


@dataclass
class Report:
    """What was found. `violations` is empty if every due time was one run."""

    plan: Plan
    due: int = 0
    runs: int = 0
    effects: int = 0
    killed: int = 0
    killed_themselves: Counter[str] = field(default_factory=Counter)
    taken_twice: int = 0
    given_up: int = 0
    violations: list[str] = field(default_factory=list)
    outputs: str = ""
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """For people; the last line is the verdict."""
        points = ", ".join(f"{name} {count}" for name, count in sorted(self.killed_themselves.items()))
        return [
            f"{self.plan.schedules} schedules, {', '.join(self.plan.stretches)}",
            f"{self.due} due times, {self.runs} runs with {self.effects} effects; {self.killed} workers killed, "
            f"{self.killed_themselves.total()} killed themselves ({points})",
            f"{self.taken_twice} due times were begun by more than one worker; "
            f"{self.given_up} runs were given up because five workers had died with them",
            *(f"VIOLATION {line}" for line in self.violations[:40]),
            f"seed {self.plan.seed}: {len(self.violations)} violations in {self.seconds:.0f} s",
        ]


def _has_effect(number: int) -> bool:
    return number % 5 == 3


def drafts(plan: Plan) -> list[dict[str, object]]:
    """What is to be scheduled: mostly cron, in both zones, and some intervals; each second one in one conversation."""
    made: list[dict[str, object]] = []
    for number in range(plan.schedules):
        draft: dict[str, object] = {
            "name": f"s{number}",
            "prompt": EFFECT if _has_effect(number) else f"say {number % 5 + 1}",
            "zone": ZONES[number % 2],
            "missed": "all",
            "most": 100,
            "place": "same" if number % 4 < 2 else "new",
        }
        if number % 10 == 9:
            draft |= {"kind": "interval", "every_s": 7200, "at": "2027-01-01T00:20+00:00"}
        else:
            draft |= {"kind": "cron", "cron": CRONS[number // 2 % len(CRONS)]}
        made.append(draft)
    return made


def expected(plan: Plan) -> set[tuple[str, int]]:
    """(name, due) of all that must run."""
    found: set[tuple[str, int]] = set()
    known: dict[tuple[str, ...], set[int]] = {}
    for draft in drafts(plan):
        for stretch in plan.stretches:
            begin, end = (datetime.fromisoformat(text) for text in STRETCHES[stretch])
            key = (str(draft.get("cron")), str(draft["zone"]), stretch)
            if key not in known:
                if draft["kind"] == "cron":
                    known[key] = oracle.expected(key[0], key[1], begin, end)
                else:
                    first = datetime.fromisoformat(str(draft["at"]))
                    known[key] = oracle.every(7200, first, begin, end)
            found |= {(str(draft["name"]), due) for due in known[key]}
    return found


class Clock:
    """The clock of all processes of a stack."""

    def __init__(self, folder: Path, moment: datetime) -> None:
        self.path = folder / "ahead"
        self.set(moment)

    def set(self, moment: datetime) -> None:
        """It is this moment now, and time goes on from there."""
        ahead = int(moment.timestamp() * 1000) - time.time_ns() // 1_000_000
        fresh = self.path.with_suffix(".new")
        fresh.write_text(str(ahead))
        os.replace(fresh, self.path)


class Killer:
    """Keeps three workers running, and kills one every few seconds."""

    def __init__(self, stack: Stack, plan: Plan, report: Report) -> None:
        self._stack, self._plan, self._report = stack, plan, report
        self._random = random.Random(plan.seed)
        self._points = dict.fromkeys(WORKERS, "")
        self._begun: dict[str, int] = {}
        # At first one for each kind of place.
        for label, point in zip(WORKERS, (POINTS[1], POINTS[3], POINTS[5]), strict=True):
            self._start(label, point)
        wait_until(lambda: all(map(self._ready, WORKERS)), 60, "the workers to be ready")
        self._began = time.monotonic()
        self._next = self._began + plan.kill_s

    def tick(self) -> None:
        """Kill one if it is time, and start those that are dead."""
        victim = self._stack.process(self._random.choice(WORKERS))
        # One that is still starting would die without having touched anything, and the first three die by themselves.
        first = self._report.killed_themselves.total() < 3 and time.monotonic() < self._began + TIMEOUT_S
        if not first and time.monotonic() >= self._next and victim.alive and self._ready(victim.name):
            self._next = time.monotonic() + self._plan.kill_s
            victim.kill()
            self._report.killed += 1
            self._points[victim.name] = ""
        for label in WORKERS:
            if not self._stack.process(label).alive:
                if self._points[label]:
                    self._report.killed_themselves[self._points[label].partition(":")[0]] += 1
                self._start(label, self._random.choice(POINTS))

    def calm(self) -> None:
        """From now on nobody dies."""
        for label in WORKERS:
            process = self._stack.process(label)
            if self._points[label] or not process.alive:
                if process.alive:
                    process.kill()
                self._start(label)

    def _ready(self, label: str) -> bool:
        """Whether the worker has begun to work since it was started last."""
        process = self._stack.process(label)
        return b"starts." in process.log.read_bytes()[self._begun[label] :]

    def _start(self, label: str, point: str = "") -> None:
        self._points[label] = point
        log = self._stack.data / f"{label}.log"
        self._begun[label] = log.stat().st_size if log.exists() else 0
        self._stack.start("worker", label, HOLDFAST_DIE_AT=point)


def run(plan: Plan, database_template: Path | None = None) -> Report:
    """Do it. Raises AssertionError if it does not come to rest."""
    began = time.monotonic()
    report = Report(plan)
    with ExitStack() as keep:
        folder = Path(tempfile.mkdtemp(prefix="holdfast-schedules-"))
        keep.callback(shutil.rmtree, folder, ignore_errors=True)
        database = None
        if plan.postgres:
            server = keep.enter_context(Postgres())
            server.execute("CREATE DATABASE schedules")
            database = server.url("schedules")
            template.fill(database, folder)
        elif database_template is None:
            database_template = template.make_sqlite(folder)
        model = keep.enter_context(Model())
        clock = Clock(folder, datetime.fromisoformat(STRETCHES[plan.stretches[0]][0]))
        env = {
            "HOLDFAST_TEST_CLOCK": str(clock.path),
            "HOLDFAST_SCHEDULE_LOOK_MS": "200",
            "HOLDFAST_SCHEDULES_PER_USER": "100000",
            "HOLDFAST_LEASE_MS": "2000",
            "HOLDFAST_SWEEP_MS": "500",
            "HOLDFAST_TOOL_MODULES": "tests.recovery.chaos.tools",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_MODEL": "chaos",
        }
        stack = keep.enter_context(
            Stack(template=None if database else database_template, database=database, env=env)
        )
        give_tools(stack)
        stack.manage("shell", "-v", "0", "-c", MAKE.format(drafts=json.dumps(drafts(plan))))
        killer: Killer | None = None
        for stretch in plan.stretches:
            begin, end = (datetime.fromisoformat(text) for text in STRETCHES[stretch])
            if killer is not None:
                stack.manage("shell", "-v", "0", "-c", TO_STATE.format(what="pause"))
                clock.set(begin)
                stack.manage("shell", "-v", "0", "-c", TO_STATE.format(what="resume"))
            killer = killer or Killer(stack, plan, report)
            _pass(plan, clock, killer, begin, end)
            _settle(plan, stack, killer)
        assert killer is not None
        killer.calm()
        _check(plan, stack, report)
        report.violations += [f"the model refused a request: {text}" for text in model.refused]
        report.outputs = stack.outputs()
    report.seconds = time.monotonic() - began
    return report


def _pass(plan: Plan, clock: Clock, killer: Killer, begin: datetime, end: datetime) -> None:
    moment = begin
    while moment < end:
        moment = min(end, moment + plan.step)
        clock.set(moment)
        until = time.monotonic() + plan.pace_s
        while time.monotonic() < until:
            killer.tick()
            time.sleep(0.05)


def _settle(plan: Plan, stack: Stack, killer: Killer) -> None:
    """Until everything that was due is over; workers go on dying for the first half of the patience."""
    lively = time.monotonic() + 2 * plan.kill_s

    def over() -> bool:
        if time.monotonic() < lively:
            killer.tick()
        else:
            killer.calm()
        left = stack.sql("SELECT count(*) FROM chat_schedulefiring WHERE state IN ('received', 'fired')")
        late = stack.sql(
            "SELECT count(*) FROM chat_schedule WHERE next_at <= ?", int(time.time() * 1000) + _ahead(stack)
        )
        return left == [(0,)] and late == [(0,)]

    try:
        wait_until(over, plan.rest_s, "all that was due to be over", every=0.2)
    except AssertionError as failure:
        rows = stack.sql("SELECT state, detail, attempts FROM chat_schedulefiring WHERE state != 'over'")
        raise AssertionError(f"{failure}\n{rows[:20]}\n{stack.outputs()}") from None


def _ahead(stack: Stack) -> int:
    return int(Path(stack.env["HOLDFAST_TEST_CLOCK"]).read_text())


def _check(plan: Plan, stack: Stack, report: Report) -> None:
    wanted = expected(plan)
    rows = stack.sql(
        "SELECT s.name, f.due, f.state, f.outcome, f.conversation, f.message, f.run, f.attempts, f.detail "
        "FROM chat_schedulefiring f JOIN chat_schedule s ON s.id = f.schedule_id"
    )
    report.due, report.taken_twice = len(wanted), sum(row[7] > 1 for row in rows)
    found = Counter((row[0], row[1]) for row in rows)
    for name, due in sorted(wanted - set(found)):
        report.violations.append(f"{name} was not run at {_utc(due)}")
    for name, due in sorted(set(found) - wanted):
        report.violations.append(f"{name} was run at {_utc(due)}, when it was not due")
    report.violations += [f"{key} has {count} rows" for key, count in found.items() if count != 1]
    for row in rows:
        # Who dies with its workers five times is given up, and says so: once is once.
        if (row[2], row[3]) == ("over", "failed") and "died too often" in row[8]:
            report.given_up += 1
        elif (row[2], row[3]) != ("over", "finished"):
            report.violations.append(f"{row[0]} at {_utc(row[1])} is {row[2]} {row[3]}: {row[8]}")
    fired = Counter((UUID(str(row[4])), row[5]) for row in rows if row[4])
    said = Counter(
        (UUID(str(place)), message)
        for place, message in stack.sql(
            "SELECT conversation_id, message FROM chat_message WHERE kind = 'message'"
        )
    )
    if fired != said:
        report.violations.append(f"messages differ from firings: {list((fired - said) + (said - fired))[:5]}")
    _check_effects(wanted, stack, report)
    runs = stack.sql("SELECT conversation_id, run, status, code FROM chat_run")
    report.runs = len(runs)
    answered = Counter((UUID(str(row[4])), row[6]) for row in rows if row[4])
    done = Counter(
        (UUID(str(place)), run)
        for place, run, status, code in runs
        if status == "finished" or code == GIVEN_UP
    )
    if answered != done:
        report.violations.append(
            f"runs differ from firings: {list((answered - done) + (done - answered))[:5]}"
        )


def _check_effects(wanted: set[tuple[str, int]], stack: Stack, report: Report) -> None:
    """Each due time that asks for an effect has it once, whoever died before, in or after it (rules R3, R4)."""
    report.effects = sum(_has_effect(int(name[1:])) for name, _ in wanted)
    keys = Counter(str(line["key"]) for line in tools.entries(stack.data / tools.NAME))
    report.violations += [
        f"the effect {key} happened {count} times" for key, count in keys.items() if count > 1
    ]
    # A run that is given up may end before or after its effect.
    if not report.effects - report.given_up <= len(keys) <= report.effects:
        report.violations.append(f"{len(keys)} effects for {report.effects} due times that ask for one")
    calls = Counter(stack.sql("SELECT name, status FROM chat_call"))
    if not report.given_up and calls != Counter(
        {(name, "succeeded"): report.effects for name in ("look", "post")}
    ):
        report.violations.append(f"calls: {dict(calls)}")


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000).astimezone().isoformat()
