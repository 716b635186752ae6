"""What a process does about telemetry when it begins and when it ends, as settings say."""

import logging

from django.conf import settings

from agents import context
from chat.telemetry import metrics
from chat.telemetry.server import MetricsServer, listen

log = logging.getLogger(__name__)

_server: MetricsServer | None = None


def begin(role: str, worker: str = "") -> None:
    """This process is a web server, a worker or an isolated one. After it has forked whatever it forks; once."""
    global _server
    context.be_worker(worker)
    metrics.PROCESS.info({"role": role, "version": settings.HOLDFAST_VERSION})
    if settings.HOLDFAST_TRACES_URL:
        from chat.telemetry import traces  # OpenTelemetry is imported only where it is wanted

        traces.begin(role, worker)
    # A process for suspects lives for a moment, and there may be many: what it does is in the totals.
    if settings.HOLDFAST_METRICS_PORT and role != "isolated" and _server is None:
        _server = listen(
            settings.HOLDFAST_METRICS_HOST,
            settings.HOLDFAST_METRICS_PORT,
            settings.HOLDFAST_METRICS_PORTS,
            settings.HOLDFAST_METRICS_TOKEN,
        )


def end() -> None:
    """Give what is still to be told a moment. Blocks."""
    if settings.HOLDFAST_TRACES_URL:
        from chat.telemetry import traces

        traces.end()
