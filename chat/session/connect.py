"""Connections to Redis by redis-py: a pool for the store, one for Django's cache, an entry for channels-redis; and what
a new connection finds out before it is used: which server this is (rule S6), whether it is fit, and whose it is.

Everything that is not fit raises Unusable, whose text is one line that says what to do. Waiting does not mend it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from hashlib import sha1
from secrets import token_hex
from typing import Any

import redis as blocking
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry as BlockingRetry
from redis.sentinel import Sentinel as BlockingSentinel
from redis.sentinel import SentinelConnectionPool as BlockingSentinelPool

from chat.support.redis_address import KEEPALIVE, RedisAddress, parse

log = logging.getLogger(__name__)

#: Seconds between two looks at who is the primary, while connections to the last one still work.
FOLLOW_S = 2.0
#: Times that the mark of a server is made anew when another process makes one at the same moment.
TRIES = 3

CLUSTER = (
    "Redis Cluster is not supported: REDIS_URL is a node of a cluster. Use one Redis or Valkey without cluster mode, "
    "with Sentinels if it is to survive its machine (docs/deployment.md)."
)
SENTINEL = (
    "REDIS_URL is the address of a Sentinel, not of a Redis. Write redis+sentinel://host:port,host:port/name, with the "
    "name that the Sentinels know the primary by."
)


class Unusable(RedisError):
    """This server must not be used as things are set up. The text says why, and what to do."""


# redis-py does not type these.
_Sentinel: Any = Sentinel
_BlockingSentinel: Any = BlockingSentinel
_BlockingSentinelPool: Any = BlockingSentinelPool


# ---- pools --------------------------------------------------------------------------------------------------------


class FollowingPool(SentinelConnectionPool, redis.BlockingConnectionPool):
    """Connections to whomever the Sentinels call the primary. Each new one asks them; so that old ones do not stay with
    a former primary that does not know of its successor, they are also asked every FOLLOW_S seconds."""

    #: When they were asked last, in the loop's time.
    _asked = 0.0

    async def get_connection(self, command_name: Any = None, *keys: Any, **options: Any) -> Any:
        """A connection to the primary."""
        parent: Any = super()
        now = asyncio.get_running_loop().time()
        if self.master_address is not None and now - self._asked > FOLLOW_S:
            self._asked = now  # at once: others go on meanwhile
            before = self.master_address
            if await self.get_master_address() != before:
                log.warning("The Sentinels name another Redis as primary now.")
                await parent.update_active_connections_for_reconnect()
        return await parent.get_connection()

    async def get_master_address(self) -> Any:
        """Where the primary is; where it was last when no Sentinel can say: they may be away while it is there."""
        parent: Any = super()
        try:
            return await parent.get_master_address()
        except MasterNotFoundError:
            if self.master_address is None:
                raise
            return self.master_address

    async def aclose(self) -> None:
        """Let go of all connections, and of those to the Sentinels."""
        await super().aclose()
        await self.sentinel_manager.aclose()


_FollowingPool: Any = FollowingPool


def store_pool(
    address: RedisAddress,
    *,
    on_connect: Callable[[Any], Awaitable[None]],
    max_connections: int,
    timeout_s: float,
) -> redis.BlockingConnectionPool:
    """The pool of a `RedisStore`; inside the event loop that uses it."""
    common: dict[str, Any] = {
        **address.login(),
        "decode_responses": True,
        "max_connections": max_connections,
        "timeout": timeout_s,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        # A stale socket shows itself by the first error; one more try on a new one is all that helps.
        "retry": Retry(ExponentialBackoff(cap=0.2, base=0.02), 2),
        "redis_connect_func": on_connect,
    }
    if not address.path:
        common |= {"socket_keepalive": True, "socket_keepalive_options": KEEPALIVE}
    if not address.primary:
        return redis.BlockingConnectionPool.from_url(address.location, **common)
    # Without a retry of their own: there are other Sentinels to ask.
    manager = _Sentinel(
        address.sentinels, sentinel_kwargs={**address.sentinel_login(), "retry": Retry(NoBackoff(), 0)}
    )
    pool: redis.BlockingConnectionPool = _FollowingPool(
        address.primary, manager, db=address.db, ssl=address.tls is not None, **common
    )
    return pool


class CachePool:
    """What Django's cache asks for its pool, in the words of `OPTIONS["pool_class"]`."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> blocking.ConnectionPool:
        """A pool for threads, as the address says."""
        address = parse(url)
        common = {**address.login(), **options}
        if not address.primary:
            return blocking.ConnectionPool.from_url(address.location, **common)
        manager = _BlockingSentinel(
            list(address.sentinels),
            sentinel_kwargs={**address.sentinel_login(), "retry": BlockingRetry(NoBackoff(), 0)},
        )
        pool: blocking.ConnectionPool = _BlockingSentinelPool(
            address.primary, manager, db=address.db, ssl=address.tls is not None, **common
        )
        return pool


def channels_host(url: str) -> dict[str, Any]:
    """An entry of `hosts` of channels-redis."""
    entry = parse(url).for_channels()
    if "sentinel_kwargs" in entry:
        entry["sentinel_kwargs"]["retry"] = Retry(NoBackoff(), 0)
    return entry


# ---- what a new connection finds out ------------------------------------------------------------------------------


async def server_of(connection: Any, prefix: str) -> str:
    """What tells this server from every other, and from itself before a restart: its run id. Where `INFO` is forbidden
    or does not say, a mark of our own. Raises Unusable for a node of a cluster and for a Sentinel."""
    facts: dict[str, str] = {}
    try:
        text = await ask(connection, "INFO", "server")
        facts = dict(line.split(":", 1) for line in str(text).splitlines() if ":" in line)
    except ResponseError as problem:
        log.debug("INFO is refused: %s", problem)
    mode = facts.get("redis_mode") or facts.get("server_mode") or await _mode(connection)
    if mode == "cluster":
        raise Unusable(CLUSTER)
    if mode == "sentinel":
        raise Unusable(SENTINEL)
    return facts.get("run_id") or await _mark(connection, f"{prefix}:server")


async def _mode(connection: Any) -> str:
    """What the server calls itself. HELLO is allowed to everybody, whatever an ACL says."""
    try:
        reply = await ask(connection, "HELLO")
    except ResponseError:
        return ""
    pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=False)
    return next((_text(value) for name, value in pairs if _text(name) == "mode"), "")


#: Replace a mark, unless somebody else did.
_REPLACE = """
local found = redis.call('GET', KEYS[1]) or ''
if found == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) return ARGV[2] end
return found
"""


async def _mark(connection: Any, key: str) -> str:
    """A mark that this server has, no other has, and itself had not before its last start: a script in its memory,
    which is neither written to disk nor replicated, named by a key, by which all find it."""
    found = _text(await ask(connection, "GET", key) or "")
    for _ in range(TRIES):
        if found and (await ask(connection, "SCRIPT", "EXISTS", _sha(found)))[0]:
            break
        made = token_hex(20)
        await ask(connection, "SCRIPT", "LOAD", _script(made))
        replace = await ask(connection, "SCRIPT", "LOAD", _REPLACE)
        found = _text(await ask(connection, "EVALSHA", replace, 1, key, found, made))
    return found


def _script(mark: str) -> str:
    return f"return '{mark}'"


def _sha(mark: str) -> str:
    return sha1(_script(mark).encode(), usedforsecurity=False).hexdigest()


async def claim(command: Callable[..., Awaitable[Any]], key: str, mine: str, *, take: bool = False) -> str:
    """Whose this place is: what stands in `key`, and `mine` if nothing stood there, which is the case when it is new
    and when it was emptied. `take`: `mine` in any case. `command` sends one and returns the answer."""
    found = await command("GET", key)
    if found is not None and not (take and _text(found) != mine):
        return _text(found)
    try:
        # Another one may claim it at the same moment.
        await command("SET", key, mine, *(() if take else ("NX",)))
        return _text(await command("GET", key) or mine)
    except ResponseError as problem:
        # A server that takes no writes at the moment is told so by each write; reading goes on.
        log.warning("Redis cannot be claimed at the moment: %s", problem)
        return mine


async def ask(connection: Any, *command: Any) -> Any:
    """A command on a connection that is not yet in use."""
    await connection.send_command(*command)
    return await connection.read_response()


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
