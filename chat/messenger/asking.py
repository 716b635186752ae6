"""The cards with which a run asks: who may go on, and what became of a call in doubt.

    waiting ──► groups of calls that fit on a card each ──► a card per group, with buttons
    decided, from wherever ──► the group is smaller ──► its card loses its buttons, what is left is asked anew
    the run goes on meanwhile ──► what still waits for somebody keeps its card, and can be decided there

A card that asks is not decoration: what is refused is asked again without the arguments, and then by a message of the
outbox. The first group has the run's own turn, each further one a turn of its own, `<run>+<number>`.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from chat.messenger import cards, outbox
from chat.messenger.adapter import Card, Client, Messenger
from chat.messenger.database import ask
from chat.messenger.errors import CardClosed, ContentRefused, MessageRefused, Outpaced
from chat.messenger.models import Lane, Turn

log = logging.getLogger(__name__)

#: Between a run and a number, in the name of a turn that only asks.
FURTHER = "+"
#: Added to the sequence of a card that asked, should its answer come in the same moment.
ANSWERED_AFTER = 10
#: Added to a card's sequence when somebody else has used a larger one.
OUTPACED_BY = 10_000


class Sequences:
    """The numbers of changes to cards: each larger than all before, on a worker that takes over, too."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def next(self, card: str, at_least: int, count: int = 1) -> int:
        """The first of `count` numbers for changes to a card."""
        first = max(at_least, self._used.get(card, 0) + 1)
        self._used[card] = first + count - 1
        return first


class AskCards:
    """The cards of one lane that ask. `send` sends a turn's card that was made; afterwards the turn has its message, or
    the lane is no longer ours."""

    def __init__(
        self,
        messenger: Messenger,
        lane: Lane,
        client: Client,
        writer: cards.Writer,
        origin: cards.CardOrigin,
        sequences: Sequences,
        send: Callable[[Turn], Awaitable[None]],
    ) -> None:
        self._messenger = messenger
        self._tables = messenger.tables
        self._lane = lane
        self._client = client
        self._writer = writer
        self._origin = origin
        self._sequences = sequences
        self._send = send
        #: The name of all that each run asks about by cards that stand there; empty: none has buttons.
        self._asked: dict[str, str] = {}

    async def ask(self, turn: Turn, state: cards.State, now: int) -> bool:
        """The run waits for a person: a card at rest for each group of calls. The run goes on with another card.
        False: the lane is no longer ours."""
        groups = self._writer.groups(state, turn.run, self._origin)
        name = cards.name_of([call for group in groups for call in group])
        if self._asked.get(turn.run) == name and not turn.card_id:
            return True
        further = {one.run: one for one in await ask(self._further, turn.run)}
        for number, group in enumerate(groups):
            run = f"{turn.run}{FURTHER}{number}"
            one = turn if number == 0 else further.pop(run, None)
            if one is None:
                if not group:
                    continue
                one = await ask(self._turn_of, run)
            if not await self._ask_one(one, turn.run, group, state, now):
                return False
        for one in further.values():
            await self._settle(one, turn.run, state, now)
        self._asked[turn.run] = name
        return True

    async def answered(self, turn: Turn, state: cards.State, now: int, *, over: bool = False) -> None:
        """The run waits no more: the buttons go from all cards that asked, but for those of which nothing was decided
        yet; these go when it is `over`."""
        if self._asked.get(turn.run) == "" and not turn.asked_card:
            return
        groups = [] if over else self._writer.groups(state, turn.run, self._origin)
        names = {
            turn.run if number == 0 else f"{turn.run}{FURTHER}{number}": group
            for number, group in enumerate(groups)
        }
        kept: list[Any] = []
        for one in (turn, *await ask(self._further, turn.run)):
            group = names.get(one.run, [])
            if group and self._stands(one, group):
                kept += group
            else:
                await self._settle(one, turn.run, state, now)
        self._asked[turn.run] = cards.name_of(kept)

    @staticmethod
    def _stands(turn: Turn, group: list[Any]) -> bool:
        """Whether just this is asked by a card that is not the one with which the run goes on."""
        return turn.asked == cards.name_of(group) and turn.asked_card not in ("", turn.card_id)

    async def _ask_one(self, turn: Turn, run: str, group: list[Any], state: cards.State, now: int) -> bool:
        name = cards.name_of(group)
        if turn.asked == name and not turn.card_id:
            return True  # it stands there, or was told in a message
        stands = bool(group) and self._stands(turn, group)
        if not stands:
            await self._settle(turn, run, state, now)
            if group and not await self._show(turn, run, group, state, now):
                return False
        if turn.card_id and (stands or not group):
            status = self._writer.status(state, run, now)
            await self.last_look(turn.card_id, self._writer.resting(status), self._next(turn, now))
        turn.asked = name
        turn.rotation, turn.card_id, turn.message_id, turn.sequence = turn.rotation + 1, "", "", 0
        await ask(turn.save)
        return True

    async def _show(self, turn: Turn, run: str, group: list[Any], state: cards.State, now: int) -> bool:
        """A card for a group, or a message; False: the lane is no longer ours."""
        doubts = [call for call in group if call["status"] == "in_doubt"]
        asked = [call for call in group if call["status"] != "in_doubt"]
        status = self._writer.status(state, run, now)
        for bare in (False, True):
            shown = self._writer.asking(status, doubts, asked, self._origin, bare=bare)
            try:
                return await self._show_card(turn, shown, now)
            except ContentRefused as problem:
                log.warning("A card that asks in run %s was refused: %s", run, problem)
        if turn.card_id:
            await self.last_look(turn.card_id, self._writer.resting(status), self._next(turn, now))
        await ask(self.tell, group)
        return True

    async def _show_card(self, turn: Turn, shown: Card, now: int) -> bool:
        if turn.card_id:
            await self._client.settle(turn.card_id, shown, self._next(turn, now))
        else:
            turn.card_id, turn.opened_at = await self._client.make_card(shown), now
            await ask(turn.save)
        if not turn.message_id:
            await self._send(turn)
            if not turn.message_id:
                return False
        turn.asked_card, turn.asked_at = turn.card_id, turn.opened_at
        await ask(turn.save)
        return True

    def tell(self, calls: list[Any]) -> None:
        """Ask by a message that arrives: what waits, and where it can be decided. In a database thread."""
        text = self._writer.asks(calls, f"/c/{self._lane.conversation}")
        outbox.put(self._messenger, self._lane, text, "asks", cards.name_of(calls))

    async def _settle(self, turn: Turn, run: str, state: cards.State, now: int) -> None:
        """Take the buttons off the card of a turn that asked. Only what never works is passed over."""
        if not turn.asked_card:
            return
        # Later than all that was done to it before, by its own clock.
        sequence = self._sequences.next(turn.asked_card, now - turn.asked_at + ANSWERED_AFTER, 2)
        await self.last_look(turn.asked_card, self._writer.answered(state, run, now), sequence)
        turn.asked_card = turn.asked = ""
        await ask(turn.save)

    async def last_look(self, card: str, shown: Card, sequence: int) -> None:
        """Show something on a card for the last time. What its words are is less than that its buttons go."""
        try:
            looks = [shown, self._writer.goes_on()]
            outpaced: Outpaced | None = None
            while looks:
                try:
                    await self._client.settle(card, looks[0], sequence)
                    return
                except ContentRefused:
                    sequence = self._sequences.next(card, sequence + 2, 2)
                    looks.pop(0)
                except Outpaced as problem:
                    if outpaced is not None:
                        raise
                    outpaced = problem
                    sequence = self._sequences.next(card, sequence + OUTPACED_BY, 2)
        except (MessageRefused, CardClosed) as problem:
            log.info("The card %s stays as it is: %s", card, problem)

    def _next(self, turn: Turn, now: int) -> int:
        turn.sequence = self._sequences.next(turn.card_id, max(turn.sequence + 1, now - turn.opened_at), 2)
        return turn.sequence

    def _further(self, run: str) -> list[Turn]:
        turns = self._tables.turns.filter(lane=self._lane, run__startswith=f"{run}{FURTHER}")
        return list(turns.order_by("id"))

    def _turn_of(self, run: str) -> Turn:
        made: tuple[Turn, bool] = self._tables.turns.get_or_create(lane=self._lane, run=run)
        return made[0]
