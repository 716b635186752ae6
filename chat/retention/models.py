"""What SQL keeps of retention: days that an operator has set, how the round stands, what is to be deleted for good.

Times are integers, milliseconds since the Unix epoch. An erasure keeps ids and numbers, never a title or a name.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.support.claims import Claim

CLAIM = Claim(holder="claimed_by")


class PolicyDays(models.Model):
    """One policy as an operator has set it. Without a row it is as the table in the code says."""

    name = models.CharField(max_length=40, primary_key=True)
    #: Null: for ever.
    days = models.PositiveIntegerField(null=True, blank=True)
    changed_at = models.BigIntegerField()

    class Meta:
        verbose_name = _("retention policy")
        verbose_name_plural = _("retention policies")

    def __str__(self) -> str:
        return self.name


class Round(models.Model):
    """The one row of the round over all policies: who is at it, how far it is, when the next one is due."""

    number = models.PositiveSmallIntegerField(primary_key=True, default=1)
    next_at = models.BigIntegerField(default=0)
    started_at = models.BigIntegerField(default=0)
    ended_at = models.BigIntegerField(default=0)
    #: When files were looked for that no row names.
    strays_at = models.BigIntegerField(default=0)
    #: The policy that is carried out; empty: none.
    policy = models.CharField(max_length=40, default="", blank=True)
    #: Rows removed in this round, or in the latest one: {policy: number}.
    removed = models.JSONField(default=dict)
    #: Why the latest round ended early.
    error = models.CharField(max_length=300, default="", blank=True)
    claimed_until = models.BigIntegerField(default=0)
    claimed_by = models.CharField(max_length=100, default="", blank=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(number=1), name="one_round"),)

    def __str__(self) -> str:
        return self.policy or "–"


class Erasure(models.Model):
    """Something that is to be deleted for good, until it is, and afterwards that it was."""

    KINDS: ClassVar = (("conversation", _("a conversation")), ("person", _("a person")))
    STATES: ClassVar = (
        ("waiting", _("waiting")),
        ("running", _("running")),
        ("over", _("over")),
        ("failed", _("failed")),
    )

    kind = models.CharField(max_length=20, choices=KINDS)
    #: The conversation's or the user's id.
    key = models.CharField(max_length=40)
    #: Who asked for it; null: they are no user any more, or it was a command.
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    asked_at = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=STATES, default="waiting")
    #: Conversations that are gone, of how many.
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    #: Why it failed, in words; or why it waits.
    error = models.CharField(max_length=300, default="", blank=True)
    ended_at = models.BigIntegerField(null=True, blank=True)
    claimed_until = models.BigIntegerField(default=0)
    claimed_by = models.CharField(max_length=100, default="", blank=True)

    class Meta:
        verbose_name = _("deletion for good")
        verbose_name_plural = _("deletions for good")
        constraints = (
            models.UniqueConstraint(
                fields=["kind", "key"],
                condition=models.Q(state="waiting") | models.Q(state="running"),
                name="erasure_once",
            ),
        )
        indexes = (
            models.Index(
                fields=["id"],
                name="erasure_open",
                condition=models.Q(state="waiting") | models.Q(state="running"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


#: States of an erasure that is not over.
OPEN = models.Q(state="waiting") | models.Q(state="running")
