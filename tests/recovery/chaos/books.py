"""Keeps the books of a run: asks the processes for their figures while they are broken, and for the installation's in
the end."""

from __future__ import annotations

import threading
import urllib.request
from collections import Counter, defaultdict
from http.client import HTTPException
from typing import Any, Self

from prometheus_client.parser import text_string_to_metric_families

#: Ports for two web servers, two workers, and what is started anew beside what is about to end.
PORTS = 8
#: Seconds between two looks.
EVERY_S = 1.0
#: Totals, and the types of the events that add one to them.
OF_EVENTS = {
    "holdfast_messages_total": ("message.added",),
    "holdfast_runs_begun_total": ("run.queued",),
    "holdfast_runs_ended_total": ("run.finished", "run.failed", "run.stopped"),
    "holdfast_run_losses_total": ("run.recovering",),
    "holdfast_run_retries_total": ("run.retrying",),
    "holdfast_model_requests_total": ("step.started",),
    "holdfast_steps_ended_total": ("step.finished", "step.stopped", "step.discarded"),
    "holdfast_tool_calls_begun_total": ("call.started",),
    "holdfast_tool_calls_ended_total": ("call.settled",),
    "holdfast_tool_calls_doubted_total": ("call.in_doubt",),
}


def scrape(first: int, path: str, timeout: float = 10) -> list[dict[str, float]]:
    """What each process says that answers: the sums over all labels, by name."""
    found = []
    for port in range(first, first + PORTS):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout) as answer:
                text = answer.read().decode()
        except (OSError, HTTPException):
            continue  # nobody there, its database is away, or it was killed in the middle of it
        sums: dict[str, float] = defaultdict(float)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                sums[sample.name] += sample.value
        found.append(dict(sums))
    return found


def does_not_add_up(figures: dict[str, float]) -> str:
    """What is wrong with an answer about the installation; '' if nothing is. Figures that lag behind are not."""
    if figures["holdfast_journal_uncounted_events"]:
        return ""
    begun, ended = figures.get("holdfast_runs_begun_total", 0), figures.get("holdfast_runs_ended_total", 0)
    active = figures["holdfast_runs_active"] + figures["holdfast_runs_of_deleted_conversations"]
    return "" if begun == ended + active else f"{begun:g} runs begun, {ended:g} ended, {active:g} active"


class Books:
    """`with Books(port) as books: …; books.answers, books.wrong`: how often somebody answered, and what did not add up
    in the middle of it all."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.answers = 0
        self.wrong: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def _keep(self) -> None:
        while not self._over.wait(EVERY_S):
            for figures in scrape(self.first, "/metrics/installation", 5):
                self.answers += 1
                if wrong := does_not_add_up(figures):
                    self.wrong.append(wrong)

    def last(self) -> dict[str, float]:
        """The installation's figures now; empty: nobody answers."""
        return next(iter(scrape(self.first, "/metrics/installation")), {})


def against(figures: dict[str, float], types: Counter[str]) -> list[str]:
    """What the figures say otherwise than the journal, of which these are the types of the events."""
    if not figures:
        return ["nobody tells the installation's metrics"]
    told: list[Any] = [
        (name, figures.get(name, 0), sum(types[one] for one in kinds)) for name, kinds in OF_EVENTS.items()
    ]
    found = [
        f"{name} is {value:g}, and the journal has {count}" for name, value, count in told if value != count
    ]
    return found + ([wrong] if (wrong := does_not_add_up(figures)) else [])
