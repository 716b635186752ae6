"""Traces over real HTTP to a receiver that reads the published protocol; none by default."""

from __future__ import annotations

import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest

from agents import events as e
from chat.journal.committed import Committed
from chat.models import Event
from chat.telemetry import spans
from chat.telemetry.metrics import TRACES
from chat.telemetry.traces import Tracer
from tests.chat.telemetry.test_spans import EVENTS
from tests.support import rows
from tests.support.otlp import Receiver
from tests.support.processes import ROOT, clean_environment
from tests.support.waiting import wait_until


def written(events: list[e.Event], since: int = 1) -> list[Committed]:
    return [Committed(seq, "t", e.to_json(event), event, {}) for seq, event in enumerate(events, start=since)]


def outcomes() -> dict[str, float]:
    return {
        sample.labels["outcome"]: sample.value
        for sample in TRACES.collect()[0].samples
        if sample.name.endswith("_total")
    }


@pytest.mark.django_db(transaction=True)
def test_a_run_reaches_the_receiver_whoever_tells_its_parts(alice: Any) -> None:
    row = rows.conversation(alice)
    Event.objects.filter(conversation=row).delete()
    for each in written(EVENTS):
        Event.objects.create(
            conversation=row,
            seq=each.seq,
            type=getattr(each.event, "type", ""),
            at=each.event.at,
            text=each.text,
            tag="t",
        )
    with Receiver() as receiver:
        to = f"{receiver.url}/v1/traces"
        web = Tracer(to, "web", headers={"x-team": "ours"})
        worker = Tracer(to, "worker", "second")
        web.committed(str(row.pk), written(EVENTS[:2]))
        worker.committed(str(row.pk), written(EVENTS[-1:], len(EVENTS)))
        wait_until(lambda: len(receiver.spans) == 8, 20, "the spans")
        web.end()
        worker.end()
    found = receiver.spans
    assert {span["trace"] for span in found} == {f"{spans.trace_id('r'):032x}"}
    by_id = {span["id"]: span for span in found}
    roots = [span for span in found if not span["parent"]]
    assert [root["name"] for root in roots] == ["command"]
    assert all(span["parent"] in by_id for span in found if span["parent"])
    assert {span["resource"]["holdfast.role"] for span in found} == {"web", "worker"}
    assert {span["resource"]["service.name"] for span in found} == {"holdfast"}
    assert any(headers.get("x-team") == "ours" for headers in receiver.headers)


def test_a_receiver_that_is_away_costs_nobody_time() -> None:
    before = outcomes().get("refused", 0) + outcomes().get("dropped", 0)
    tracer = Tracer("http://127.0.0.1:9/v1/traces", "web", timeout_s=1)
    tracer.committed(str(uuid4()), written(EVENTS[:2]))
    wait_until(
        lambda: outcomes().get("refused", 0) + outcomes().get("dropped", 0) > before, 20, "it to be given up"
    )
    tracer.end()


def test_a_receiver_that_refuses_is_asked_once_more_and_no_more() -> None:
    with Receiver(503) as receiver:
        before = outcomes().get("refused", 0)
        tracer = Tracer(f"{receiver.url}/v1/traces", "web")
        tracer.committed(str(uuid4()), written(EVENTS[:2]))
        wait_until(lambda: outcomes().get("refused", 0) > before, 20, "it to be given up")
        tracer.end()
        assert len(receiver.headers) == 2


def test_what_is_not_among_so_many_of_a_hundred_is_not_told() -> None:
    with Receiver() as receiver:
        tracer = Tracer(f"{receiver.url}/v1/traces", "web", percent=0)
        tracer.committed(str(uuid4()), written(EVENTS[:2]))
        tracer.end()
        assert receiver.spans == [] and receiver.headers == []


def test_without_an_address_opentelemetry_is_not_even_imported() -> None:
    show = (
        "import sys, django; django.setup(); import chat.runs.worker, config.asgi;"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.', 'google.'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", show],
        cwd=ROOT,
        env=clean_environment(DJANGO_SETTINGS_MODULE="tests.settings"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"
