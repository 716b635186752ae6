"""Whether a machine's own clock differs from the store's, by which everything goes (`chat/support/clock.py`).

Nothing of ours goes wrong then, but much else on that machine does: certificates, logs, tokens of others. So it is told
in the log, in `/readyz`, and on the admin's first page. Each process knows its own machine; a worker has no page, so it
leaves a sign in the store, the lease of a pseudo-conversation whose owner is the sentence.
"""

import logging
import socket

from chat.session.sessions import Sessions
from chat.support.clock import MACHINE, StoreClock

log = logging.getLogger(__name__)

#: Up to this much is nothing to speak of (milliseconds).
MAX_DIFFERENCE_MS = 2_000
#: The pseudo-conversation, and how long a sign stays unless it is renewed (milliseconds): a few beats of a worker.
SIGN = "clocks"
TTL_MS = 20_000


def this_server() -> str:
    """What a web server calls itself."""
    return f"the web server {socket.gethostname()}"


def difference(who: str, clock: StoreClock = MACHINE) -> str:
    """One line about the clock of this machine; '' if it is right, or the store has not told the time yet."""
    ahead = clock.difference_ms() or 0
    if abs(ahead) <= MAX_DIFFERENCE_MS:
        return ""
    side = "ahead of" if ahead > 0 else "behind"
    return f"The clock of {who} is {abs(ahead) / 1000:.0f} s {side} Redis'. Set both machines' clocks by NTP."


class ClockSign:
    """A worker's word about its clock; `tell` it every few seconds."""

    def __init__(self, sessions: Sessions, who: str, clock: StoreClock = MACHINE) -> None:
        self._sessions = sessions
        self._who = who
        self._clock = clock
        self._said = ""

    async def tell(self) -> None:
        """Look at the store's clock, and leave or take back the sign. Raises Unavailable."""
        store = self._sessions.store
        await store.set_clock()
        line = difference(self._who, self._clock)
        if self._said and line != self._said:
            await store.release(SIGN, self._said)
        if line and not self._said:
            log.warning("%s", line)
        self._said = line
        if line and not await store.renew(SIGN, line, TTL_MS):
            await store.acquire(SIGN, line, TTL_MS)


async def differences(sessions: Sessions, who: str, clock: StoreClock = MACHINE) -> list[str]:
    """A line for this process, whose name is `who`, and one for a worker, if their clocks differ from the store's.
    Raises Unavailable."""
    await sessions.store.set_clock()
    worker = await sessions.store.lease(SIGN) or ""
    return [line for line in (difference(who, clock), worker) if line]
