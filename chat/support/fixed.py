"""Conditions whose value stands in the statement itself, for looks that go by a partial index.

SQLite plans a statement before it knows what is bound to it, so `state = ?` finds no index of the rows whose state is
`pending`, and walks through the table. PostgreSQL takes either.
"""

import re

from django.db.models import BooleanField, Model
from django.db.models.expressions import RawSQL

_WORD = re.compile(r"[a-z_]+")


def fixed(model: type[Model], column: str, value: str) -> RawSQL:
    """For `filter`: the column of this model's table has this value, a word of our own code. Not for a model that a
    query has twice. Raises ValueError for what is no plain word."""
    if not _WORD.fullmatch(value):
        raise ValueError(f"{value!r} is no word that may stand in a statement.")
    _, name = model._meta.get_field(column).get_attname_column()  # type: ignore[union-attr]
    return RawSQL(f'"{model._meta.db_table}"."{name}" = \'{value}\'', (), BooleanField())
