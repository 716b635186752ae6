"""Whether somebody has room for one more: the limits of a command, asked of SQL and of this process's memory."""

from chat.journal.journal import Journal
from chat.limits import usage
from chat.limits.decide import day_of, permit
from chat.limits.rates import commands
from chat.limits.spending import Spender
from chat.limits.table import DAILY, most
from chat.support.clock import Clock


class Room:
    """The limits of one inbox. Each method raises LimitReached when there is no room.

    Commands at the same moment, and runs that have begun, do not see each other: together they may pass a limit.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    def for_command(self, of: Spender) -> None:
        """One more command within this minute, which is counted."""
        commands.take(of, most(("commands",))["commands"])

    async def for_run(self, of: Spender) -> None:
        """A run today. One statement; none where there is no such limit. Raises Unavailable, too."""
        allowed = most(DAILY)
        if any(allowed.values()):
            now = self._clock.now()
            used = await self._journal.ask(lambda: usage.of_day(of, day_of(now), self._journal.using))
            permit(used, allowed, now)

    async def for_conversation(self, owner: int, entrance: str) -> None:
        """A conversation more. One statement; none where there is no such limit. Raises Unavailable, too."""
        allowed = most(("conversations",))
        if any(allowed.values()):
            using = self._journal.using
            kept = await self._journal.ask(lambda: usage.conversations(owner, entrance, using))
            permit({"conversations": kept}, allowed, self._clock.now())
