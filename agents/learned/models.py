"""The table of what was learned."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from agents.transcript.forms import RequestForm, from_names


class LearnedRule(models.Model):
    """One form that one model at one address takes. Written by workers; operators switch it off, or forget it."""

    address = models.CharField(max_length=300)
    model = models.CharField(max_length=200)
    #: Names of the changes of `RequestForm`, with commas between them.
    form = models.CharField(max_length=200)
    #: Number of the refusal (E…, form, other), its HTTP status, and the provider's words.
    kind = models.CharField(max_length=20, default="", db_default="", blank=True)
    status = models.IntegerField(default=0, db_default=0)
    reason = models.TextField(default="", db_default="", blank=True)
    #: Milliseconds since the Unix epoch.
    learned_at = models.BigIntegerField()
    enabled = models.BooleanField(
        _("applied"),
        default=True,
        db_default=True,
        help_text=_(
            "Off: requests are made in the proper form, whatever was learned. It stays off when the same is learned "
            "again."
        ),
    )

    class Meta:
        verbose_name = _("learned rule")
        verbose_name_plural = _("learned rules")
        ordering: ClassVar = ["address", "model"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["address", "model"], name="agents_one_learned_rule")
        ]

    def __str__(self) -> str:
        return f"{self.model} at {self.address}"

    @property
    def request_form(self) -> RequestForm:
        """The form itself. Changes of a later release are passed over."""
        return from_names(self.form.split(","))
