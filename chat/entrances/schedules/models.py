"""What SQL keeps of schedules: what is to be done when, each due time that came, and where its result goes.

    Schedule ── ScheduleFiring      one due time (or a “run now”), once: the row is written before anything runs
                   └─ ScheduleDelivery   its result on the way to a Feishu chat or a mailbox

Moments are integers, milliseconds since the Unix epoch. A firing's state only moves along MOVES, by conditional writes;
what has not moved for long is worked on by one worker at a time, `claimed_until` then.

The tables are named after the app `chat`, to which they belonged until 0010_entrances_are_apps.
"""

from typing import Any, ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.automation.firing import Firing
from chat.entrances.schedules.plan import Plan, shown
from chat.support.fields import JsonText

#: From each state of a firing to those that may follow.
MOVES: dict[str, tuple[str, ...]] = {
    "received": ("fired", "failed"),
    "fired": ("over",),
    "over": (),
    "failed": (),
    "skipped": (),
}
#: A firing in one of these is not done with.
OPEN: tuple[str, ...] = ("received", "fired")


class Schedule(models.Model):
    """Something to say to an agent at certain times. `next_at` is its first due time that is not decided yet."""

    KINDS: ClassVar = (("cron", _("cron")), ("interval", _("interval")), ("once", _("once")))
    STATES: ClassVar = (("active", _("active")), ("paused", _("paused")), ("ended", _("ended")))
    PLACES: ClassVar = (
        ("new", _("a new conversation each time")),
        ("same", _("always the same conversation")),
    )
    MISSED: ClassVar = (
        ("skip", _("skip what was missed")),
        ("once", _("run once for all that was missed")),
        ("all", _("run all that was missed, up to a number")),
    )

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="schedules", db_index=False
    )
    name = models.CharField(max_length=100)
    prompt = models.TextField(help_text=_("What the agent is told each time."))
    agent = models.CharField(
        max_length=100, blank=True, help_text=_("The agent's slug; empty: the default one.")
    )

    kind = models.CharField(max_length=10, choices=KINDS, default="cron")
    cron = models.CharField(max_length=200, blank=True)
    zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    every_ms = models.BigIntegerField(default=0)
    #: The moment of `once`; the first one of an interval.
    at = models.BigIntegerField(default=0)
    ends_at = models.BigIntegerField(null=True, blank=True)
    missed = models.CharField(_("missed runs"), max_length=4, choices=MISSED, default="once")
    most = models.PositiveIntegerField(_("at most"), default=10)

    place = models.CharField(max_length=4, choices=PLACES, default="new")
    #: The conversation that was chosen for `same`; without one it has one of its own, made when it first fires.
    conversation = models.UUIDField(null=True, blank=True)
    #: Which one of its own: grows when the last one was deleted.
    series = models.PositiveIntegerField(default=1)
    deliver_kind = models.CharField(_("deliver to"), max_length=20, blank=True)
    deliver_address = models.CharField(_("address"), max_length=200, blank=True)

    state = models.CharField(max_length=10, choices=STATES, default="active")
    #: Why it was paused by itself: a code of chat/automation/firing.py.
    problem = models.CharField(max_length=30, blank=True)
    next_at = models.BigIntegerField(null=True, blank=True)
    #: The conversation whose agent made it, if one did.
    made_in = models.UUIDField(null=True, blank=True, db_index=True)
    created_at = models.BigIntegerField()
    updated_at = models.BigIntegerField()

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        app_label = "schedules"
        db_table = "chat_schedule"
        indexes = (
            models.Index(fields=["next_at"], name="schedule_due", condition=models.Q(state="active")),
            models.Index(fields=["owner", "-created_at"], name="schedule_list"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def plan(self) -> Plan:
        """When it is due."""
        return Plan(
            kind=self.kind,  # type: ignore[arg-type]
            zone=self.zone,
            cron=self.cron,
            every=self.every_ms,
            at=self.at,
            ends_at=self.ends_at,
        )

    @property
    def own_series(self) -> str:
        """The name of the conversation of its own; empty if it has none."""
        own = self.place == "same" and self.conversation is None
        return f"schedule:{self.pk}:{self.series}" if own else ""

    @property
    def home(self) -> str:
        """The id of the conversation that it always goes to; empty if it is a new one each time."""
        if self.place == "new":
            return ""
        return str(self.conversation or _firing(self, "", "", self.own_series, "").place)


class ScheduleFiring(models.Model):
    """One due time. What it needs to be the same, however often it is fired, is stored with it."""

    STATES: ClassVar = (
        ("received", _("to be begun")),
        ("fired", _("in its conversation")),
        ("over", _("over")),
        ("failed", _("could not be begun")),
        ("skipped", _("passed over")),
    )

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="firings", db_index=False)
    due = models.BigIntegerField()
    #: Asked for by a person; `due` is when.
    manual = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=STATES, default="received")
    #: Where it goes (see Firing): a conversation that exists, or the series whose conversation is made, or neither.
    target = models.UUIDField(null=True, blank=True)
    series = models.CharField(max_length=100, blank=True)
    #: Where it went, and the run that answers it, as far as that is known.
    conversation = models.UUIDField(null=True, blank=True)
    message = models.CharField(max_length=64, blank=True)
    run = models.CharField(max_length=64, blank=True)
    #: Of the run, once it is over: finished, failed, stopped; or "unread". Why it could not be begun, if so: a code.
    outcome = models.CharField(max_length=30, blank=True)
    #: The beginning of the answer; or why it was passed over, has to wait, or could not be begun.
    detail = models.CharField(max_length=500, blank=True)
    #: Of what was passed over, so that it can be said in any language: {why, count, more, from, most}. Null: nothing
    #: was, or a release did it that did not write this down.
    passed = JsonText(null=True, default=None, db_default=None)
    attempts = models.IntegerField(default=0)
    retry_at = models.BigIntegerField(default=0)
    claimed_until = models.BigIntegerField(default=0)
    #: How far its conversation had come when somebody looked whether the run is over.
    seen_seq = models.BigIntegerField(default=0)
    created_at = models.BigIntegerField()
    fired_at = models.BigIntegerField(null=True, blank=True)
    over_at = models.BigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("schedule run")
        verbose_name_plural = _("schedule runs")
        app_label = "schedules"
        db_table = "chat_schedulefiring"
        constraints = (models.UniqueConstraint(fields=["schedule", "due"], name="schedule_firing"),)
        indexes = (
            models.Index(fields=["due"], name="schedule_received", condition=models.Q(state="received")),
            models.Index(fields=["-due", "id"], name="schedule_recent"),
            models.Index(fields=["conversation"], name="schedule_fired", condition=models.Q(state="fired")),
            models.Index(fields=["run"], name="schedule_run"),
        )

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.due}"

    def firing(self, schedule: Schedule) -> Firing:
        """What `chat/automation/firing.py` is to carry out."""
        alone = self.target is None and not self.series
        title = f"{schedule.name} · {shown(self.due, schedule.zone)[:16]}" if alone else schedule.name
        return _firing(schedule, f"schedule:{self.pk}", str(self.target or ""), self.series, title)


class ScheduleDelivery(models.Model):
    """A result that is to be delivered, once per firing. `sent`: handed over to who delivers it."""

    STATES: ClassVar = (("pending", _("to be sent")), ("sent", _("sent")), ("dead", _("given up")))

    firing = models.OneToOneField(ScheduleFiring, models.CASCADE, related_name="delivery")
    kind = models.CharField(max_length=20)
    address = models.CharField(max_length=200)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    state = models.CharField(max_length=10, choices=STATES, default="pending")
    attempts = models.IntegerField(default=0)
    next_at = models.BigIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.BigIntegerField()
    sent_at = models.BigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("schedule delivery")
        verbose_name_plural = _("schedule deliveries")
        app_label = "schedules"
        db_table = "chat_scheduledelivery"
        indexes = (
            models.Index(fields=["next_at"], name="schedule_outbox", condition=models.Q(state="pending")),
            models.Index(fields=["id"], name="schedule_dead", condition=models.Q(state="dead")),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.address}"


def _firing(schedule: Schedule, key: str, conversation: str, series: str, title: str) -> Firing:
    owner: Any = schedule.owner_id
    return Firing(
        key=key,
        owner=owner,
        entrance="schedule",
        name=schedule.name,
        prompt=schedule.prompt,
        agent=schedule.agent,
        conversation=conversation,
        title=title,
        series=series,
        made_in=schedule.made_in,
    )
