"""Which installation this is, so that two of them never mix in one Redis.

An installation is a database: its first migration gives it an identity. A copy of the database has the same one, so a
claim also says where the database is. The first process that finds a place in Redis without a claim puts its own there
(`chat/session/store.py`); where another one stands, a process ends at its start, and every connection is refused.

What a place is made of does not change by a restart, an upgrade in place, or a failover to a standby. It does when a
dump is restored elsewhere, or a SQLite file copied; `manage.py claim_redis` is for when that was a move.
"""

import json
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.models import Installation as Row


@dataclass(frozen=True)
class Installation:
    """An identity, where its database is (a digest), and how people know that database. It is the store's `Owner`."""

    identity: str
    place: str
    database: str
    takes: bool = False

    @property
    def claim(self) -> str:
        """What stands in Redis for it."""
        return json.dumps(
            {"identity": self.identity, "place": self.place, "database": self.database}, sort_keys=True
        )

    def refusal(self, found: str) -> str:
        """What is wrong with another claim than its own, and what to do, in one line."""
        other = read(found)
        who = f"the installation with the database {other.database}" if other else "another installation"
        if other and other.identity == self.identity:
            who += ", of which this database is a copy"
        return (
            f"This place in Redis belongs to {who}. Give this one a place of its own by HOLDFAST_REDIS_PREFIX or "
            "REDIS_URL; or, if the other one is gone, run `python manage.py claim_redis`, which empties it first."
        )


def read(claim: str) -> Installation | None:
    """What a claim says, None if it is not one."""
    try:
        found = json.loads(claim)
        return Installation(str(found["identity"]), str(found["place"]), str(found["database"]))
    except (ValueError, KeyError, TypeError):
        return None


def installation(using: str = DEFAULT_DB_ALIAS) -> Installation:
    """This one. Asks the database; blocks."""
    row = Row.objects.using(using).get_or_create(number=1)[0]
    connection = connections[using]
    facts, database = _sqlite(connection) if connection.vendor == "sqlite" else _postgresql(connection)
    place = sha256("\0".join(facts).encode()).hexdigest()[:32]
    return Installation(str(row.identity), place, database, takes=settings.HOLDFAST_REDIS_TAKE)


def _sqlite(connection: BaseDatabaseWrapper) -> tuple[list[str], str]:
    path = Path(str(connection.settings_dict["NAME"]))
    try:
        # A copy that was put under the same name, as in another container, is another file.
        return ["sqlite", str(path.resolve()), str(os.stat(path).st_ino)], str(path)
    except OSError:  # kept in memory
        return ["sqlite", str(path)], str(path)


def _postgresql(connection: BaseDatabaseWrapper) -> tuple[list[str], str]:
    name = f"{connection.settings_dict['NAME']} on {connection.settings_dict['HOST'] or 'this machine'}"
    with connection.cursor() as cursor:
        try:
            # Made by initdb, and the same on every standby.
            with transaction.atomic(using=connection.alias):
                cursor.execute("SELECT system_identifier FROM pg_control_system()")
                cluster = str(cursor.fetchone()[0])
        except DatabaseError:
            # Not everybody may ask that. A restored table has another number.
            cursor.execute("SELECT 'chat_installation'::regclass::oid")
            cluster = str(cursor.fetchone()[0])
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        return ["postgresql", cluster, str(cursor.fetchone()[0])], name
