"""Named places where a test may end a process for real.

`HOLDFAST_DIE_AT=inbox.applied` makes the process kill itself (SIGKILL, nothing is cleaned up) when it comes to that
place; `inbox.applied:3` the third time. Unset, as in every production, a place costs one comparison.
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
