"""`python -m tests.recovery.webhooks`: fifty webhooks at once, some of them twice, to two web servers whose clocks are
two seconds apart; then each delivery must have been one firing that fired, and none may be missing. Status 1:
violations.

make webhooks ROUNDS=1000 DATABASE=postgres

A sender here does as real ones do: what is answered 429 or 503, or not at all, is sent again. The clocks are wrong by
libfaketime; the servers are started before Redis has told them anything else. Rounds go to triggers of their own,
because an address takes sixty at once.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import faketime, template
from tests.support.ports import claim_port
from tests.support.postgres import Postgres
from tests.support.processes import Stack
from tests.support.waiting import wait_until

#: Distinct deliveries of one round, and how many of them come twice, to the other server.
DISTINCT, REPEATED = 50, 20
#: How far the second server's clock is ahead (seconds).
AHEAD_S = 2
#: How often a sender tries.
MAX_SENDS = 60
MAKE = """
from django.contrib.auth import get_user_model
from chat.entrances.triggers import editing
from chat.support.clock import now_ms
alice = get_user_model().objects.get(username="alice")
for number in range({first}, {last}):
    fields = dict(name=f"round {{number}}", kind="webhook", prompt="{{{{ payload.n }}}}", per_hour=1000)
    print(editing.create(alice.pk, fields, now_ms())[0].hook)
"""
FIRED = "SELECT t.name, f.key, f.state, f.reason FROM chat_triggerfiring f JOIN chat_trigger t ON t.id = f.trigger_id"
MESSAGES = "SELECT COUNT(*), COUNT(DISTINCT message) FROM chat_message"


@dataclass
class Report:
    """What was done, and what is wrong with it."""

    rounds: int = 0
    sent: int = 0
    again: int = 0
    answers: dict[int, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """For people."""
        told = ", ".join(f"{count:,} × {status}" for status, count in sorted(self.answers.items()))
        return [
            f"{self.rounds} rounds of {DISTINCT} deliveries, {REPEATED} of them twice: {self.sent:,} requests "
            f"({self.again:,} sent again) in {self.seconds:.0f} s; answers: {told}",
            *(self.violations[:20] or ["each delivery is one firing that fired, and none is missing"]),
        ]


def send(port: int, path: str, delivery: str, number: int, report: Report) -> None:
    """One delivery, until it is taken."""
    for _ in range(MAX_SENDS):
        report.sent += 1
        pause = 0.5
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            headers = {"Content-Type": "application/json", "X-Delivery-Id": delivery}
            connection.request("POST", path, json.dumps({"n": number}), headers)
            answer = connection.getresponse()
            answer.read()
            report.answers[answer.status] = report.answers.get(answer.status, 0) + 1
            if answer.status in (200, 202):
                return
            pause = float(answer.headers.get("Retry-After") or pause)
        except OSError:
            report.answers[0] = report.answers.get(0, 0) + 1
        finally:
            connection.close()
        report.again += 1
        time.sleep(pause * random.uniform(0.9, 1.1))
    report.violations.append(f"{delivery} was never taken")


def run(rounds: int, *, postgres: bool = False, database_template: Path | None = None) -> Report:
    """Do it."""
    report, began = Report(), time.monotonic()
    with ExitStack() as keep:
        folder = Path(tempfile.mkdtemp(prefix="holdfast-webhooks-"))
        keep.callback(shutil.rmtree, folder, ignore_errors=True)
        database = None
        if postgres:
            server = keep.enter_context(Postgres())
            server.execute("CREATE DATABASE webhooks")
            database = server.url("webhooks")
            template.fill(database, folder)
        elif database_template is None:
            database_template = template.make_sqlite(folder)
        env = {"HOLDFAST_TRIGGERS_PER_USER": "10000"}
        stack = keep.enter_context(
            Stack(template=None if database else database_template, database=database, env=env)
        )
        ports = [stack.web_port, claim_port()]
        made = stack.manage("shell", "-v", "0", "-c", MAKE.format(first=0, last=rounds))
        paths = made.strip().splitlines()[-rounds:]
        stack.start("web")
        stack.start("web", "web2", HOLDFAST_PORT=str(ports[1]), **faketime.off_by(AHEAD_S))
        stack.wait("web2", lambda: _listens(ports[1]), 60)
        with ThreadPoolExecutor(DISTINCT + REPEATED) as senders:
            for number, path in enumerate(paths):
                _round(senders, ports, path, number, report)
        _check(stack, report)
    report.seconds = time.monotonic() - began
    return report


def _round(senders: ThreadPoolExecutor, ports: list[int], path: str, number: int, report: Report) -> None:
    """Fifty at once, and twenty of them at the other server at the same moment."""
    wanted = [(n, ports[n % 2]) for n in range(DISTINCT)]
    wanted += [(n, ports[(n + 1) % 2]) for n in range(REPEATED)]
    random.shuffle(wanted)
    sending = [senders.submit(send, port, path, f"{number}-{n}", n, report) for n, port in wanted]
    for one in sending:
        one.result()
    report.rounds += 1


def _check(stack: Stack, report: Report) -> None:
    def rest() -> bool:
        """What was left to a worker, because a server took too long for it."""
        return not stack.sql("SELECT 1 FROM chat_triggerfiring WHERE state = 'pending' LIMIT 1")

    if not rest():
        stack.start("worker")
        wait_until(rest, 120, "what is pending to be carried out")
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, key, state, reason in stack.sql(FIRED):
        found.setdefault((name, key), []).append((state, reason))
    for number in range(report.rounds):
        for n in range(DISTINCT):
            rows = found.pop((f"round {number}", f"delivery:{number}-{n}"), [])
            if rows != [("fired", "")]:
                report.violations.append(f"delivery {n} of round {number}: {rows}")
    report.violations += [f"nobody sent {key}: {rows}" for key, rows in found.items()]
    ((messages, distinct),) = stack.sql(MESSAGES)
    if not messages == distinct == report.rounds * DISTINCT:
        report.violations.append(f"{messages} messages, {distinct} of them distinct")


def _listens(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        with connection.getresponse() as answer:
            return answer.status == 200
    except OSError:
        return False
    finally:
        connection.close()


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.recovery.webhooks", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=1_000, help="at most 10,000, a trigger for each (1,000)"
    )
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    chosen = parser.parse_args()
    report = run(chosen.rounds, postgres=chosen.database == "postgres")
    print("\n".join(report.lines()))
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
