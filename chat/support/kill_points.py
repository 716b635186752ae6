"""Named places where a test may end a process for real.

`HOLDFAST_DIE_AT=inbox.applied` makes the process kill itself (SIGKILL, nothing is cleaned up) when it comes to that
place; `inbox.applied:3` the third time. Unset, as in every production, a place costs one comparison.

    lease.taken      a worker owns a run and has done nothing        append.begin     decided, nothing written
    append.stored    Redis has the events, SQL not                   journal.written  written in SQL, not committed
    append.archived  committed, not acknowledged                     session.rebuilt  back in Redis, nobody told
    inbox.applied    a command is done, not answered                 reply.written    the answer has left
    erasing.hidden   out of Redis, nothing deleted                   erasing.step     some rows of it deleted
    erasing.person   only the user's own rows are left               retention.step   some old rows deleted

Tools of tests have places of their own, before and after their effects.
"""

import os
import signal
from collections import Counter

from django.conf import settings

_passed: Counter[str] = Counter()


def point(name: str) -> None:
    """Pass a named place. Does not return if this is where the process was told to die."""
    wanted: str = settings.HOLDFAST_DIE_AT
    if not wanted or wanted.partition(":")[0] != name:
        return
    _passed[name] += 1
    if _passed[name] >= int(wanted.partition(":")[2] or 1):
        os.kill(os.getpid(), signal.SIGKILL)
