"""Tokens in SQL. What a token itself says is shown once and kept nowhere: SQL has its SHA-256."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.support.fields import JsonText

#: How every token begins, so that people and scanners know one when they see it.
BEGINS = "holdfast_"


class ApiToken(models.Model):
    """One token of a person's. All times are in milliseconds since the Unix epoch."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60)
    #: SHA-256 of the whole token. It has 256 random bits, so there is nothing to slow a guess down for.
    digest = models.CharField(max_length=64, unique=True)
    #: How it begins and ends, by which its owner tells it from others.
    hint = models.CharField(max_length=30)
    #: Of chat/tokens/scopes.py, in their order.
    scopes = JsonText(default=list)
    #: Requests that may come by it in a minute.
    per_minute = models.IntegerField(default=120)
    created_at = models.BigIntegerField()
    expires_at = models.BigIntegerField()
    #: To the minute.
    used_at = models.BigIntegerField(null=True, blank=True)
    revoked_at = models.BigIntegerField(null=True, blank=True)
    #: Who revoked it, if that was not its owner.
    revoked_by = models.CharField(max_length=150, default="", db_default="", blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering: ClassVar[Any] = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.name} ({self.hint})"

    def state(self, now: int) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if now < self.expires_at else "expired"
