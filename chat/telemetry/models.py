"""Totals of the journal, and how far it was counted. Only `tallies.py` writes them."""

from typing import Any

from django.db import models

from chat.support.fields import JsonText


class Tally(models.Model):
    """One total: how often something has happened since the journal was counted first. It never gets smaller, also
    when conversations are deleted. `labels` is a JSON list of the values of the metric's labels."""

    name = models.CharField(max_length=60)
    labels = models.CharField(max_length=200, default="[]", db_default="[]")
    value = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["name", "labels"], name="tally_name"),)

    def __str__(self) -> str:
        return f"{self.name}{self.labels} {self.value}"


class Reading(models.Model):
    """How far the journal's rows are counted: all up to `position`, but for the ids in `missing`, which nobody could
    see yet: [[id, when it was missed], …]. Whoever counts holds this row."""

    number = models.PositiveSmallIntegerField(primary_key=True, default=1)
    position = models.BigIntegerField(default=0, db_default=0)
    missing = JsonText(null=True, default=None, db_default=None)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(number=1), name="one_reading"),)

    def __str__(self) -> str:
        return str(self.position)

    def missed(self) -> dict[int, int]:
        """The missing ids, with when each was missed."""
        found: Any = self.missing or []
        return {int(id): int(at) for id, at in found}
