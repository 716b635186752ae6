"""The cards of one lane's runs: made, streamed into, rotated, settled. The look is decided in cards.py.

A card is made anew before the messenger closes it (`Limits.card_lasts_ms`), and when it says that it did (CardClosed).
The sequence of its changes is the time since it was opened, so that a worker that takes over goes on with a larger one.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import connection

from agents.events import ACTIVE_RUN
from chat.journal.statements import key_of
from chat.messenger import answers, cards
from chat.messenger.adapter import Client, Messenger, Target, made_id
from chat.messenger.answers import Answers
from chat.messenger.asking import FURTHER, OUTPACED_BY, AskCards, Sequences
from chat.messenger.database import ask
from chat.messenger.errors import CardClosed, MessageRefused, Outpaced
from chat.messenger.follow import Follower
from chat.messenger.models import Lane, Turn
from chat.messenger.told import Drawn
from chat.models import Run
from chat.support.prepared import Prepared

log = logging.getLogger(__name__)

_STATUS = Prepared(
    lambda conversation, run: (
        Run.objects.filter(conversation=conversation, run=run).order_by().values_list("status", "seq")
    )
)

#: Milliseconds between two looks at the elapsed time.
STATUS_MS = 2_000


class RunCards:
    """The cards of one lane. `turn` waits for the chat's pace; False: the lane is no longer ours."""

    def __init__(
        self,
        messenger: Messenger,
        lane: Lane,
        client: Client,
        follower: Follower,
        found: Answers,
        clock: Callable[[], int],
        mine: Callable[[], bool],
        turn: Callable[[], Awaitable[bool]],
    ) -> None:
        self._messenger = messenger
        self._tables = messenger.tables
        self._lane = lane
        self._client = client
        self._follower = follower
        self._answers = found
        self._clock = clock
        self._mine = mine
        self._turn = turn
        self._writer = cards.Writer(messenger.markup, messenger.limits, messenger.language(lane.app))
        self._origin = cards.CardOrigin(lane.pk, lane.thread_id)
        #: What the card shows now: status, text.
        self._shown = ("", "")
        self._status_at = 0
        self._sequences = Sequences()
        #: What is drawn.
        self._state: cards.State = {}
        self._part: tuple[str, str] | None = None
        self._asking = AskCards(
            messenger, lane, client, self._writer, self._origin, self._sequences, self._send_card
        )

    async def draw(self, run: str, now: int) -> Drawn:
        """Bring the cards up to the live state; `run` is the one that the journal says is not over. Raises
        MessengerError."""
        # All is drawn from one state: it may move while we wait for the messenger.
        self._state, self._part, seq = self._follower.state, self._follower.part, self._follower.seq
        settled = await self._settle_others(run, now)
        closed: CardClosed | Outpaced | None = None
        whole = False
        try:
            whole = await self._draw_run(run, now) if run else True
        except (CardClosed, Outpaced) as problem:
            closed = problem
        if isinstance(closed, CardClosed):
            await self._rotate(run)
        elif closed is not None:
            await self._change(run, sequence_by=OUTPACED_BY)
        return Drawn(seq, settled, settled and whole)

    async def begin(self, run: str, message: str, now: int) -> bool:
        """Show the card of a run that was just queued for `message`, before the live state is asked. False: there is
        none, because that message has joined another run, or the run is over already. Raises MessengerError."""
        turn = await ask(self._begun, run)
        if turn is None:
            return False
        if not turn.message_id:
            await self._open(turn, self._writer.queued(run), now, message)
        return True

    def give_up(self, run: str) -> None:
        """Leave all cards of the lane as they are; what `run` asks is asked by a message. In a database thread."""
        held = self._state.get("run") or {}
        if held.get("id") == run and held["status"] == "waiting":
            self._asking.tell([*cards.asked(self._state, run), *cards.doubts(self._state, run)])
        self._tables.turns.filter(lane=self._lane, ended=False).update(ended=True)

    async def _settle_others(self, run: str, now: int) -> bool:
        settled = True
        for turn in await ask(self._others, run):
            # The journal was asked later than the feed: a card settled now would say "Working" for ever. The end
            # comes with the feed's next look, and until then the lane is kept (told.py).
            if self._at_work(turn.run):
                settled = False
            else:
                await self._settle(turn, now)
        return settled

    async def _draw_run(self, run: str, now: int) -> bool:
        state = self._state
        held = state.get("run") or {}
        if held.get("id") != run:
            return False  # the feed will come to it
        turn = await ask(self._turn_of, run)
        if turn.ended:
            return True
        if held["status"] == "waiting":
            asked = await self._asking.ask(turn, state, now)
            self._shown = ("", "")
            return asked
        await self._asking.answered(turn, state, now)
        if turn.card_id and now - turn.opened_at >= self._messenger.limits.card_lasts_ms:
            await self._rotate(run)
            turn = await ask(self._turn_of, run)
        if not turn.message_id:
            await self._open(turn, self._writer.status(self._state, run, now), now)
        await self._stream(turn, now)
        return False

    def _at_work(self, run: str) -> bool:
        """Whether the live state shows this run as not over."""
        held = self._state.get("run") or {}
        return held.get("id") == run and held["status"] in ACTIVE_RUN

    async def _open(self, turn: Turn, status: str, now: int, target: str | None = None) -> None:
        if not turn.card_id:
            turn.card_id = await self._client.make_card(self._writer.working(status, turn.run, self._origin))
            turn.opened_at = now
            await ask(
                turn.save
            )  # before it is sent: sent again under the same uuid, it must be the same card
        await self._send_card(turn, target)
        self._shown, self._status_at = (status, ""), now

    async def _send_card(self, turn: Turn, target: str | None = None) -> None:
        if not await self._turn():
            return
        uuid = made_id(self._messenger, "card", turn.lane_id, turn.run, turn.rotation)
        lane = self._lane
        run = turn.run.partition(FURTHER)[0]
        if target is None:
            target = await ask(self._answers.target_of, run)
        target = target or (lane.anchor if lane.thread_id else "")
        to = Target(lane.chat_id, target, thread=bool(lane.thread_id))
        turn.message_id = await self._client.send_card(to, turn.card_id, uuid)
        await ask(turn.save)

    async def _stream(self, turn: Turn, now: int) -> None:
        if not turn.message_id:
            return
        state = self._state
        status = self._writer.status(state, turn.run, now)
        text = self._writer.text(state, turn.run, self._part)
        was_status, was_text = self._shown
        # Only the elapsed time has changed: not worth a request each time.
        same = cards.without_times(status) == cards.without_times(was_status)
        if status != was_status and (not same or now - self._status_at >= STATUS_MS):
            await self._client.stream(turn.card_id, "status", status, self._sequence(turn, now))
            self._shown, self._status_at = (status, was_text), now
        if text and text != was_text and self._mine():
            await self._client.stream(turn.card_id, "text", text, self._sequence(turn, now))
            self._shown = (self._shown[0], text)

    async def _settle(self, turn: Turn, now: int) -> None:
        """The run is over: its card shows what was done, and streams no more."""
        await self._asking.answered(turn, self._state, now, over=True)
        # Without a message it may have been sent all the same: its worker died before it could note that.
        if turn.card_id:
            held, said = self._state.get("run") or {}, ""
            if held.get("id") == turn.run:
                said = self._writer.said_before(self._state, turn.run)
                status = self._writer.status(self._state, turn.run, now)
            else:
                status = self._writer.ended(await ask(answers.ended_as, self._lane, turn.run))
            await self._asking.last_look(
                turn.card_id, self._writer.resting(status, said), self._sequence(turn, now, 2)
            )
        turn.ended = True
        await ask(turn.save)
        self._shown = ("", "")

    async def _rotate(self, run: str) -> None:
        """Leave the card as it is and go on with another one."""
        turn = await ask(self._turn_of, run)
        if turn.card_id:
            try:
                sequence = self._sequence(turn, self._clock(), 2)
                await self._client.settle(turn.card_id, self._writer.goes_on(), sequence)
            except (MessageRefused, CardClosed, Outpaced) as problem:
                log.info("The old card of run %s stays as it is: %s", run, problem)
        await self._change(run, next_card=True)

    async def _change(self, run: str, *, next_card: bool = False, sequence_by: int = 0) -> None:
        turn = await ask(self._turn_of, run)
        if next_card:
            turn.rotation, turn.card_id, turn.message_id, turn.sequence = turn.rotation + 1, "", "", 0
            self._shown = ("", "")
        turn.sequence += sequence_by
        await ask(turn.save)

    def _sequence(self, turn: Turn, now: int, count: int = 1) -> int:
        """The first of `count` numbers for changes to the turn's card, larger than all before."""
        at_least = max(turn.sequence + 1, now - turn.opened_at)
        turn.sequence = self._sequences.next(turn.card_id, at_least, count)
        return turn.sequence

    # ---- SQL ----

    def _begun(self, run: str) -> Turn | None:
        """The turn of a run that was begun, which is stored with its card."""
        statuses = dict(_STATUS.rows("default", key_of(connection, self._lane.conversation), run))
        if not statuses.keys() & ACTIVE_RUN:
            return None
        turn: Turn | None = self._tables.turns.filter(lane=self._lane, run=run).first()
        anew: Any = self._tables.turn
        return turn or anew(lane=self._lane, run=run)

    def _turn_of(self, run: str) -> Turn:
        made: tuple[Turn, bool] = self._tables.turns.get_or_create(lane=self._lane, run=run)
        return made[0]

    def _others(self, run: str) -> list[Turn]:
        """The turns whose run is over, with a card that has not been settled."""
        turns = self._tables.turns.filter(lane=self._lane, ended=False)
        return list(turns.exclude(run=run).exclude(run__contains=FURTHER))
