"""Slows down who guesses passwords, at the login page and at the admin's.

Every try costs one from three buckets before the password is looked at, and a right one gives it back. An empty
bucket refuses, whatever the password, so that guessing learns nothing from it. A browser at which this name has logged
in before has a bucket of its own, which nobody else can empty (devices.py). Counted per web process and in memory: a
restart forgives, and two processes allow twice as much (docs/decisions/0011-guessing-passwords.md).
"""

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from chat.http import devices
from chat.http.addresses import network_of

log = logging.getLogger(__name__)

#: What is counted: tries at once, and seconds until one more is allowed.
PAIR = (10, 60.0)
ADDRESS = (100, 6.0)
NAME = (100, 6.0)
#: Buckets to remember; who is forgotten starts with a full one.
REMEMBERED = 30_000

Key = tuple[str, ...]


class Guesses:
    """Tries of late, by (name, address), by address and by name; from a browser that is known for the name, by the id
    of that `device` alone. Views run in threads, but one after another."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        #: Seconds by which buckets fill again.
        self.clock = clock
        #: How many tries a bucket lacks, and as of when.
        self._spent: OrderedDict[Key, tuple[float, float]] = OrderedDict()

    def wait(self, name: str, address: str, device: str = "") -> int:
        """Seconds until a try would be looked at; 0: now."""
        now = self.clock()
        waits = [
            (self._lacks(key, each, now) + 1 - most) * each
            for key, (most, each) in _buckets(name, address, device)
        ]
        return max(0, math.ceil(max(waits)))

    def begin(self, name: str, address: str, device: str = "") -> int:
        """Count a try, unless it must wait; returns the seconds to wait."""
        if wait := self.wait(name, address, device):
            return wait
        self._add(name, address, device, 1)
        return 0

    def passed(self, name: str, address: str, device: str = "") -> None:
        """The try that was counted had the right password: it costs nothing."""
        self._add(name, address, device, -1)

    def forget(self) -> None:
        """Start anew."""
        self._spent.clear()

    def _add(self, name: str, address: str, device: str, tries: int) -> None:
        now = self.clock()
        for key, (_, each) in _buckets(name, address, device):
            self._spent[key] = max(0.0, self._lacks(key, each, now) + tries), now
            self._spent.move_to_end(key)
        while len(self._spent) > REMEMBERED:
            self._spent.popitem(last=False)

    def _lacks(self, key: Key, each: float, now: float) -> float:
        lacks, at = self._spent.get(key, (0.0, now))
        return max(0.0, lacks - (now - at) / each)


def _buckets(name: str, address: str, device: str) -> tuple[tuple[Key, tuple[int, float]], ...]:
    folded = name.casefold()[:150]
    if device:
        return ((("device", folded, device), PAIR),)
    return (("pair", folded, address), PAIR), (("address", address), ADDRESS), (("name", folded), NAME)


guesses = Guesses()


def address_of(request: HttpRequest) -> str:
    """Where a request comes from, as it is counted: an IPv6 client by its /64, because it has all of that to itself.
    Behind a proxy Daphne has put the client's address there."""
    return network_of(str(request.META.get("REMOTE_ADDR", "")))


class PasswordBackend(ModelBackend):
    """Django's own, behind `guesses`."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **more: Any,
    ) -> Any:
        """The user, or None. Raises PermissionDenied, which ends the login, when the try must wait."""
        if request is None or username is None or password is None:
            return super().authenticate(request, username, password, **more)
        address, device = address_of(request), devices.device_of(request, username)
        if wait := guesses.begin(username, address, device):
            # Without the name: people type passwords into the wrong field.
            log.warning("Too many wrong logins from %s: not looked at for another %d s.", address, wait)
            raise PermissionDenied
        user = super().authenticate(request, username, password, **more)
        if user is not None:
            guesses.passed(username, address, device)
            devices.passed(request, username)
        return user
