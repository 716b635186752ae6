"""The way out of one lane: what its outbox holds, and its run's card; and how far the chat is told by both.

    journal ─► Answers ─► outbox ─► sent in order, at the chat's pace         (what must arrive)
    feed ────► state ───► RunCards: made, streamed into, rotated, settled     (what is nice to see)
                              both ─► told.mark: how far the chat is told

Whatever goes wrong with a card, the answer goes out as a message of its own.
"""

import asyncio
import logging
from collections.abc import Callable

from chat.messenger import people, told
from chat.messenger.adapter import Client, Messenger
from chat.messenger.answers import Answers
from chat.messenger.database import OUTAGES, ask
from chat.messenger.errors import Away, Limited, MessageRefused
from chat.messenger.follow import Follower
from chat.messenger.models import Lane
from chat.messenger.outbox import Outbox
from chat.messenger.run_cards import RunCards
from chat.session.errors import NoConversation
from chat.support.backoff import Backoff

log = logging.getLogger(__name__)

#: A card that is refused, or raises what nobody foresaw, is given up after so many failures in a row.
MAX_FAILURES = 5
#: Milliseconds before a card that failed is tried again: at first, doubled each time, and at most.
RETRY_MS = Backoff(1_000, 60_000)


class LaneDelivery:
    """The way out of one lane. `every_ms` says how often a card may change now."""

    def __init__(
        self,
        messenger: Messenger,
        lane: Lane,
        me: str,
        client: Client,
        follower: Follower,
        *,
        clock: Callable[[], int],
        mine: Callable[[], bool],
        every_ms: Callable[[], int],
    ) -> None:
        self._messenger = messenger
        self._lane = lane
        self._client = client
        self._follower = follower
        self._clock = clock
        self._mine = mine
        self._every_ms = every_ms
        self._remembers_ms = messenger.limits.remembers_uuid_ms
        self._answers = Answers(messenger, lane, me)
        self._outbox = Outbox(messenger, lane, client, self._turn, clock)
        self._cards = RunCards(messenger, lane, client, follower, self._answers, clock, mine, self._turn)
        self._read: told.Read | None = None
        #: When the card of `_card_run` may change again, and until when no card may at all.
        self._card_at, self._card_run = 0, ""
        self._held_until = 0
        self._failures, self._failing_since = 0, 0

    async def show(self, run: str, message: str) -> bool:
        """Show the card of a run that was begun for `message`, whose author has seen nothing yet. It fails as other
        changes to a card do; the next round makes up for it. False: that run has none, look for what else there is to
        tell."""
        now = self._clock()
        failed: Exception | None = None
        try:
            return await self._cards.begin(run, message, now)
        except Limited as problem:
            self._held_until = now + int(problem.after * 1000)
        except OUTAGES:
            raise
        except Exception as problem:
            failed = problem
        if failed is not None:
            await self._failed(run, failed, now)
        return True

    async def go_on(self, news: bool) -> bool:
        """One round. `news`: the journal has moved. Returns whether there is nothing left to do."""
        if news or self._read is None or self._is_news(self._read):
            if not await ask(people.is_still_theirs, self._messenger, self._lane):
                await ask(people.pass_over, self._messenger, self._lane)
                return await self._outbox.send_out()
            self._read = await ask(self._answers.catch_up, self._read)
        read = self._read
        sent = await self._outbox.send_out()
        if read is None:
            return sent
        try:
            await self._follower.follow(read.head)
        except NoConversation:
            return sent
        drawn = await self._draw(read.run) if self._mine() else None
        if drawn is None:
            return False
        mark = await ask(self._answers.mark, read, drawn)
        return sent and told.is_told(mark, read, drawn) and not self._is_news(read)

    def _is_news(self, read: told.Read) -> bool:
        """Whether the live state tells of more than was read."""
        return self._follower.open and told.is_news(read, self._follower.seq, *self._follower.run)

    async def _draw(self, run: str) -> told.Drawn | None:
        """Bring the cards up to date; what they show. None: it is not time yet, or it failed."""
        now = self._clock()
        # A new run's card comes at once, however slow the cards have to be that move already.
        if now < self._held_until or (now < self._card_at and run == self._card_run):
            return None
        try:
            drawn = await self._cards.draw(run, now)
        except Limited as problem:
            self._held_until = now + int(problem.after * 1000)
            return None
        except OUTAGES:
            raise
        except Exception as problem:
            failed = problem
        else:
            self._failures = 0
            self._card_at, self._card_run = now + self._every_ms(), run
            return drawn
        await self._failed(run, failed, now)
        return None

    async def _failed(self, run: str, problem: Exception, now: int) -> None:
        """Try again, unless it is no use. What cannot be reached is tried for as long as a message would be: the
        buttons of a card that asked must not stay because of one bad moment."""
        if not self._failures:
            self._failing_since = now
        self._failures += 1
        self._held_until = now + int(RETRY_MS.delay(self._failures - 1))
        if not isinstance(problem, Away | MessageRefused):
            log.error("A card of lane %s raised.", self._lane.pk, exc_info=problem)
        if isinstance(problem, Away):
            given_up = now - self._failing_since > self._remembers_ms
        else:
            given_up = self._failures >= MAX_FAILURES
        if given_up:
            log.error("The card of run %s is given up; its answer is not: %s", run, problem)
            self._failures = 0
            await ask(self._cards.give_up, run)

    async def _turn(self) -> bool:
        """Wait until this chat may get another message. False: the lane is no longer ours."""
        while self._mine():
            wait = await self._client.pace.slot(self._lane.chat_id)
            if not wait:
                return self._mine()
            await asyncio.sleep(min(wait, 1.0))
        return False
