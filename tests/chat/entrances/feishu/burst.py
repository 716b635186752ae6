"""`python -m tests.chat.entrances.feishu.burst`: real processes under Feishu's worst habits. Status 1: violations.

Two web servers, two workers, a strict model, and the fake Feishu with its limits. Four acts:

    calm      one message a second, each to a chat of its own: how soon is its card there, and its answer?
    shuffled  each event delivered five times in any order (so the try of six hours later may come first)
    burst     1,000 messages over 50 chats as fast as the web servers take them, some delivered twice at once
    again     eight hours later everything is delivered again, shuffled, by the documented retry schedule

Then: every message in its conversation once and in order, answered once and in order, every request to the model
valid, no limit of Feishu ever exceeded, no dead letter, every delivery answered with 200 in time.

make feishu-burst DATABASE=postgres
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.recovery.chaos.model import Model
from tests.support import template
from tests.support.feishu_bot import RETRIES_S, Bot, Posted, installation
from tests.support.feishu_events import Json, message_event
from tests.support.feishu_server import FeishuServer, Sent
from tests.support.postgres import Postgres
from tests.support.provider import Reply, completion
from tests.support.spent import Spent, family, spent

#: A message names its chat and its place in it, so that an answer can say which messages it has read.
NAME = re.compile(r"\b[a-z]+\d+n\d+\b")
#: Deliveries under way at the same time.
AT_ONCE = 12
#: Feishu's patience (seconds).
TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Plan:
    """How much of each act; `rest_s`: how long everything may take to be answered."""

    calm: int = 20
    shuffled: int = 40
    chats: int = 50
    each: int = 20
    copies: int = 5
    seed: int = 1
    kind: str = "sqlite"
    rest_s: float = 300


@dataclass
class Report:
    """What broke, and what was measured."""

    violations: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)


def echo(path: str, body: Json) -> Reply:
    """Answers with the names of all messages since the last answer: what an answer leaves out or repeats is seen."""
    read: list[str] = []
    for message in body["messages"]:
        if message["role"] == "assistant":
            read = []
        elif message["role"] == "user":
            read += NAME.findall(str(message["content"]))
    reply = completion(f"Read: {' '.join(read)}")
    # In the calm there is time to see a card.
    reply.pause = 2.0 if read[:1] and read[0].startswith("calm") else 0.02
    return reply


class Show:
    """One run of the plan against a bot."""

    def __init__(self, plan: Plan, bot: Bot, postgres: Postgres | None = None) -> None:
        self.plan, self.bot, self.random = plan, bot, random.Random(plan.seed)
        self.postgres = postgres
        self.posted: list[Posted] = []
        self.events: dict[str, list[Json]] = {}
        self.arrived: dict[str, float] = {}
        #: Processor time of the burst: until all of it was delivered, and to the last answer.
        self.spent: dict[str, Spent] = {}
        self._lock = threading.Lock()
        # As if all this had been written more than seven hours ago: the last retry is signed with the time of now.
        self._base = time.time() - RETRIES_S[-1]

    def make(self, chat: str, texts: Sequence[str], **more: str) -> list[Json]:
        """The events of a chat, a millisecond apart."""
        first = int(self._base * 1000)
        made = [
            message_event(text, chat=chat, at_ms=first + number, sender=f"ou_{chat}", **more)
            for number, text in enumerate(texts)
        ]
        for event in made:
            self.bot.feishu.receive(chat, event["event"]["message"]["message_id"])
        self.events[chat] = made
        return made

    def deliver(self, event: Json, copy: int, web: int) -> None:
        """One delivery; what is not answered with 200 comes again at once, as Feishu would send it later."""
        for _ in range(5):
            posted = self.bot.post(event, web=web, after_s=RETRIES_S[copy], base_s=self._base)
            with self._lock:
                self.posted.append(posted)
            if posted.status == 200:
                self.arrived.setdefault(event["event"]["message"]["message_id"], self.bot.feishu.now())
                return

    def all_at_once(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Carry out jobs, AT_ONCE at a time, begun in this order."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(job) for job in jobs]:
                done.result()

    def answered(self, seconds: float) -> None:
        """Wait until every message is marked as answered."""
        count = sum(map(len, self.events.values()))
        query = "SELECT count(*) FROM chat_feishumessage WHERE answered_at IS NOT NULL"
        self.bot.until(lambda: self.bot.stack.sql(query) == [(count,)], seconds, f"{count} answers")

    def quiet(self) -> None:
        """Wait until no worker has anything left to do for Feishu."""
        # One that could not be given back, because the database was busy, is free when its lease has run out.
        query = "SELECT count(*) FROM chat_feishulane WHERE claimed_until > ?"

        def free() -> bool:
            return self.bot.stack.sql(query, int(time.time() * 1000)) == [(0,)]

        try:
            self.bot.until(free, 60, "the lanes to be given back")
        except AssertionError as failure:
            kept = (
                "SELECT l.chat_id, l.head_seq, c.head_seq, r.status, r.retry_at, r.code FROM chat_feishulane l "
                "JOIN chat_conversation c ON c.id = l.conversation JOIN chat_run r ON r.conversation_id = c.id "
                "WHERE l.claimed_until > 0 AND r.seq = (SELECT max(seq) FROM chat_run WHERE conversation_id = c.id)"
            )
            raise AssertionError(f"{self.bot.stack.sql(kept)}\n{failure}") from None

    def used(self) -> Spent:
        """Processor time so far, by whose it is. Senders, Feishu and the model live in this process."""
        parts: dict[str, list[int]] = {"web servers": [], "workers": [], "stores": []}
        for process in self.bot.stack.processes.values():
            parts["workers" if process.name.startswith("worker") else "web servers"] += family(process.pid)
        stores = [self.bot.stack.valkey.process, self.postgres.process if self.postgres else None]
        parts["stores"] += [pid for one in stores if one is not None for pid in family(one.pid)]
        ours = [pid for pids in parts.values() for pid in pids]
        return spent({**parts, "senders, Feishu and the model": {os.getpid()} - set(ours)})

    # ---- the acts ----

    def calm(self) -> None:
        for number in range(self.plan.calm):
            event = self.make(f"oc_calm{number}", [f"calm{number}n0"])[0]
            began = time.monotonic()
            self.deliver(event, 0, number % 2)
            time.sleep(max(0.0, 1 - (time.monotonic() - began)))
        self.answered(60)

    def shuffled(self) -> None:
        events = [self.make(f"oc_mixed{n}", [f"mixed{n}n0"])[0] for n in range(self.plan.shuffled)]
        copies = [(event, copy) for event in events for copy in range(self.plan.copies)]
        self.random.shuffle(copies)
        self.all_at_once(
            [
                lambda e=event, c=copy, w=at % 2: self.deliver(e, c, w)
                for at, (event, copy) in enumerate(copies)
            ]
        )

    def burst(self) -> None:
        chats = [
            self.make(f"oc_burst{n}", [f"burst{n}n{place}" for place in range(self.plan.each)])
            for n in range(self.plan.chats)
        ]
        # Feishu keeps the order of a chat as long as nothing goes wrong; the chats are all at it at the same time.
        waiting = {n: iter(events) for n, events in enumerate(chats)}

        def one(n: int) -> None:
            event = next(waiting[n])
            again = self.random.random() < 0.2
            self.deliver(event, 0, n % 2)
            if again:
                self.deliver(event, 1, (n + 1) % 2)

        began, before = time.monotonic(), self.used()
        for _ in range(self.plan.each):
            self.all_at_once([lambda n=n: one(n) for n in waiting])
        self.spent[f"in the {time.monotonic() - began:.1f} s while it was delivered"] = self.used().since(
            before
        )
        self.answered(self.plan.rest_s)
        self.spent["to the last answer"] = self.used().since(before)

    def again(self) -> None:
        """Feishu has forgotten every uuid by now: whatever is sent twice would be shown twice."""
        self.bot.feishu.advance(8 * 3600)
        copies = [
            (event, copy)
            for chat, events in self.events.items()
            for event in events
            for copy in range(0 if chat.startswith("oc_mixed") else 2, self.plan.copies)
        ]
        self.random.shuffle(copies)
        self.all_at_once(
            [
                lambda e=event, c=copy, w=at % 2: self.deliver(e, c, w)
                for at, (event, copy) in enumerate(copies)
            ]
        )

    # ---- the judgement ----

    def judge(self, model: Model) -> list[str]:
        """Everything that is wrong."""
        bot, wrong = self.bot, list(map(str, model.refused[:5]))
        for chat, events in self.events.items():
            said = [text_of(event) for event in events]
            rows = bot.stack.sql(
                "SELECT m.body FROM chat_message m JOIN chat_feishulane l ON m.conversation_id = l.conversation "
                "WHERE l.chat_id = ? AND m.kind = 'message' ORDER BY m.seq",
                chat,
            )
            kept = [NAME.findall(str(body))[0] for (body,) in rows]
            read = NAME.findall(" ".join(bot.answers(chat)))
            if kept != said:
                wrong.append(f"{chat}: the conversation has {kept} of {said}")
            if read != said:
                wrong.append(f"{chat}: the answers have read {read} of {said}")
            if any(not NAME.search(text) for text in bot.answers(chat)):
                wrong.append(f"{chat}: an answer to nothing")
            if any(card.streaming for card in bot.feishu.cards_of(chat)):
                wrong.append(f"{chat}: a card is still streaming")
        wrong += [
            f"refused: {route} {code}" for route, code in bot.feishu.refused if code in (230020, 99991400)
        ]
        wrong += [
            f"run {row}"
            for row in bot.stack.sql("SELECT run, status FROM chat_run WHERE status != 'finished'")
        ]
        wrong += [
            f"dead letter {row}"
            for row in bot.stack.sql("SELECT id FROM chat_feishudelivery WHERE state = 'dead'")
        ]
        wrong += [
            f"delivery {one}"
            for one in self.posted
            if one.status not in (200, 503) or one.seconds > TIMEOUT_S
        ]
        edits = [route for _, route in bot.feishu.requests if re.fullmatch(r"PUT \S+/messages/\w+", route)]
        return wrong + edits[:5]

    def figures(self, took: float) -> list[str]:
        """What people want to know."""
        waits = [one.seconds for one in self.posted]
        late = sum(1 for one in self.posted if one.status == 503)
        sent = self.bot.feishu.messages
        requests = Counter(int(at) for at, _ in self.bot.feishu.requests)
        minutes = max(
            (sum(requests[second] for second in range(start, start + 60)) for start in requests), default=0
        )
        lines = [
            f"{len(self.arrived)} messages in {len(self.events)} chats, {len(waits)} deliveries, "
            f"{late} of them answered with 503",
            f"webhook: median {_ms(statistics.median(waits))}, 99 % {_ms(_part(waits, 0.99))}, worst {_ms(max(waits))}",
            f"burst: the first delivery to the last answer {took:.1f} s",
            f"runs: {self.bot.stack.sql('SELECT count(*) FROM chat_run')[0][0]}, "
            f"messages sent: {len(sent)}, Feishu's refusals: {len(self.bot.feishu.refused)}",
            f"busiest second of a chat: {_peak(sent)} messages (limit 5); busiest minute of all APIs together: "
            f"{minutes} requests",
        ]
        for act in ("calm", "mixed", "burst"):
            if waits := self.signs(f"oc_{act}"):
                lines.append(
                    f"first sign of life ({act}): median {statistics.median(waits):.2f} s, "
                    f"95 % {_part(waits, 0.95):.2f} s, worst {max(waits):.2f} s"
                )
        lines += [f"processor time of the burst, {when}: {one.told()}" for when, one in self.spent.items()]
        return lines

    def signs(self, kind: str) -> list[float]:
        """Seconds from the first message of each chat of a kind (answered with 200) to its first card; with a model
        that is faster, to the answer."""
        found = []
        for chat, events in self.events.items():
            if chat.startswith(kind):
                began = self.arrived[events[0]["event"]["message"]["message_id"]]
                found += [one.at - began for one in self.bot.feishu.shown(chat)[:1]]
        return found


def run(plan: Plan, template_file: Path | None = None, postgres: Postgres | None = None) -> Report:
    """Do it all; starts and ends every process."""
    report = Report()
    with ExitStack() as stack:
        if plan.kind == "postgres" and postgres is None:
            postgres = stack.enter_context(Postgres())
        feishu = stack.enter_context(FeishuServer())
        model = stack.enter_context(Model(echo))
        env = {"OPENAI_BASE_URL": model.url, "OPENAI_MODEL": "echo"}
        system = stack.enter_context(installation(plan.kind, template_file, postgres, env))
        show = Show(plan, Bot(system, feishu, webs=2, workers=2), postgres)
        try:
            show.calm()
            show.shuffled()
            show.answered(plan.rest_s)
            began = time.monotonic()
            show.burst()
            took = time.monotonic() - began
            show.quiet()
            shown = len(feishu.messages)
            show.again()
            show.answered(10)
            show.quiet()
        except AssertionError as failure:
            report.violations.append(str(failure)[:6000])
            return report
        report.violations = show.judge(model)
        if len(feishu.messages) != shown:
            report.violations.append(
                f"{len(feishu.messages) - shown} messages more after the last deliveries"
            )
        report.figures = show.figures(took)
    return report


def text_of(event: Json) -> str:
    """The name in a message."""
    return NAME.findall(event["event"]["message"]["content"])[0]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _part(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def _peak(sent: list[Sent]) -> int:
    """Most messages of one chat in any second."""
    times: dict[str, list[float]] = {}
    for one in sent:
        times.setdefault(one.chat, []).append(one.at)
    return max((sum(at <= t < at + 1 for t in own) for own in times.values() for at in own), default=0)


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.chat.entrances.feishu.burst", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--chats", type=int, default=50)
    parser.add_argument("--each", type=int, default=20, help="messages of each chat (20)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    chosen = parser.parse_args()
    plan = Plan(chats=chosen.chats, each=chosen.each, seed=chosen.seed, kind=chosen.database)
    print(f"seed {plan.seed}, {plan.kind}", flush=True)
    with ExitStack() as stack:
        import tempfile

        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        report = run(plan, template.make_sqlite(folder) if plan.kind == "sqlite" else None)
    print("\n".join(report.figures))
    print("\n".join(f"VIOLATION {line}" for line in report.violations[:40]))
    print(f"{len(report.violations)} violations")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
