"""Where a text still is: in any table, in the bytes of the database's files, in the storage, in Redis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from tests.support.valkey import Valkey


def everywhere(marker: str, valkey: Valkey, *, media: Path | None = None) -> list[str]:
    """Each place that has the text, for people: a table, a file, a key. Upper and lower case are one."""
    folder = media or Path(settings.MEDIA_ROOT)
    rows = {*in_tables(marker), *in_database_files(marker)}
    return sorted({*rows, *in_folder(marker, folder), *in_redis(marker, valkey)})


def in_tables(marker: str) -> Iterator[str]:
    """Tables with a row that has it in any column: all tables of the database, whosever they are."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {quote(table)}")
            if any(_has(marker, value) for row in cursor.fetchall() for value in row):
                yield f"table {table}"


def in_database_files(marker: str) -> Iterator[str]:
    """The files of SQLite, with what was deleted and lies in them still."""
    if connection.vendor != "sqlite":
        return
    path = Path(str(connection.settings_dict["NAME"]))
    for one in sorted(path.parent.glob(f"{path.name}*")):
        if _has(marker, one.read_bytes()):
            yield f"file {one.name}"


def in_folder(marker: str, folder: Path) -> Iterator[str]:
    """Files that have it in their bytes or their names."""
    for path in sorted(folder.rglob("*")):
        if _has(marker, path.name) or (path.is_file() and _has(marker, path.read_bytes())):
            yield f"storage {path.relative_to(folder)}"


def in_redis(marker: str, valkey: Valkey) -> Iterator[str]:
    """Keys that have it in their names or values."""
    with valkey.client() as client:
        client.connection_pool.connection_kwargs["decode_responses"] = False
        found: Any = client.keys("*")
        for key in found:
            if _has(marker, key) or any(_has(marker, value) for value in _values(client, key)):
                yield f"redis {key.decode(errors='replace')}"


def _values(client: Any, key: bytes) -> list[Any]:
    match client.type(key):
        case b"string":
            return [client.get(key)]
        case b"hash":
            return [part for pair in client.hgetall(key).items() for part in pair]
        case b"list":
            return list(client.lrange(key, 0, -1))
        case b"set":
            return list(client.smembers(key))
        case b"zset":
            return list(client.zrange(key, 0, -1))
        case b"stream":
            return [part for _, fields in client.xrange(key) for pair in fields.items() for part in pair]
    raise AssertionError(f"A key of an unknown kind: {key!r}")


def _has(marker: str, value: Any) -> bool:
    if isinstance(value, memoryview):
        value = bytes(value)
    if isinstance(value, bytes):
        return marker.lower().encode() in value.lower()
    return value is not None and marker.lower() in str(value).lower()
