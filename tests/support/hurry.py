"""Somebody who asks faster than they may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chat.http.limits import Allowance

#: Times to empty the bucket: time refills it while a busy machine is on the way to the view.
TRIES = 200


def refused(ask: Callable[[], Any], allowance: Allowance, user: Any) -> Any:
    """The answer 429 to `ask`, for a `user` who has spent `allowance`; fails if none comes."""
    for _ in range(TRIES):
        while allowance.take(user):
            pass
        answer = ask()
        if answer.status_code == 429:
            return answer
    raise AssertionError(f"{TRIES} requests of one who had spent everything were all answered.")
