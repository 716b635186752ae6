"""The browser's socket: glue between Channels, the `Connection` that decides, the feed and the inbox.

Handlers are short, because Channels runs them one after another. What may take long runs beside them, in three
tasks per socket: the writer (the only one that sends, rule W10), the heart (rule W3), and the opener (`opener.py`).
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from itertools import count
from typing import Any

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from chat.entrances.web import connection as c
from chat.entrances.web import protocol as p
from chat.entrances.web.greeting import is_token_of
from chat.entrances.web.leaving import sockets
from chat.entrances.web.live import Live, live
from chat.entrances.web.login import logged_in, session_key, still_logged_in
from chat.entrances.web.opener import Opener
from chat.entrances.web.outlet import Control, Outlet
from chat.http.limits import RateLimits
from chat.inbox import Sender
from chat.notify import doorbell
from chat.session.errors import Unavailable
from chat.support import kill_points
from chat.support.clock import now_ms
from chat.telemetry.metrics import FRAMES, SOCKETS

log = logging.getLogger(__name__)

#: Seconds in which a reader must take one frame; after that the socket is given up.
WRITE_TIMEOUT_S = 60.0
#: Seconds in which a command must have its result; then the client hears `unavailable` and sends it again. Shorter than
#: the 10 s after which it would send again without an answer (outbox.ts) and, a few times later, give up.
SUBMIT_TIMEOUT_S = 8.0
#: How the answer to a command begins.
RESULT = '{"type":"result"'
#: Steps in which the time for a client's hello is counted.
HELLO_STEPS = 10
#: Heartbeats between two looks at the login of a socket.
LOGIN_CHECK_BEATS = 3
#: A leaving server spreads the reconnects of its clients over this many milliseconds.
RESTART_SPREAD_MS = 2_000
#: A socket too many may come back after this many milliseconds, and up to as many again.
CROWDED_MS = 30_000


#: How every frame begins, before its type.
HEAD = '{"type":"'

SOCKETS.set_function(lambda: len(sockets))


def _count(text: str) -> None:
    """Count a frame that was written; the protocol has so many types and no more."""
    FRAMES.labels(text[len(HEAD) : text.index('"', len(HEAD))]).inc()


class BrowserConsumer(AsyncWebsocketConsumer):
    """One socket of one tab. Everything it decides is decided by `self.connection`."""

    connection: c.Connection
    limits = RateLimits()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Hand a message to its handler. Channels would have a thread close old connections of the database first, for
        each message, which is a tenth of what a web server does. Nobody here asks in that thread: all questions go
        through `Database`, which looks after its own connections."""
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"A socket has no handler for messages of the type {message['type']}.")
        await handler(message)

    async def connect(self) -> None:
        # At once: who it is takes as long as it takes when everybody comes back, and servers close a handshake that
        # takes seconds.
        await self.accept()
        self.user_id: int | None = None
        self.login = session_key(self.scope)
        self.connection = c.Connection(
            "",
            now_ms,
            is_token=partial(is_token_of, self.login),
            limits=self.limits,
            heartbeat_ms=settings.HOLDFAST_HEARTBEAT_MS,
        )
        self.outlet = Outlet()
        self.unsent = asyncio.Event()
        self.closing: int | None = None
        #: Whether the close was written.
        self.left = asyncio.Event()
        self.hears_user = False
        self.writing_since: float | None = None
        self.login_seen_at = time.monotonic()
        self.login_doubtful = False
        self.tasks: list[asyncio.Task[None]] = []
        #: What came before it was known whose socket it is; None: that is known.
        self.early: list[str | bytes] | None = []
        self.live: Live = live()
        sockets.add(self)
        self._begin(self._write())
        self._begin(self._come_in())

    async def _come_in(self) -> None:
        """Find out whose socket it is when its turn has come, and listen. One that leaves has no turn."""
        try:
            await self._log_in()
        except Unavailable as problem:
            log.warning("A socket cannot be served now: %r", problem)
            self.closing = c.CLOSE_INTERNAL
            self.unsent.set()
        if self.user_id is None:
            return
        self._begin(self.opener.run())
        self._begin(self._beat())
        self._begin(self._hear_hello())
        while self.early:
            await self._take(self.early.pop(0))
        self.early = None

    async def _log_in(self) -> None:
        async with self.live.admission.turn(self._told_to_wait):
            user = self.scope.get("user") or await logged_in(self.login)
            if user is None:
                self.perform(self.connection.go_away("logged_out"))
                return
            if sockets.of(user.pk) >= self.limits.sockets:
                log.info("User %s has %d sockets; one more is refused.", user.pk, self.limits.sockets)
                self.perform(self.connection.go_away("crowded", CROWDED_MS + random.randint(0, CROWDED_MS)))
                return
            self.user_id, self.connection.user = user.pk, user.get_username()
            sockets.belongs(self, user.pk)
            self.opener = Opener(
                user.pk,
                self.channel_name,
                self.live,
                self.connection,
                self.outlet,
                self.perform,
            )
            await self._join_user()

    async def _hear_hello(self) -> None:
        """Give up on a client that does not say hello. Only its own silence counts, and no time in which this process
        had no turn: it goes by steps, each of which counts as what it should have taken."""
        step = self.connection.limits.hello_ms / 1000 / HELLO_STEPS
        for _ in range(HELLO_STEPS):
            await asyncio.sleep(step)
        self.perform(self.connection.hello_overdue())

    def _told_to_wait(self, seconds: float) -> None:
        """Tell the client that it is about so many seconds from its turn, so that it does not begin anew."""
        self.perform(self.connection.wait(round(seconds * 1000)))

    async def _join_user(self) -> None:
        """Hear the user's bell; if it cannot be had now, the heart tries again."""
        assert self.user_id is not None
        try:
            await doorbell.join(doorbell.user_group(self.user_id), self.channel_name)
            self.hears_user = True
        except Exception as problem:
            log.warning("A socket of user %s does not hear its bell yet: %r", self.user_id, problem)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Have a task do this for as long as the socket lives. If it fails, the socket is closed: a socket
        without a writer or a heart only looks alive."""
        task = asyncio.create_task(work)
        self.tasks.append(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        problem = None if task.cancelled() else task.exception()
        if problem is not None:
            log.error("A socket of user %s failed and is closed.", self.user_id, exc_info=problem)
            self.tasks.append(asyncio.create_task(self._end(c.CLOSE_INTERNAL)))

    async def disconnect(self, code: int) -> None:
        """The socket is gone. Runs go on (rule W6)."""
        await self._let_go()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:  # see leaving.py
            await self._say_goodbye()
            raise
        except Exception as problem:
            if hasattr(self, "connection"):
                raise
            # Before the socket was accepted Channels needs the layer, so Redis. The client tries again.
            log.warning("A socket cannot be served now: %r", problem)
        else:
            return
        finally:
            await self._let_go()
        await send({"type": "websocket.close"})

    def leave(self) -> None:
        """The process stops: tell the client to come back, at a moment of its own (rule W9)."""
        self.perform(self.connection.go_away("restart", random.randint(0, RESTART_SPREAD_MS)))

    async def _say_goodbye(self) -> None:
        """The server has cancelled us because it stops; what is left to say is said here, not by the writer."""
        if not hasattr(self, "connection") or self.left.is_set():
            return
        for task in self.tasks:
            task.cancel()
        self.leave()
        while (text := self.outlet.take()) is not None:
            await self.base_send({"type": "websocket.send", "text": text})
            _count(text)
        await self._end(self.closing or c.CLOSE_RESTART)
        # One turn of the reactor, so that the frames leave before the process does.
        await asyncio.sleep(0.05)

    async def _end(self, code: int) -> None:
        await self.close(code)
        self.left.set()

    async def _let_go(self) -> None:
        """Stop everything that runs for this socket. Harmless when called again."""
        if not hasattr(self, "tasks"):
            return
        tasks, self.tasks = self.tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self not in sockets:
            return
        sockets.discard(self)
        if self.user_id is None:
            return
        await self.opener.close_all()
        try:
            await doorbell.leave(doorbell.user_group(self.user_id), self.channel_name)
        except Exception as problem:
            log.warning("The bell of user %s could not be left: %r", self.user_id, problem)

    # ---- what comes in ----

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        data = text_data if text_data is not None else (bytes_data or b"")
        if self.early is None:
            await self._take(data)
        elif len(self.early) < self.limits.burst:
            self.early.append(data)
        else:
            self.closing = self.closing or c.CLOSE_POLICY
            self.unsent.set()

    async def _take(self, data: str | bytes) -> None:
        if self.closing is not None:
            return
        for command in self.perform(self.connection.receive(data)):
            await self._submit(command)

    async def conversation_ring(self, message: dict[str, Any]) -> None:
        """A conversation that this socket shows has news: the feed reads it for the whole process."""
        self.live.feed.ring(message["conversation"])

    async def user_ring(self, message: dict[str, Any]) -> None:
        """Something about this user changed: the list, or whether there still is a login."""
        self.perform(self.connection.list_changed())
        if time.monotonic() - self.login_seen_at > 1:
            await self._check_login()
        else:
            self.login_doubtful = True  # bells come in crowds; the heart looks once for all of them

    async def _submit(self, command: p.Command) -> None:
        assert self.user_id is not None
        who = Sender(self.user_id, "web", self.connection.user)
        try:
            async with asyncio.timeout(SUBMIT_TIMEOUT_S):
                answer = await self.live.inbox.submit(who, command.conversation, command.id, command.body)
        except Exception as problem:
            if isinstance(problem, TimeoutError):
                log.warning(
                    "Command %s has no result after %g s; it may be sent again.",
                    command.id,
                    SUBMIT_TIMEOUT_S,
                )
            else:
                log.exception("Command %s for conversation %s failed.", command.id, command.conversation)
            self.perform(self.connection.result(command, "rejected", code="unavailable", retry=True))
            return
        self.perform(
            self.connection.result(
                command, answer.status, code=answer.code, cursor=answer.cursor, retry=answer.retry
            )
        )

    # ---- actions ----

    def perform(self, actions: Iterable[c.Action]) -> list[p.Command]:
        """Perform actions, in order; returns the commands, which the caller must submit."""
        wanted: list[p.Command] = []
        for action in actions:
            match action:
                case c.Send():
                    self._put(action)
                case c.OpenConversation():
                    self.opener.open(action.conversation, action.attempt)
                case c.CloseConversation():
                    self.outlet.drop(action.conversation)
                    self.opener.close(action.conversation)
                case c.SubmitCommand():
                    wanted.append(action.command)
                case c.CloseSocket():
                    self.closing = action.code
        self.unsent.set()
        return wanted

    def _put(self, action: c.Send) -> None:
        if not isinstance(action.item, Control) and not self.connection.shows(action.item.conversation):
            return  # an earlier frame of the same batch was too much: its reader opens again
        self.outlet.put(action.item)
        while (slow := self.outlet.overflow()) is not None:
            lost = self.connection.lose(slow, "slow")
            self.outlet.drop(slow)
            self.perform(lost)
        if self.outlet.stuck:
            self.closing = self.closing or c.CLOSE_POLICY

    # ---- the writer ----

    async def _write(self) -> None:
        """Write what waits, one frame after another; `send` waits while the socket is full (`flow.py`)."""
        while True:
            await self.unsent.wait()
            self.unsent.clear()
            while (text := self.outlet.take()) is not None:
                self.writing_since = time.monotonic()
                await self.send(text_data=text)
                self.writing_since = None
                _count(text)
                if text.startswith(RESULT):
                    kill_points.point("reply.written")
                if self.user_id is not None:
                    self.opener.frame_taken()
            if self.closing is not None:
                await self._end(self.closing)
                return

    # ---- the heart ----

    async def _beat(self) -> None:
        """Heartbeats, with jitter so that the sockets of a process do not beat at once; and what is due with them."""
        for beat in count(1):
            await asyncio.sleep(settings.HOLDFAST_HEARTBEAT_MS / 1000 * random.uniform(0.85, 1.0))
            now = time.monotonic()
            if self.outlet.stuck or (self.writing_since and now - self.writing_since > WRITE_TIMEOUT_S):
                log.info("A socket of user %s takes nothing any more and is closed.", self.user_id)
                await self._end(c.CLOSE_POLICY)
                return
            if not self.hears_user:
                await self._join_user()
            if self.login_doubtful:
                await self._check_login()
            elif beat % LOGIN_CHECK_BEATS == 0:
                await self._check_login(still_logged_in)
            self.perform(self.connection.heartbeat(await self._heads()))

    async def _heads(self) -> dict[str, str]:
        """The heads in the store; none when it does not answer, so that the client still hears a heart."""
        shown = self.connection.open_conversations()
        if not shown:
            return {}
        try:
            async with asyncio.timeout(5):
                found = await asyncio.gather(*(self.live.heads.ask(one) for one in shown))
                return {one: head for one, head in zip(shown, found, strict=True) if head is not None}
        except Exception as problem:
            log.warning("The heads for a heartbeat could not be read: %r", problem)
            return {}

    async def _check_login(self, look: Callable[[str | None], Awaitable[Any]] = logged_in) -> None:
        assert self.user_id is not None
        self.login_seen_at = time.monotonic()
        self.login_doubtful = False
        try:
            user = await look(self.login)
        except Exception as problem:
            log.warning("The login of a socket could not be checked: %r", problem)
            return
        if user is None or user.pk != self.user_id:
            self.perform(self.connection.go_away("logged_out"))
