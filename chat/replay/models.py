"""Replays: recorded requests that were sent again. They belong to the app `chat` and to no journal: nothing that is
kept here changes a conversation, and all of it may be deleted. Times are integers, milliseconds since the Unix epoch.

    waiting ─► running ─► done | failed      one whose worker has died is taken up once more, then it has failed
"""

from typing import Any, ClassVar, Literal

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.support.fields import JsonText

State = Literal["waiting", "running", "done", "failed"]
#: Of replays that are not over.
OPEN: frozenset[str] = frozenset({"waiting", "running"})


class Replay(models.Model):
    """One replay of a request, or of a whole run from that request on. `steps` has what came of each, as
    `chat/replay/performing.py` tells it."""

    STATES: ClassVar = (
        ("waiting", _("waiting")),
        ("running", _("running")),
        ("done", _("done")),
        ("failed", _("failed")),
    )

    #: Without constraints: a release that does not know this table may delete conversations and people.
    conversation = models.ForeignKey(
        "chat.Conversation", models.CASCADE, related_name="replays", db_constraint=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="replays", db_constraint=False, db_index=False
    )
    #: Their name when they asked for it.
    by = models.CharField(max_length=150)
    #: The step.started whose request is sent, its step and run; `whole`: the run goes on from there.
    seq = models.BigIntegerField()
    step = models.CharField(max_length=80)
    run = models.CharField(max_length=64)
    whole = models.BooleanField(default=False)
    #: To whom: `same`, or as `chat/replay/targets.py` writes it; and what that was called when it was asked for.
    target = models.CharField(max_length=300)
    target_name = models.CharField(max_length=300)
    #: Of the first request, as it went out; empty: none has.
    digest = models.CharField(max_length=64, default="", blank=True)
    state = models.CharField(max_length=10, default="waiting", choices=STATES)
    #: Why it has failed, or ended before the run's end: a word of `chat/inspection/replay_words.py`, or a provider's.
    detail = models.TextField(default="", blank=True)
    steps = JsonText(default=list)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    #: In billionths of a US dollar; null where no price was known.
    cost = models.BigIntegerField(null=True, blank=True)
    #: How often a worker has taken it.
    tries = models.PositiveIntegerField(default=0)
    created_at = models.BigIntegerField()
    started_at = models.BigIntegerField(null=True, blank=True)
    ended_at = models.BigIntegerField(null=True, blank=True)
    claimed_until = models.BigIntegerField(default=0)
    claimed_by = models.CharField(max_length=100, default="", blank=True)

    class Meta:
        app_label = "chat"
        verbose_name = _("replay")
        verbose_name_plural = _("replays")
        permissions: ClassVar[Any] = (("send_replay", "Can send recorded requests again"),)
        indexes = (
            models.Index(fields=["user", "created_at"], name="replay_of_day"),
            models.Index(
                fields=["id"],
                name="replay_open",
                condition=models.Q(state="waiting") | models.Q(state="running"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.step} → {self.target_name}"

    @property
    def open(self) -> bool:
        """Whether it is not over."""
        return self.state in OPEN


class RawResponse(models.Model):
    """What a provider answered over HTTP, as far as the settings have it kept (`chat/replay/responses.py`)."""

    conversation = models.ForeignKey(
        "chat.Conversation",
        models.CASCADE,
        related_name="raw_responses",
        db_constraint=False,
        db_index=False,
    )
    run = models.CharField(max_length=64)
    step = models.CharField(max_length=80)
    #: HTTP status; 0: there was no answer.
    status = models.IntegerField(default=0)
    #: Those that are known to tell nothing secret, in lower case.
    headers = JsonText(default=dict)
    #: By which the provider knows the request.
    request_id = models.CharField(max_length=200, default="", blank=True)
    model = models.CharField(max_length=200)
    address = models.CharField(max_length=300)
    #: What was wrong with it; empty: nothing.
    problem = models.TextField(default="", blank=True)
    #: Its beginning, without keys; empty: it is not kept. `size` is in bytes, of all of it.
    body = models.TextField(default="", blank=True)
    size = models.BigIntegerField(default=0)
    began_at = models.BigIntegerField()
    ended_at = models.BigIntegerField()

    class Meta:
        app_label = "chat"
        verbose_name = _("raw response")
        verbose_name_plural = _("raw responses")
        indexes = (
            models.Index(fields=["conversation", "step"], name="raw_response_step"),
            models.Index(fields=["ended_at"], name="raw_response_age"),
        )

    def __str__(self) -> str:
        return f"{self.status} {self.step}"
