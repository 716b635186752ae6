"""PostgreSQL's connections, as Django's pool hands them out (`OPTIONS["pool"]["connection_class"]`)."""

import select
from time import monotonic
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

#: Seconds for which a connection that the server has answered on is taken for alive while its socket says nothing.
TRUSTED_S = 1.0


class PooledConnection(Connection[TupleRow]):
    """A connection that need not ask the server each time whether it lives.

    The pool tries a connection with an empty statement before it hands one out
    (`psycopg_pool.ConnectionPool.check_connection`), which is a round trip for each piece of database work, a fifth of
    a busy worker's time. What a server that ends a connection leaves in its socket, an error or the end of the stream,
    is seen without asking. What leaves nothing there, an address that moved to another machine, is found within a
    second by the empty statement, as ever; who is in the middle of that second has `Database.run` to begin again.
    """

    _answered_at = float("-inf")

    def execute(self, query: Any, params: Any = None, **options: Any) -> Cursor[TupleRow]:
        """As the driver's; an empty statement is answered without the server where that is certain enough."""
        if query != "":
            return super().execute(query, params, **options)
        now = monotonic()
        if now - self._answered_at < TRUSTED_S and not self.closed and self._is_silent():
            return self.cursor()
        answer = super().execute(query, params, **options)
        self._answered_at = now
        return answer

    def _is_silent(self) -> bool:
        looking = select.poll()
        looking.register(self.fileno(), select.POLLIN)
        return not looking.poll(0)
