"""The metrics of this process: `/metrics`. Every label has a bounded set of values; none is an id or somebody's name.

They begin at nothing with the process and end with it. Totals that must add up, whatever dies, are those of
`stored.py`. docs/metrics.md lists both.
"""

from collections.abc import Container

from prometheus_client import (
    GC_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)
from prometheus_client.process_collector import ProcessCollector

# When each series began is the time at which the process did; telling it would double what there is.
disable_created_metrics()
#: Everything that this process tells. (Not prometheus-client's own: what a package adds there is not ours to publish.)
REGISTRY = CollectorRegistry()
REGISTRY.register(GC_COLLECTOR)
ProcessCollector(registry=REGISTRY)

#: Seconds: of what takes milliseconds, and of what takes as long as a model or a person.
SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LONG = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
#: Values of one label whose words operators choose (models): beyond so many they are told as OTHER.
MAX_WORDS = 40
OTHER = "other"

PROCESS = Info(
    "holdfast_process", "What this process is: web, worker or isolated, and its release.", registry=REGISTRY
)

APPENDS = Histogram(
    "holdfast_append_seconds",
    "From the decision to the committed journal, of appends to conversations.",
    buckets=SHORT,
    registry=REGISTRY,
)
EVENTS = Counter(
    "holdfast_events_committed_total", "Events that this process has committed.", ["type"], registry=REGISTRY
)
STORE_ERRORS = Counter(
    "holdfast_store_errors_total",
    "Requests that a store did not answer or refused, after which whoever asked waits or tries again.",
    ["store"],
    registry=REGISTRY,
)
QUEUE_WAIT = Histogram(
    "holdfast_run_queue_wait_seconds",
    "From the message that began a run to its first owner.",
    buckets=LONG,
    registry=REGISTRY,
)
RUN_TIME = Histogram(
    "holdfast_run_seconds",
    "From a run's first owner to its end, waits for people included.",
    ["state"],
    buckets=LONG,
    registry=REGISTRY,
)
FIRST_TOKEN = Histogram(
    "holdfast_model_first_token_seconds",
    "From a request to the first piece of its response.",
    ["model"],
    buckets=LONG,
    registry=REGISTRY,
)
RESPONSE_TIME = Histogram(
    "holdfast_model_response_seconds",
    "From a request to the end of its response.",
    ["model"],
    buckets=LONG,
    registry=REGISTRY,
)
TOKENS = Counter(
    "holdfast_model_tokens_total",
    "Tokens as providers counted them; cached ones are a share of the input.",
    ["model", "direction"],
    registry=REGISTRY,
)
CALL_TIME = Histogram(
    "holdfast_tool_call_seconds",
    "From the start of a call to its end.",
    ["tool", "outcome"],
    buckets=LONG,
    registry=REGISTRY,
)
REFUSED = Counter(
    "holdfast_refused_requests_total",
    "Requests that our own gate stopped (kind V…) or a provider refused.",
    ["kind"],
    registry=REGISTRY,
)
FIRINGS = Counter(
    "holdfast_firings_total",
    "What schedules and triggers have stored of what was due or seen, and what was decided.",
    ["entrance", "decision"],
    registry=REGISTRY,
)
RUNS_HERE = Gauge("holdfast_worker_runs", "Runs that this worker performs now.", registry=REGISTRY)
ROOM = Gauge("holdfast_worker_capacity", "Runs that this worker performs at most.", registry=REGISTRY)
SOCKETS = Gauge("holdfast_sockets", "Open sockets of browsers.", registry=REGISTRY)
FRAMES = Counter(
    "holdfast_socket_frames_total",
    "Frames that were written to browsers: pieces of snapshots, events, resyncs, goaways …",
    ["type"],
    registry=REGISTRY,
)
RESPONSES = Histogram(
    "holdfast_http_response_seconds",
    "From a request over HTTP to the head of its answer, by the first part of the path.",
    ["area", "status"],
    buckets=SHORT,
    registry=REGISTRY,
)
TRACES = Counter(
    "holdfast_traces_total",
    "Traces of runs, by what became of them.",
    ["outcome"],
    registry=REGISTRY,
)


class Bounded:
    """Words that operators choose, as values of a label: the first `most` that come, and OTHER for all beyond."""

    def __init__(self, most: int = MAX_WORDS) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, word: str) -> str:
        """The value to tell."""
        if word not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(word)
        return word


def among(word: str, words: Container[str]) -> str:
    """`word` if it is one of these, OTHER for one that is not: of a later release, or a stranger's."""
    return word if word in words else OTHER
