"""The backend, where Django looks for it (`ENGINE`)."""

from django.db.backends.postgresql import base
from django.db.backends.postgresql.operations import DatabaseOperations as Operations

from tests.support.flushing import Flushing


class DatabaseOperations(Flushing, Operations):
    pass


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
