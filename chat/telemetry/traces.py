"""Traces to an OTLP receiver, where an operator wants them. Only then is this module imported, and the protocol's
messages with it. (Of OpenTelemetry we use no more than these: redis-py imports its SDK where it is installed.)

Whoever commits the beginning of a run tells its first span, and whoever commits its end reads it from the journal and
tells all others (`spans.py`). Both happen in a thread of their own, beside what people wait for: what cannot be told in
time is dropped and counted. Nothing but names, times, ids and numbers is told: no text of anybody.
"""

import logging
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import httpx
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from agents import events as e
from chat.journal.committed import Committed
from chat.journal.timeline import PASSED_OVER
from chat.models import Event
from chat.support.clock import now_ms
from chat.telemetry import observer, spans
from chat.telemetry.metrics import TRACES
from chat.telemetry.spans import TraceSpan, Value

log = logging.getLogger(__name__)

#: Traces that wait to be told, at most; and seconds that one request, and the end of the process, may take.
MAX_WAITING = 1_000
TIMEOUT_S = 5.0
END_S = 2.0
#: Answers after which a receiver wants to be asked again, as the protocol says, and seconds before that.
AGAIN, AGAIN_S = frozenset({429, 502, 503, 504}), 1.0
#: Events of one run that are read, at most.
MAX_EVENTS = 5_000


@dataclass(frozen=True, slots=True)
class Over:
    """A run that has ended: its spans are to be read. `end`: the seq of its last event."""

    conversation: str
    run: str
    end: int


Work = Over | TraceSpan


class Tracer:
    """Tells spans to the receiver at an address, in a thread."""

    def __init__(
        self,
        url: str,
        role: str,
        worker: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        percent: int = 100,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._url = url
        self._percent = percent
        self._resource = Resource(
            attributes=_attributes(
                {
                    "service.name": "holdfast",
                    "service.version": settings.HOLDFAST_VERSION,
                    "service.instance.id": worker or role,
                    "holdfast.role": role,
                }
            )
        )
        given = {**(headers or {}), "content-type": "application/x-protobuf"}
        self._client = httpx.Client(headers=given, timeout=timeout_s, trust_env=False)
        self._waiting: queue.Queue[tuple[str, Work] | None] = queue.Queue(MAX_WAITING)
        self._thread = threading.Thread(target=self._serve, name="traces", daemon=True)
        self._thread.start()

    def committed(self, conversation: str, written: Sequence[Committed]) -> None:
        """Note what begins and what ends with these events. Returns at once."""
        for each in written:
            event = each.event
            run = getattr(event, "run", "")
            if isinstance(event, e.RunQueued) and spans.is_sampled(run, self._percent):
                command = next((one.command.id for one in written if one.command), "")
                said = next((one.event for one in written if isinstance(one.event, e.MessageAdded)), None)
                entrance = said.origin.entrance if isinstance(said, e.MessageAdded) else ""
                asked = min(one.event.at for one in written)
                first = spans.command_span(conversation, run, entrance, asked, now_ms(), command)
                self._put(run, first)
            elif isinstance(event, e.RunFinished | e.RunFailed | e.RunStopped):
                if spans.is_sampled(run, self._percent):
                    self._put(run, Over(conversation, run, each.seq))

    def end(self, seconds: float = END_S) -> None:
        """Tell what waits, for so long at most. Blocks."""
        try:
            self._waiting.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)

    def _put(self, run: str, work: Work) -> None:
        try:
            self._waiting.put_nowait((run, work))
        except queue.Full:
            TRACES.labels("dropped").inc()

    def _serve(self) -> None:
        while (one := self._waiting.get()) is not None:
            run, work = one
            try:
                told = [work] if isinstance(work, TraceSpan) else self._read(work)
                TRACES.labels("told" if self._tell(run, told) else "refused").inc()
            except (DatabaseError, InterfaceError, httpx.HTTPError) as problem:
                log.warning("Run %s is not traced: %s", run, problem)
                TRACES.labels("dropped").inc()
            except Exception:
                log.exception("Run %s is not traced.", run)
                TRACES.labels("dropped").inc()
        self._client.close()

    def _tell(self, run: str, told: Sequence[TraceSpan]) -> bool:
        """Whether the receiver has taken them; asked once more if it wants that."""
        scope = ScopeSpans(
            scope=InstrumentationScope(name="holdfast"), spans=[_message(run, one) for one in told]
        )
        request = ExportTraceServiceRequest(
            resource_spans=[ResourceSpans(resource=self._resource, scope_spans=[scope])]
        )
        body = request.SerializeToString()
        answer = self._client.post(self._url, content=body)
        if answer.status_code in AGAIN:
            time.sleep(AGAIN_S)
            answer = self._client.post(self._url, content=body)
        if not answer.is_success:
            log.warning("The receiver of traces refuses run %s (status %d).", run, answer.status_code)
        return answer.is_success

    def _read(self, over: Over) -> list[TraceSpan]:
        """The spans of a run, from the journal."""
        try:
            rows = Event.objects.filter(conversation=UUID(over.conversation), seq__lte=over.end)
            begun = rows.filter(type="run.queued").order_by("-seq").values_list("seq", "text")
            first = next((seq for seq, text in begun[:200] if over.run in text), None)
            if first is None:
                return []
            mine = rows.filter(seq__gte=first).exclude(type__in=PASSED_OVER).order_by("seq")
            events = [e.from_json(text) for text in mine.values_list("text", flat=True)[:MAX_EVENTS]]
        finally:
            connections.close_all()  # this thread's own
        return spans.run_spans(over.conversation, over.run, events)


def _message(run: str, span: TraceSpan) -> Span:
    return Span(
        trace_id=spans.trace_id(run).to_bytes(16),
        span_id=span.id.to_bytes(8),
        parent_span_id=span.parent.to_bytes(8) if span.parent else b"",
        name=span.name,
        kind=Span.SPAN_KIND_CLIENT if span.name.startswith("chat ") else Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=span.start * 1_000_000,
        end_time_unix_nano=span.end * 1_000_000,
        attributes=_attributes(span.attributes),
        status=Status(code=Status.STATUS_CODE_ERROR if span.failed else Status.STATUS_CODE_UNSET),
    )


def _attributes(told: Mapping[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in told.items()]


def _value(value: Value) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
    return AnyValue(string_value=value)


_tracer: Tracer | None = None


def begin(role: str, worker: str) -> None:
    """Have this process tell traces, as settings say; once."""
    global _tracer
    if _tracer is None:
        _tracer = Tracer(
            settings.HOLDFAST_TRACES_URL,
            role,
            worker,
            headers=settings.HOLDFAST_TRACES_HEADERS,
            percent=settings.HOLDFAST_TRACES_PERCENT,
        )
        observer.tracers.append(_tracer.committed)


def end() -> None:
    """Tell what waits, for a moment."""
    if _tracer is not None:
        _tracer.end()
