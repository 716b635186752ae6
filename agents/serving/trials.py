"""Trials of the lab that were asked for in the admin: a row each, performed by a worker (chat/runs/trials.py).

    waiting ─► running ─► over | failed      `stopping`: somebody wants it to end; the worker sees it after each story

Times are integers, milliseconds since the Unix epoch. A trial whose worker has died is not begun again: it costs money.
"""

from typing import Any, ClassVar

from django.db import models, transaction

#: Trials that are kept of one agent.
KEPT = 5


class ProviderTrial(models.Model):
    """One trial of an agent's provider, and its report as far as it is (`agents.lab.trying.Report`)."""

    STATES: ClassVar = (
        ("waiting", "waiting"),
        ("running", "running"),
        ("over", "over"),
        ("failed", "failed"),
    )

    #: Without a constraint: a release that does not know this table may delete the agent.
    agent = models.ForeignKey("agents.Agent", models.CASCADE, related_name="trials", db_constraint=False)
    state = models.CharField(max_length=10, default="waiting", choices=STATES)
    stopping = models.BooleanField(default=False)
    by = models.CharField(max_length=150)
    report = models.JSONField(null=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    created_at = models.BigIntegerField()
    ended_at = models.BigIntegerField(null=True)
    claimed_until = models.BigIntegerField(default=0)
    claimed_by = models.CharField(max_length=100, blank=True, default="")

    class Meta:
        app_label = "agents"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["id"],
                name="agents_open_trial",
                condition=models.Q(state="waiting") | models.Q(state="running"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.state}"

    @property
    def open(self) -> bool:
        """Whether it is not over."""
        return self.state in ("waiting", "running")


def ask_for(agent: Any, by: str, now: int) -> ProviderTrial:
    """A trial of this agent: the one that is not over, or a new one. Older ones than KEPT go."""
    with transaction.atomic():
        rows = ProviderTrial.objects.filter(agent=agent)
        found = rows.filter(state__in=("waiting", "running")).first()
        if found is not None:
            return found
        made = ProviderTrial.objects.create(agent=agent, by=by, created_at=now)
        kept = list(rows.values_list("pk", flat=True)[:KEPT])
        rows.exclude(pk__in=kept).delete()
        return made


def stop(agent: Any) -> None:
    """Have the agent's trial end: at once if nobody has begun it, else after the story that is being told."""
    rows = ProviderTrial.objects.filter(agent=agent)
    rows.filter(state="waiting").update(state="failed", error="stopped")
    rows.filter(state="running").update(stopping=True)
