"""The metrics of the installation, from SQL at the moment at which somebody asks: `/metrics/installation`.

All of it is of one moment, so that runs begun are those that ended, those that are active and those whose conversation
was deleted before they were over. Each question has an index that does not grow with the journal. Whichever process is
asked, the answer is the same.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db import OperationalError
from django.db.models import BooleanField, Count, Min
from django.db.models.expressions import RawSQL
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.lifecycle import RUN
from chat import extensions
from chat.journal import queries
from chat.models import Call, QueueFailure
from chat.support.clock import now_ms
from chat.telemetry import tallies
from chat.telemetry.tally import TOTALS

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: Rows that one figure counts, at most: what is more is as bad.
MAX_COUNTED = 10_000
#: The condition of the index of calls in doubt, word for word: SQLite uses a partial index for no other.
_IN_DOUBT = "chat_call.status = 'in_doubt'"


#: What is told besides the totals, with the labels of each.
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "holdfast_runs_active": ("Runs that are not over.", ("state",)),
    "holdfast_runs_of_deleted_conversations": (
        "Runs that are not over and that nobody works on: their conversation was deleted.",
        (),
    ),
    "holdfast_queue_oldest_seconds": (
        "How long the oldest run that waits for a worker has waited; 0: none waits.",
        (),
    ),
    "holdfast_calls_in_doubt": ("Calls about which a person has to say whether they happened.", ()),
    "holdfast_attention_rows": (
        "What waits for an operator, by the page of the admin that shows it.",
        ("entrance", "page"),
    ),
    "holdfast_due_rows": (
        "Rows of entrances whose time has come and that no worker has seen to yet.",
        ("entrance", "kind"),
    ),
    "holdfast_journal_uncounted_events": (
        "About how many events the totals do not have yet; not 0 while an old journal is counted for the first time.",
        (),
    ),
}
Values = dict[tuple[str, ...], float]


class Installation(Collector):
    """What SQL knows now. `collect` blocks, and raises what Django raises when the database does not answer."""

    def __init__(self, using: str = "default") -> None:
        self.using = using

    def describe(self) -> Iterator[Metric]:
        """Nobody is asked before somebody asks."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Count what has come, and tell the totals and what waits."""
        tallies.catch_up(self.using)
        totals, gauges = self._at_one_moment()
        for name, total in TOTALS.items():
            counter = CounterMetricFamily(name, total.help, labels=total.labels)
            told = {labels: value for (its, labels), value in totals.items() if its == name}
            if not total.labels:
                told.setdefault((), 0)
            for labels, value in sorted(told.items()):
                counter.add_metric(labels, value / total.scale)
            yield counter
        gauges |= {"holdfast_attention_rows": self._attention(), "holdfast_due_rows": self._due()}
        for name, (help, names) in GAUGES.items():
            gauge = GaugeMetricFamily(name, help, labels=names)
            for labels, figure in sorted(gauges[name].items()):
                gauge.add_metric(labels, figure)
            yield gauge

    def _at_one_moment(self) -> tuple[dict[tuple[str, tuple[str, ...]], int], dict[str, Values]]:
        for rest in reversed(range(tallies.TRIES)):
            try:
                with tallies.one_moment(self.using):
                    tallies.count(self.using)
                    return tallies.totals(self.using), self._runs()
            except OperationalError as problem:
                if not rest or not tallies.collided(problem):
                    raise
        raise AssertionError("the last try returns or raises")

    def _runs(self) -> dict[str, Values]:
        open_runs = queries.open_runs(self.using)
        mine = open_runs.filter(conversation__deleted_at=None)
        counts = dict(mine.values_list("status").annotate(count=Count("pk")))
        oldest = mine.filter(status="queued").aggregate(at=Min("queued_at"))["at"]
        waited = 0.0 if oldest is None else max(0, now_ms() - oldest) / 1000
        doubted = Call.objects.using(self.using).filter(RawSQL(_IN_DOUBT, (), BooleanField()))
        lost = open_runs.exclude(conversation__deleted_at=None).count()
        return {
            "holdfast_runs_active": {(state,): counts.get(state, 0) for state in RUN.open},
            "holdfast_runs_of_deleted_conversations": {(): lost},
            "holdfast_queue_oldest_seconds": {(): waited},
            "holdfast_calls_in_doubt": {(): _counted(doubted.filter(conversation__deleted_at=None))},
            "holdfast_journal_uncounted_events": {(): tallies.unread(self.using)},
        }

    def _attention(self) -> Values:
        aside = QueueFailure.objects.using(self.using).filter(aside=True)
        told: Values = {("", "chat_queuefailure_changelist"): _counted(aside)}
        for entrance, one in extensions.attention():
            key = (entrance.name, one.page)
            told[key] = told.get(key, 0) + one.count()
        return told

    def _due(self) -> Values:
        return {
            (entrance.name, kind): due()
            for entrance in extensions.entrances()
            for kind, due in entrance.due.items()
        }


def _counted(rows: "QuerySet[Any]") -> int:
    return rows[:MAX_COUNTED].count()


def installation(using: str = "default") -> CollectorRegistry:
    """A registry with the installation's metrics alone; it asks nobody before it is asked."""
    registry = CollectorRegistry()
    registry.register(Installation(using))
    return registry
