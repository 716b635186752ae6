"""Metrics and traces of real processes, of which one is killed: the figures add up to the journal's, and a run that was
taken over is one trace."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.recovery.chaos.model import Model
from tests.recovery.chaos.run import give_tools
from tests.support.otlp import Receiver
from tests.support.ports import claim_port
from tests.support.processes import Stack
from tests.support.waiting import eventually, wait_until
from tests.support.wire import Wire, login

pytestmark = [pytest.mark.recovery, pytest.mark.slow]

TOKEN = "a-token-of-tests-that-is-long-enough"
#: Web and two workers, and one for what is started anew beside what has just died.
PORTS = 4

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def stack(database_template: Path, receiver: Receiver) -> Iterator[Stack]:
    with Model() as model:
        env = {
            "HOLDFAST_TOOL_MODULES": "tests.recovery.chaos.tools",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_MODEL": "chaos",
            "HOLDFAST_LEASE_MS": "2000",
            "HOLDFAST_SWEEP_MS": "300",
            "HOLDFAST_METRICS_PORT": str(claim_port()),
            "HOLDFAST_METRICS_PORTS": str(PORTS),
            "HOLDFAST_METRICS_TOKEN": TOKEN,
            "HOLDFAST_TRACES_URL": receiver.url,
            "HOLDFAST_LOG_FORMAT": "json",
        }
        with Stack(template=database_template, env=env) as stack:
            give_tools(stack)
            stack.up(workers=2)
            yield stack


def scrape(port: int, path: str = "/metrics", token: str = TOKEN) -> Samples | None:
    """All samples; None: nobody listens there."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError:
        raise
    except OSError:
        return None
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def ports(stack: Stack) -> range:
    first = int(stack.env["HOLDFAST_METRICS_PORT"])
    return range(first, first + PORTS)


def by_role(stack: Stack) -> dict[str, list[Samples]]:
    """What each process tells, by what it is."""
    found: dict[str, list[Samples]] = {}
    for port in ports(stack):
        if (samples := scrape(port)) is not None:
            (role,) = [dict(labels)["role"] for name, labels in samples if name == "holdfast_process_info"]
            found.setdefault(role, []).append(samples)
    return found


def total(samples: Samples, name: str, **labels: str) -> float:
    return sum(
        value
        for (its, told), value in samples.items()
        if its == name and labels.items() <= dict(told).items()
    )


def installation(stack: Stack) -> Samples:
    found = [samples for port in ports(stack) if (samples := scrape(port, "/metrics/installation"))]
    assert found
    return found[0]


@pytest.mark.exhaustive
async def test_the_figures_add_up_and_a_run_is_one_trace_although_its_worker_was_killed(
    stack: Stack, receiver: Receiver
) -> None:
    roles = by_role(stack)
    assert {role: len(told) for role, told in roles.items()} == {"web": 1, "worker": 2}
    with pytest.raises(urllib.error.HTTPError, match="401"):
        scrape(ports(stack)[0], token="")
    assert stack.status("/metrics") == 404, "the pages that people use tell nothing"

    async with Wire(stack.address, login(stack.address, "alice", "alice-password")) as wire:
        conversation = await wire.begin()
        await wire.say(conversation, "[look 3000 0] say 5")
        (started,) = await eventually(
            lambda: stack.sql("SELECT text FROM chat_event WHERE type = 'call.started'"),
            20,
            "the tool to run",
        )
        owner = next(one for one in stack.processes.values() if f"-{one.pid}-" in started[0])
        during = installation(stack)
        assert total(during, "holdfast_runs_begun_total") == 1 == total(during, "holdfast_runs_active")
        owner.kill()
        await eventually(
            lambda: stack.sql("SELECT 1 FROM chat_run WHERE status = 'finished'"),
            40,
            "another worker to finish",
        )
        stack.start("worker", owner.name)
        await wire.say(conversation, "say 3")
        await eventually(
            lambda: len(stack.sql("SELECT 1 FROM chat_run WHERE status = 'finished'")) == 2,
            40,
            "the second run",
        )

    figures = installation(stack)
    adds_up(figures, stack)
    assert total(figures, "holdfast_runs_ended_total", state="finished") == 2
    assert total(figures, "holdfast_run_losses_total") == total(figures, "holdfast_run_takeovers_total") == 1
    assert total(figures, "holdfast_tool_calls_begun_total") == 2, "the call was begun by both"
    assert total(figures, "holdfast_tool_calls_ended_total", outcome="succeeded") == 1

    await eventually(lambda: len(by_role(stack)["worker"]) == 2, 20, "the worker that was started anew")
    roles = by_role(stack)
    (web,) = roles["web"]
    # Each process tells of itself alone: the web server has committed what people said, and no worker has.
    assert total(web, "holdfast_events_committed_total", type="run.queued") == 2
    assert all(
        total(worker, "holdfast_events_committed_total", type="run.queued") == 0 for worker in roles["worker"]
    )
    assert (
        sum(total(worker, "holdfast_run_seconds_count", state="finished") for worker in roles["worker"]) >= 1
    )
    assert total(web, "holdfast_socket_frames_total", type="result") >= 3
    assert total(web, "holdfast_http_response_seconds_count", area="readyz") >= 1

    trace_is_one(stack, receiver)
    lines = [line for one in stack.processes.values() for line in one.log.read_text().splitlines()]
    told = [json.loads(line) for line in lines if line.startswith("{")]
    assert any(f"-{stack.process('worker').pid}-" in line.get("worker", "") for line in told)


def adds_up(figures: Samples, stack: Stack) -> None:
    """The totals are the journal's."""

    def events(*types: str) -> int:
        marks = ", ".join("?" * len(types))
        return stack.sql(f"SELECT count(*) FROM chat_event WHERE type IN ({marks})", *types)[0][0]

    begun, ended = total(figures, "holdfast_runs_begun_total"), total(figures, "holdfast_runs_ended_total")
    active = total(figures, "holdfast_runs_active") + total(figures, "holdfast_runs_of_deleted_conversations")
    assert begun == ended + active
    assert begun == events("run.queued") and ended == events("run.finished", "run.failed", "run.stopped")
    assert total(figures, "holdfast_messages_total") == events("message.added")
    assert total(figures, "holdfast_model_requests_total") == events("step.started")
    assert total(figures, "holdfast_tool_calls_begun_total") == events("call.started")
    assert total(figures, "holdfast_tool_calls_ended_total") == events("call.settled")
    assert total(figures, "holdfast_run_losses_total") == events("run.recovering")
    assert figures["holdfast_journal_uncounted_events", ()] == 0


def trace_is_one(stack: Stack, receiver: Receiver) -> None:
    (run,) = stack.sql("SELECT run FROM chat_run WHERE attempt > 1")[0]

    def mine() -> list[Any]:
        return [span for span in receiver.spans if span["attributes"].get("holdfast.run") == run]

    wait_until(lambda: any(span["name"] == "run" for span in mine()), 20, "the trace")
    found = mine()
    assert len({span["trace"] for span in found}) == 1
    ids = {span["id"] for span in found}
    assert [span["name"] for span in found if not span["parent"]] == ["command"]
    assert all(span["parent"] in ids for span in found if span["parent"])
    roles = {span["resource"]["holdfast.role"] for span in found}
    assert "web" in roles and roles & {"worker", "isolated"}, "a run whose worker died goes on apart"
    calls = [span for span in found if span["name"] == "execute_tool look"]
    assert len({span["attributes"]["holdfast.worker"] for span in calls}) == 2, "both workers' attempts"
    assert any(span["name"] == "lost" for span in found)
