"""The pager's tables."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from chat.messenger.models import POLICIES, Delivery, InboundMessage, Lane, Tables, Turn


class PagerApp(models.Model):
    """One bot."""

    agent = models.ForeignKey("agents.Agent", models.PROTECT, null=True, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    private_policy = models.CharField(max_length=10, default="everyone", choices=POLICIES)
    group_policy = models.CharField(max_length=10, default="everyone", choices=POLICIES)
    mention_only = models.BooleanField(default=True)
    enabled = models.BooleanField(default=True)
    language = models.CharField(max_length=10, default="en")
    trusts_strangers = models.BooleanField(default=False)


class PagerPerson(models.Model):
    """Somebody with a pager."""

    app = models.ForeignKey(PagerApp, models.CASCADE)
    number = models.CharField(max_length=100)
    name = models.CharField(max_length=100, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["app", "number"], name="pager_person"),)


class PagerMessage(InboundMessage):
    app = models.ForeignKey(PagerApp, models.CASCADE)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["app", "message_id"], name="pager_message"),)


class PagerLane(Lane):
    app = models.ForeignKey(PagerApp, models.CASCADE)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["app", "chat_id", "thread_id", "generation"], name="pager_lane"),
        )


class PagerTurn(Turn):
    lane = models.ForeignKey(PagerLane, models.CASCADE)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["lane", "run"], name="pager_turn"),)


class PagerDelivery(Delivery):
    lane = models.ForeignKey(PagerLane, models.CASCADE)


TABLES = Tables(app=PagerApp, message=PagerMessage, lane=PagerLane, turn=PagerTurn, delivery=PagerDelivery)
