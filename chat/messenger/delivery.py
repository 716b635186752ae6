"""The way out for one lane: its run's card, kept up to date, and the answers, which do not depend on it.

    journal ─► catch_up ─► outbox ─► sent in order, at the chat's pace        (what must arrive)
    feed ────► state ────► the card: made, streamed into, rotated, settled    (what is nice to see)

Whatever goes wrong with a card, the answer goes out as a message of its own. A card is made anew before Feishu
closes its streaming mode after ten minutes, and when Feishu says that it did (200850, 300309). Its sequence is the
time since it was opened, so that a worker that takes over goes on with a larger one.
"""

import asyncio
import json
import logging
from collections.abc import Callable

from agents.events import ACTIVE_RUN
from chat.entrances.feishu import cards
from chat.entrances.feishu.client import FeishuClient
from chat.entrances.feishu.errors import FeishuError, Limited, Outpaced, StreamClosed
from chat.entrances.feishu.models import FeishuLane, FeishuTurn
from chat.messenger import answers, outbox
from chat.messenger.follow import Follower
from chat.messenger.lanes import ask, name
from chat.models import Run
from chat.session.errors import NoConversation

log = logging.getLogger(__name__)

#: A card is followed by another one after this long; Feishu closes it after 600 s (milliseconds).
ROTATE_MS = 480_000
#: A card that Feishu refuses is given up after so many failures in a row.
MOST_FAILURES = 5
#: Added to the sequence of a card that asked, should its answer come in the same moment.
ANSWERED_AFTER = 10
#: Milliseconds between two looks at the elapsed time.
STATUS_MS = 2_000


class Delivery:
    """The way out of one lane. `every_ms` says how often a card may change now."""

    def __init__(
        self,
        lane: FeishuLane,
        me: str,
        client: FeishuClient,
        follower: Follower,
        *,
        clock: Callable[[], int],
        mine: Callable[[], bool],
        every_ms: Callable[[], int],
    ) -> None:
        self._lane = lane
        self._me = me
        self._client = client
        self._follower = follower
        self._clock = clock
        self._mine = mine
        self._every_ms = every_ms
        #: What the card shows now: status, text.
        self._shown = ("", "")
        self._status_at = 0
        #: When the card of `_card_run` may change again, and until when no card may at all.
        self._card_at, self._card_run = 0, ""
        self._held_until = 0
        self._failures = 0
        #: The last number used for each card.
        self._sequences: dict[str, int] = {}
        self._caught: answers.Caught | None = None

    async def go_on(self, news: bool) -> bool:
        """One round. `news`: the journal has moved. Returns whether there is nothing left to do."""
        if news or self._moved() or self._caught is None:
            self._caught = await ask(answers.catch_up, self._lane.pk, self._me, self._caught)
        caught = self._caught
        sent = await outbox.send_out(self._lane, self._client, self._turn, self._clock)
        if caught is None:
            return sent
        try:
            await self._follower.follow()
        except NoConversation:
            return sent
        shown = await self._show(caught.run) if self._mine() else False
        calm = not caught.run or caught.waiting
        if calm and shown and not self._moved():
            await ask(answers.delivered, self._lane.pk, self._me, caught.head)
        return calm and shown and sent and not self._moved()

    def _moved(self) -> bool:
        """Whether the live state tells of a run that is further than what was caught up with."""
        run = self._follower.state.get("run") if self._follower.open else None
        if run is None or self._caught is None:
            return False
        over = run["status"] not in ACTIVE_RUN
        is_ours = run["id"] == self._caught.run
        waits = run["status"] == "waiting"
        return (is_ours and (over or waits != self._caught.waiting)) or (not is_ours and not over)

    # ---- the card ----

    async def _show(self, run: str) -> bool:
        """Bring the cards up to date, if it is time. Returns whether they need nothing more."""
        now = self._clock()
        # A new run's card comes at once, however slow the cards have to be that move already.
        if now < self._held_until or (now < self._card_at and run == self._card_run):
            return False
        try:
            settled = await self._cards(run, now)
        except Limited as problem:
            self._held_until = now + int(problem.after * 1000)
            return False
        except StreamClosed:
            await self._rotate(run)
            return False
        except Outpaced:
            await self._change(run, sequence_by=10_000)
            return False
        except FeishuError as problem:
            self._failures += 1
            self._held_until = now + 500 * 2**self._failures
            if self._failures >= MOST_FAILURES:
                log.error("The card of run %s is given up; its answer is not: %s", run, problem)
                self._failures = 0
                await ask(self._give_up)
            return False
        self._failures = 0
        self._card_at, self._card_run = now + self._every_ms(), run
        return settled

    async def _cards(self, run: str, now: int) -> bool:
        behind = False
        for turn in await ask(self._others, run):
            # The journal was asked later than the feed: a card settled now would say "Working" for ever. The end
            # comes with the feed's next look, and until then the lane is kept (see `_moved`).
            if self._at_work(turn.run):
                behind = True
            else:
                await self._settle(turn, now)
        state = self._follower.state
        held = state.get("run") or {}
        if not run or held.get("id") != run:
            return not run and not behind
        turn = await ask(self._turn_of, run)
        if turn.ended:
            return not behind
        if held["status"] == "waiting":
            if turn.card_id or turn.asked != cards.waits_for(state, run):
                await self._answered(turn, now)
                await self._rest(turn, now)
            return not behind
        await self._answered(turn, now)
        if turn.card_id and now - turn.opened_at >= ROTATE_MS:
            await self._rotate(run)
            turn = await ask(self._turn_of, run)
        if not turn.message_id:
            await self._open(turn, now)
        await self._stream(turn, now)
        return False

    def _at_work(self, run: str) -> bool:
        """Whether the live state shows this run as not over."""
        held = self._follower.state.get("run") or {}
        return held.get("id") == run and held["status"] in ACTIVE_RUN

    async def _open(self, turn: FeishuTurn, now: int) -> None:
        told = cards.status(self._follower.state, turn.run, now)
        if not turn.card_id:
            shown = cards.working(self._lane.pk, self._lane.thread_id, turn.run, told)
            turn.card_id = await self._client.create_card(shown)
            turn.opened_at = now
            await ask(
                turn.save
            )  # before it is sent: sent again under the same uuid, it must be the same card
        await self._send_card(turn)
        self._shown, self._status_at = (told, ""), now

    async def _send_card(self, turn: FeishuTurn) -> None:
        if not await self._turn():
            return
        content = json.dumps({"type": "card", "data": {"card_id": turn.card_id}})
        uuid = name("card", turn.lane_id, turn.run, turn.rotation)
        lane = self._lane
        target = await ask(answers.target_of, turn.run) or (lane.anchor if lane.thread_id else "")
        if target:
            thread = bool(lane.thread_id)
            turn.message_id = await self._client.reply(target, "interactive", content, uuid, thread=thread)
        else:
            turn.message_id = await self._client.send(lane.chat_id, "interactive", content, uuid)
        await ask(turn.save)

    async def _stream(self, turn: FeishuTurn, now: int) -> None:
        state = self._follower.state
        told, text = cards.status(state, turn.run, now), cards.text(state, turn.run, self._follower.part)
        was_told, was_text = self._shown
        if not turn.message_id:
            return
        # Only the elapsed time has changed: not worth a request each time.
        same = _without_times(told) == _without_times(was_told)
        if told != was_told and (not same or now - self._status_at >= STATUS_MS):
            await self._client.stream(turn.card_id, "status", told, self._sequence(turn, now))
            self._shown, self._status_at = (told, was_text), now
        if text and text != was_text and self._mine():
            await self._client.stream(turn.card_id, "text", text, self._sequence(turn, now))
            self._shown = (self._shown[0], text)

    async def _rest(self, turn: FeishuTurn, now: int) -> None:
        """The run waits for a person: a card at rest, with the choices. Goes on with another card."""
        state = self._follower.state
        told = cards.status(state, turn.run, now)
        doubts, asked = cards.doubts(state, turn.run), cards.asked(state, turn.run)
        shown = cards.resting(told, doubts, self._lane.pk, self._lane.thread_id, asked)
        if turn.card_id:
            await self._client.settle_card(turn.card_id, shown, self._sequence(turn, now, 2))
        else:
            turn.card_id, turn.opened_at = await self._client.create_card(shown), now
            await ask(turn.save)
        if not turn.message_id:
            await self._send_card(turn)
            if not turn.message_id:
                return  # the lane is no longer ours
        turn.asked_card, turn.asked_at = turn.card_id, turn.opened_at
        await ask(turn.save)
        await self._change(turn.run, next_card=True, asked=cards.waits_for(state, turn.run))

    async def _answered(self, turn: FeishuTurn, now: int) -> None:
        """The card that asked has its answer, from wherever: its buttons go."""
        if not turn.asked_card:
            return
        held = self._follower.state.get("run") or {}
        calls = cards.status(self._follower.state, turn.run, now).partition("\n")[2]
        told = "**Answered**" + (f"\n{calls}" if calls and held.get("id") == turn.run else "")
        shown = cards.resting(told, [], self._lane.pk, self._lane.thread_id)
        try:
            # Later than all that was done to it before, by its own clock.
            await self._client.settle_card(turn.asked_card, shown, now - turn.asked_at + ANSWERED_AFTER)
        except Limited:
            raise
        except FeishuError as problem:
            log.info("The card that asked in run %s keeps its buttons: %s", turn.run, problem)
        turn.asked_card = ""
        await ask(turn.save)

    async def _settle(self, turn: FeishuTurn, now: int) -> None:
        """The run is over: its card shows what was done, and streams no more."""
        await self._answered(turn, now)
        # Without a message it may have been sent all the same: its worker died before it could note that.
        if turn.card_id:
            held = self._follower.state.get("run") or {}
            if held.get("id") == turn.run:
                told = cards.status(self._follower.state, turn.run, now)
            else:
                told = f"**{cards.STATES[await ask(self._ended_as, turn.run)]}**"
            shown = cards.resting(told, [], self._lane.pk, self._lane.thread_id)
            await self._client.settle_card(turn.card_id, shown, self._sequence(turn, now, 2))
        turn.ended = True
        await ask(turn.save)
        self._shown = ("", "")

    async def _rotate(self, run: str) -> None:
        """Leave the card as it is and go on with another one."""
        turn = await ask(self._turn_of, run)
        if turn.card_id:
            shown = cards.resting("**Goes on below**", [], self._lane.pk, self._lane.thread_id)
            try:
                await self._client.settle_card(turn.card_id, shown, self._sequence(turn, self._clock(), 2))
            except FeishuError as problem:
                log.info("The old card of run %s stays as it is: %s", run, problem)
        await self._change(run, next_card=True)

    async def _change(
        self, run: str, *, next_card: bool = False, sequence_by: int = 0, asked: str | None = None
    ) -> None:
        turn = await ask(self._turn_of, run)
        if next_card:
            turn.rotation, turn.card_id, turn.message_id, turn.sequence = turn.rotation + 1, "", "", 0
            self._shown = ("", "")
        turn.sequence += sequence_by
        turn.asked = turn.asked if asked is None else asked
        await ask(turn.save)

    def _sequence(self, turn: FeishuTurn, now: int, count: int = 1) -> int:
        """The first of `count` numbers for changes to the turn's card, larger than all before."""
        used = self._sequences.get(turn.card_id, 0)
        turn.sequence = max(turn.sequence + 1, now - turn.opened_at, used + 1)
        self._sequences[turn.card_id] = turn.sequence + count - 1
        return turn.sequence

    # ---- SQL ----

    def _turn_of(self, run: str) -> FeishuTurn:
        return FeishuTurn.objects.get_or_create(lane=self._lane, run=run)[0]

    def _others(self, run: str) -> list[FeishuTurn]:
        """The turns whose run is over, with a card that has not been settled."""
        return list(FeishuTurn.objects.filter(lane=self._lane, ended=False).exclude(run=run))

    def _ended_as(self, run: str) -> str:
        runs = Run.objects.filter(conversation=self._lane.conversation, run=run)
        return runs.exclude(status__in=ACTIVE_RUN).values_list("status", flat=True).first() or "finished"

    def _give_up(self) -> None:
        FeishuTurn.objects.filter(lane=self._lane, ended=False).update(ended=True)

    # ---- the chat's pace ----

    async def _turn(self) -> bool:
        """Wait until this chat may get another message. False: the lane is no longer ours."""
        while self._mine():
            wait = await self._client.pace.held(self._lane.chat_id)
            if not wait:
                wait = await self._client.pace.slot(self._lane.chat_id)
            if not wait:
                return self._mine()
            await asyncio.sleep(min(wait, 1.0))
        return False


def _without_times(told: str) -> str:
    return "".join(sign for sign in told if not sign.isdigit()).replace("min ", "")
