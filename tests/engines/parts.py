"""What a combination is made of: a database, a store and what stands before the web servers, all of them real."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Self

import redis

from tests.support.postgres import Postgres

#: Something that befalls a server while a run is at work; afterwards all is there again.
Trouble = Callable[[], None]


class Part:
    """`with part: …`. What it starts ends with it."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def start(self) -> None:
        """Start the servers, on `self._stack`."""

    @property
    def said(self) -> list[str]:
        """The servers with their versions."""
        return []

    @property
    def troubles(self) -> Mapping[str, Trouble]:
        """What may befall it."""
        return {}

    def confirm(self) -> str:
        """What shows that Holdfast used it in the way that is meant, while it runs; '' if that needs no showing.
        Raises AssertionError."""
        return ""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


class Database(Part):
    """`url` is for Holdfast, `direct` for tests that look. None: the SQLite file of the data folder."""

    url: str | None = None
    direct: str | None = None
    #: Of a PostgreSQL: whom tests ask.
    server: Postgres | None = None


class Store(Part):
    """`url` is for Holdfast; `client` for tests that look at who is the primary now."""

    url = ""

    def client(self) -> redis.Redis:
        """Close it or use it as a context."""
        raise NotImplementedError


class Front(Part):
    """What stands before the web servers. `path`: of the host, below which everything is."""

    path = ""
    settings: Mapping[str, str] = {}

    def before(self, ports: list[int]) -> list[int]:
        """Put it before the servers at these ports; the ports to which links lead."""
        return ports


def rows(answer: Any) -> list[dict[str, str]]:
    """CLIENT LIST as redis-py gives it."""
    return [dict(one) for one in answer]
