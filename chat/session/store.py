"""Live sessions in Redis (or Valkey): the only module that speaks to these keys or imports redis.

Per conversation, under one hash tag so that a cluster keeps them together (rule S1):

    hf:{id}:meta      hash    epoch, seq, tag, fence, archived (seq), server (run_id on which it was last compared
                              with SQL), held (whether there is a state), message/offset/parts (step, UTF-16 length
                              and count of the streaming text)
    hf:{id}:state     hash    the fields of the state, JSON texts
    hf:{id}:log       stream  `seq-0`: e text, p tag before, t tag after, c command id, j its JSON {digest, result};
                              `seq-k`: a part, m step, o offset, x text
    hf:{id}:commands  hash    command id → JSON {digest, result}; only recent ones, SQL has them all
    hf:{id}:part      string  the text streamed so far
    hf:{id}:lease     string  owner of the run

and, under a tag of its own, how busy each worker is:

    hf:{workers}:loads  hash  worker → until when that holds, and its words

and, for all of them, hf:installation (whose place this is, chat/installation.py) and hf:server (what tells this server
from others where `INFO` is forbidden, chat/session/connect.py). HOLDFAST_REDIS_PREFIX is what `hf` is here.

Every operation is one script and one round trip. A command may be sent twice when an answer is lost, so each
script is harmless when it is repeated.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import redis.asyncio as redis
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError, ReadOnlyError, RedisError, ResponseError, TimeoutError

from chat.session.connect import Unusable, ask, claim, server_of, store_pool
from chat.session.contract import (
    LOST,
    UNKNOWN_OWNER,
    Appended,
    Batch,
    Command,
    Leftover,
    Loaded,
    LogEvent,
    LogPart,
    Lost,
    Position,
    Store,
    StreamedPart,
    Tail,
    utf16,
)
from chat.session.errors import (
    Conflict,
    Duplicate,
    Fenced,
    IdReused,
    JournalUnavailable,
    Missing,
    PartGap,
    StoreUnavailable,
    StoreUnusable,
)
from chat.session.together import Together
from chat.support.clock import StoreClock
from chat.support.reasons import reason
from chat.support.redis_address import DEFAULT_PREFIX, parse
from chat.telemetry.metrics import STORE_ERRORS

__all__ = [
    "LOST",
    "Appended",
    "Batch",
    "Command",
    "Leftover",
    "Loaded",
    "LogEvent",
    "LogPart",
    "Lost",
    "Position",
    "RedisStore",
    "Store",
    "StreamedPart",
    "Tail",
]

log = logging.getLogger(__name__)

SCRIPTS = Path(__file__).parent / "scripts"

#: Seconds for one answer. No command here blocks on the server, so a longer silence means that it is gone.
SOCKET_TIMEOUT = 5.0
#: Connections of one process. A command holds one only while it waits; more commands than this queue up.
MAX_CONNECTIONS = 32
#: Entries that one read returns for one conversation; the reader comes back for more.
READ_COUNT = 500
#: Conversations in one read script, so that it never holds the server for long. A cluster needs 1 here.
READ_KEYS = 64
#: Results of commands held in Redis; older ones are asked of SQL.
MAX_COMMANDS = 200
#: First words of errors by which a server says "not now".
NOT_NOW = frozenset(
    {
        "LOADING",
        "READONLY",
        "OOM",
        "MISCONF",
        "MASTERDOWN",
        "CLUSTERDOWN",
        "TRYAGAIN",
        "BUSY",
        "NOREPLICAS",
        "NOPERM",
        "NOAUTH",
        "WRONGPASS",
        "ACL",  # a command within a script is forbidden
        "UNKILLABLE",
        "NOMASTERLINK",
    }
)


#: Seconds in which it must be known whose store this is. The database says so; it may be away.
OWNER_TIMEOUT = 5.0
#: The key, after the prefix, that says whose place this is.
INSTALLATION = "installation"


class Owner(Protocol):
    """Whose store it is (`chat/installation.py`)."""

    @property
    def claim(self) -> str:
        """What stands in the key of a place that is its own."""
        ...

    @property
    def takes(self) -> bool:
        """Whether it takes the place of whoever was there before."""
        ...

    def refusal(self, found: str) -> str:
        """One line for a place in which something else stands: what is wrong, and what to do."""
        ...


class RedisStore:
    """`Store` over Redis. Make it inside the event loop that uses it, and `aclose` it there."""

    def __init__(
        self,
        url: str,
        *,
        idle_ttl_ms: int,
        log_entries: int,
        socket_timeout: float = SOCKET_TIMEOUT,
        max_connections: int = MAX_CONNECTIONS,
        read_keys: int = READ_KEYS,
        prefix: str = DEFAULT_PREFIX,
        owner: Callable[[], Awaitable[Owner]] | None = None,
        clock: StoreClock | None = None,
    ) -> None:
        """`prefix`: how its keys begin. `owner`: asked once for whose store this is; it refuses to work where somebody
        else's is (StoreUnusable). None: it takes whatever it finds. `clock` is told the server's time."""
        self._pool: Any = store_pool(
            parse(url),
            on_connect=self._on_connect,
            max_connections=max_connections,
            timeout_s=socket_timeout,
        )
        self._prefix = prefix
        self._ask_owner = owner
        self._owner: Owner | None = None
        self._clock = clock or StoreClock()
        self._redis: Any = redis.Redis.from_pool(self._pool)
        shared = (SCRIPTS / "shared.lua").read_text()
        self._scripts: dict[str, AsyncScript] = {
            path.stem: self._redis.register_script(shared + path.read_text())
            for path in SCRIPTS.glob("*.lua")
        }
        self._parts: Together[tuple[Sequence[str], Sequence[Any]], Any] = Together(self._send_parts)
        self._idle_ttl_ms = idle_ttl_ms
        self._log_entries = log_entries
        self._read_keys = read_keys
        #: run_id of the server that the newest connection reached. A restart or a failover gives another one; older
        #: connections are let go then, so that nothing is asked of an older server than this.
        self._server = ""

    async def _on_connect(self, connection: Any) -> None:
        try:
            await connection.on_connect()
            server = await server_of(connection, self._prefix)
            await self._claim(partial(ask, connection))
            await self._set_clock(connection)
        except BaseException:
            # Otherwise it would be handed out again as one that has been through this.
            await connection.disconnect(nowait=True)
            raise
        if self._server and server != self._server:
            await self._let_go()
            connection.reset_should_reconnect()
        self._server = server

    async def _set_clock(self, connection: Any) -> None:
        asked = self._clock.moment
        try:
            self._learn(asked, await ask(connection, "TIME"))
        except ResponseError as problem:
            log.debug("TIME is refused: %s", problem)

    async def _claim(self, command: Callable[..., Awaitable[Any]]) -> None:
        """Raise Unusable if this is somebody else's place; claim it if it is nobody's."""
        if self._ask_owner is None:
            return
        if self._owner is None:
            try:
                async with asyncio.timeout(OWNER_TIMEOUT):
                    self._owner = await self._ask_owner()
            except (JournalUnavailable, TimeoutError) as problem:
                raise StoreUnavailable(
                    "Whose place in Redis this is cannot be told before the database answers."
                ) from problem
        own = self._owner
        found = await claim(command, f"{self._prefix}:{INSTALLATION}", own.claim, take=own.takes)
        if found != own.claim:
            raise Unusable(own.refusal(found))

    async def _let_go(self) -> None:
        """Have all connections made anew: those at rest now, those in use when they come back. A failover that moves
        the address does not always break them, and then they would stay with the former primary for ever."""
        await self._pool.update_active_connections_for_reconnect()
        await self._pool.disconnect(inuse_connections=False)

    async def _answer(self, command: Awaitable[Any]) -> Any:
        try:
            return await self._translated(command)
        except StoreUnavailable:
            STORE_ERRORS.labels("redis").inc()
            raise

    async def _translated(self, command: Awaitable[Any]) -> Any:
        try:
            return await command
        except Unusable as problem:
            raise StoreUnusable(str(problem)) from problem
        except ReadOnlyError as problem:
            demoted = problem
        except (ConnectionError, TimeoutError, OSError) as problem:
            raise StoreUnavailable(f"Redis cannot be reached ({reason(problem)}).") from problem
        except ResponseError as problem:
            if str(problem).split(" ", 1)[0] not in NOT_NOW and type(problem) is ResponseError:
                # A defect of ours, or of the server's set-up. Waiting may not mend it, but somebody can, and until then
                # nothing that waits for Redis is lost.
                log.error("Redis refused a command for a reason that is not known to pass: %s", problem)
            raise StoreUnavailable(f"Redis refuses to work at the moment: {problem}") from problem
        except RedisError as problem:
            raise StoreUnavailable(f"Redis failed ({type(problem).__name__}).") from problem
        # Not in the clause: what letting go raises, the others must see.
        try:
            await self._let_go()
        except (RedisError, OSError) as problem:
            log.debug("A connection to a former primary did not end well: %r", problem)
        raise StoreUnavailable("This Redis became a replica; its successor is asked next.") from demoted

    async def _run(self, script: str, keys: Sequence[str], *args: Any) -> Any:
        return await self._answer(self._scripts[script](keys=keys, args=args))

    async def _send_parts(self, asked: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        """The part script for each (keys, args), in one pipeline; in place of an answer the error that came."""
        if len(asked) == 1:
            return [await self._run("part", asked[0][0], *asked[0][1])]
        sha = self._scripts["part"].sha
        pipe = self._redis.pipeline(transaction=False)
        for keys, args in asked:
            pipe.evalsha(sha, len(keys), *keys, *args)
        replies = await self._answer(pipe.execute(raise_on_error=False))
        for place, reply in enumerate(replies):
            if isinstance(reply, Exception):
                # The server may not know the script yet, or no longer. The same part again is harmless.
                keys, args = asked[place]
                try:
                    replies[place] = await self._run("part", keys, *args)
                except Exception as problem:
                    replies[place] = problem
        return list(replies)

    def _learn(self, asked: float, told: Sequence[Any] | None) -> None:
        """What the answer of TIME says of the server's clock; nothing if it may not be asked."""
        if told:
            self._clock.learn(asked, int(told[0]) * 1000 + int(told[1]) / 1000)

    async def set_clock(self) -> None:
        asked = self._clock.moment
        try:
            self._learn(asked, await self._answer(self._redis.time()))
        except StoreUnavailable as problem:
            if not isinstance(problem.__cause__, ResponseError):
                raise
            log.debug("TIME is refused: %s", problem)

    async def _known_server(self) -> str:
        if not self._server:
            await self._answer(self._redis.ping())
        return self._server

    # ---- reading ----

    async def load(self, conversation: str) -> Loaded | None:
        asked = self._clock.moment
        reply = await self._run("load", self._all(conversation), self._idle_ttl_ms)
        if reply is None:
            return None
        epoch, seq, tag, fence, archived, server, message, parts, state, text, whole, *told = reply
        self._learn(asked, told[0] if told else None)
        return Loaded(
            position=Position(epoch, int(seq), tag),
            fields=dict(zip(state[::2], state[1::2], strict=True)),
            part=StreamedPart(message, text or "") if message else None,
            log_id=f"{seq}-{parts}",
            archived=int(archived),
            fence=int(fence),
            verified=server == self._server,
            whole=bool(whole),
        )

    async def head(self, conversation: str) -> tuple[Position, int] | None:
        meta = await self._answer(self._redis.hmget(self._key(conversation, "meta"), _HEAD))
        if meta[0] is None:
            return None
        return Position(meta[0], int(meta[1]), meta[2]), int(meta[3])

    async def heads(self, conversations: Sequence[str]) -> dict[str, Position]:
        if not conversations:
            return {}
        pipe = self._redis.pipeline(transaction=False)
        for conversation in conversations:
            pipe.hmget(self._key(conversation, "meta"), _HEAD)
        found = zip(conversations, await self._answer(pipe.execute()), strict=True)
        return {
            conversation: Position(meta[0], int(meta[1]), meta[2])
            for conversation, meta in found
            if meta[0] is not None and meta[4] == self._server
        }

    async def tail(self, conversation: str, after: int) -> Tail | None:
        reply = await self._run("tail", self._all(conversation), after)
        if reply is None:
            return None
        epoch, seq, tag, fence, archived, server, events, whole = reply
        return Tail(
            position=Position(epoch, int(seq), tag),
            archived=int(archived),
            fence=int(fence),
            verified=server == self._server,
            events=[
                Leftover(cast(LogEvent, _entry(id, fields)), _command(fields[7], found) if found else None)
                for id, fields, found in events
            ],
            whole=bool(whole),
        )

    async def read(self, positions: Mapping[str, tuple[str, str]]) -> dict[str, Batch | Lost]:
        if not positions:
            return {}
        server = await self._known_server()
        asked = list(positions.items())
        replies: list[Any] = []
        for start in range(0, len(asked), self._read_keys):
            keys: list[str] = []
            args: list[str | int] = [server, READ_COUNT]
            for conversation, (epoch, log_id) in asked[start : start + self._read_keys]:
                keys += self._keys(conversation, "meta", "log")
                args += [epoch, *log_id.split("-")]
            replies += await self._run("read", keys, *args)
        return {
            conversation: _batch(epoch, log_id, reply)
            for (conversation, (epoch, log_id)), reply in zip(asked, replies, strict=True)
        }

    # ---- writing ----

    async def append(
        self,
        conversation: str,
        expected: Position,
        events: Sequence[str],
        patch: Mapping[str, str | None],
        *,
        fence: int | None = None,
        command: Command | None = None,
        clear_part: bool = False,
    ) -> Appended:
        positions = expected.after(events)
        changed = [item for field, value in patch.items() if value is not None for item in (field, value)]
        gone = [field for field, value in patch.items() if value is None]
        asked = (command.id, command.digest, command.result) if command else ("", "", "")
        status, *rest = await self._run(
            "append",
            self._all(conversation),
            expected.epoch,
            expected.seq,
            expected.tag,
            await self._known_server(),
            "" if fence is None else fence,
            *asked,
            "1" if clear_part else "",
            self._log_entries,
            len(events),
            len(changed) // 2,
            positions[-1].tag,
            *events,
            *changed,
            *gone,
        )
        if status == "ok":
            return Appended(positions[-1], rest)
        raise _refusal(status, rest)

    async def part(self, conversation: str, fence: int, message: str, offset: int, text: str) -> None:
        while True:
            args = (
                await self._known_server(),
                fence,
                message,
                offset,
                utf16(text),
                text,
                self._log_entries,
                self._idle_ttl_ms,
            )
            status, *rest = await self._parts.ask((self._all(conversation), args))
            if status == "ok":
                return
            if status != "overlap":
                raise _refusal(status, rest)
            have = int(rest[0])
            text = text.encode("utf-16-le")[2 * (have - offset) :].decode("utf-16-le", "replace")
            offset = have

    async def seed(
        self,
        conversation: str,
        position: Position,
        fields: Mapping[str, str],
        *,
        fence: int,
        archived: int,
        replaces: str | None,
    ) -> bool:
        done = await self._run(
            "seed",
            self._all(conversation),
            position.epoch,
            position.seq,
            position.tag,
            fence,
            archived,
            await self._known_server(),
            replaces or "",
            self._idle_ttl_ms,
            *(item for field in fields.items() for item in field),
        )
        return bool(done)

    async def fence(self, conversation: str, fence: int) -> None:
        if not await self._run("fence", self._keys(conversation, "meta"), fence):
            raise Missing

    async def archived(self, conversation: str, position: Position) -> bool:
        place = (position.epoch, position.seq, position.tag)
        return bool(
            await self._run("archived", self._all(conversation), *place, self._idle_ttl_ms, MAX_COMMANDS)
        )

    async def verified(self, conversation: str, position: Position, epoch: str) -> bool:
        place = (position.epoch, position.seq, position.tag)
        server = await self._known_server()
        return bool(await self._run("verified", self._keys(conversation, "meta"), *place, epoch, server))

    async def delete(self, conversation: str) -> None:
        await self._answer(self._redis.unlink(*self._all(conversation), self._key(conversation, "lease")))

    # ---- commands ----

    async def command(self, conversation: str, id: str) -> Command | None:
        found = await self._answer(self._redis.hget(self._key(conversation, "commands"), id))
        return _command(id, found) if found else None

    async def remember(self, conversation: str, command: Command) -> None:
        value = json.dumps({"digest": command.digest, "result": command.result})
        keys = self._keys(conversation, "meta", "commands")
        await self._run("remember", keys, command.id, value, self._idle_ttl_ms)

    # ---- leases ----

    async def acquire(self, conversation: str, owner: str, ttl_ms: int) -> bool:
        return bool(await self._run("lease", self._keys(conversation, "lease"), "acquire", owner, ttl_ms))

    async def hold(self, conversation: str, ttl_ms: int) -> None:
        await self._run("lease", self._keys(conversation, "lease"), "hold", UNKNOWN_OWNER, ttl_ms)

    async def reclaim(self, conversation: str, owner: str, ttl_ms: int) -> bool:
        keys = self._keys(conversation, "lease")
        return bool(await self._run("lease", keys, "reclaim", owner, ttl_ms, UNKNOWN_OWNER))

    async def renew(self, conversation: str, owner: str, ttl_ms: int) -> bool:
        return bool(await self._run("lease", self._keys(conversation, "lease"), "renew", owner, ttl_ms))

    async def release(self, conversation: str, owner: str) -> None:
        await self._run("lease", self._keys(conversation, "lease"), "release", owner, 0)

    async def lease(self, conversation: str) -> str | None:
        return cast(str | None, await self._answer(self._redis.get(self._key(conversation, "lease"))))

    async def leases(self, conversations: Sequence[str]) -> dict[str, int]:
        if not conversations:
            return {}
        pipe = self._redis.pipeline(transaction=False)
        for conversation in conversations:
            pipe.pttl(self._key(conversation, "lease"))
        left = await self._answer(pipe.execute())
        return {one: ms for one, ms in zip(conversations, left, strict=True) if ms > 0}

    async def beat(self, worker: str, load: str, ttl_ms: int) -> dict[str, str]:
        said = await self._run("beat", self._keys("workers", "loads"), worker, load, ttl_ms)
        return dict(zip(said[::2], said[1::2], strict=True))

    async def loads(self) -> dict[str, str]:
        # Nobody has no name, so nothing is told by it.
        return await self.beat("", "", 1)

    # ---- the place ----

    async def examine(self) -> str:
        """What the server does with memory that runs out (`maxmemory-policy`), '' if it does not say. Claims the place
        anew if it was emptied. Raises StoreUnavailable, and StoreUnusable if somebody else claimed it meanwhile."""
        try:
            await self._claim(lambda *words: self._answer(self._redis.execute_command(*words)))
        except Unusable as problem:
            await self._let_go()
            raise StoreUnusable(str(problem)) from problem
        try:
            facts = await self._answer(self._redis.info("memory"))
        except StoreUnavailable as problem:
            if isinstance(problem.__cause__, ResponseError):  # INFO is forbidden, or means nothing to a proxy
                return ""
            raise
        return str(facts.get("maxmemory_policy", ""))

    async def facts(self) -> dict[str, Any]:
        """What the server says of itself (`INFO`), by name. Raises StoreUnavailable, also where it is forbidden."""
        found: dict[str, Any] = await self._answer(self._redis.info())
        return found

    async def claimed(self) -> str:
        """What stands there as a claim, '' if nothing does."""
        return await self._answer(self._redis.get(f"{self._prefix}:{INSTALLATION}")) or ""

    async def take_over(self, mine: str, queue: str) -> int:
        """Empty the place, the queue of that name with it, and put `mine` there as a claim. Returns how many keys went.
        The caller has made sure that nobody works there."""
        gone = 0
        for pattern in (f"{self._prefix}:*", f"streaq:{queue}:*"):
            keys: list[str] = []
            cursor = -1
            while cursor:
                cursor, some = await self._answer(
                    self._redis.scan(max(cursor, 0), match=pattern, count=1_000)
                )
                keys += some
            for start in range(0, len(keys), 500):
                gone += await self._answer(self._redis.unlink(*keys[start : start + 500]))
        await self._answer(self._redis.set(f"{self._prefix}:{INSTALLATION}", mine))
        return gone

    async def aclose(self) -> None:
        await self._redis.aclose()
        await self._pool.aclose()

    # ---- names ----

    def _key(self, conversation: str, name: str) -> str:
        return f"{self._prefix}:{{{conversation}}}:{name}"

    def _keys(self, conversation: str, *names: str) -> list[str]:
        return [self._key(conversation, name) for name in names]

    def _all(self, conversation: str) -> list[str]:
        return self._keys(conversation, "meta", "state", "log", "commands", "part")


_HEAD = ("epoch", "seq", "tag", "archived", "server")


def _command(id: str, stored: str) -> Command:
    value = json.loads(stored)
    return Command(id, value["digest"], value["result"])


def _entry(id: str, fields: list[str]) -> LogEvent | LogPart:
    if fields[0] == "e":
        return LogEvent(id, int(id.partition("-")[0]), prev=fields[3], tag=fields[5], text=fields[1])
    return LogPart(id, message=fields[1], offset=int(fields[3]), text=fields[5])


def _batch(epoch: str, log_id: str, reply: Any) -> Batch | Lost:
    if reply == 1:
        return LOST
    entries = [_entry(id, fields) for id, fields in reply] if reply else []
    return Batch(epoch, entries, entries[-1].id if entries else log_id)


def _refusal(status: str, rest: list[str]) -> Exception:
    match status:
        case "missing":
            return Missing()
        case "fenced":
            return Fenced()
        case "duplicate":
            return Duplicate(rest[0])
        case "reused":
            return IdReused()
        case "gap":
            return PartGap(int(rest[0]))
        case _:
            return Conflict()
