"""The backend, where Django looks for it (`ENGINE`)."""

from django.db.backends.sqlite3 import base
from django.db.backends.sqlite3.operations import DatabaseOperations as Operations

from tests.support.flushing import Flushing


class DatabaseOperations(Flushing, Operations):
    pass


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
