"""Where a result may be delivered to: a list that entrances and mail add themselves to, so that none knows another.

    schedules ─► find("feishu").deliver(parcel) ─► Feishu's own outbox
              └► find("email").deliver(parcel)  ─► Django's e-mail

A destination is called in a database thread, once or, after a crash, again with the same parcel: what has the same
`key` must not be shown twice where the destination can help it.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from django.utils.translation import gettext


@dataclass(frozen=True)
class Parcel:
    """What is to be delivered. `key` is the identity of the delivery; `text` is markdown."""

    key: str
    address: str
    subject: str
    text: str


@dataclass(frozen=True)
class Offer:
    """An address that somebody may choose, and what to call it."""

    kind: str
    address: str
    label: str


class Undeliverable(Exception):
    """It will never arrive; the text says why, for people. Any other exception means: try again later."""


class Destination(Protocol):
    """A kind of destination."""

    @property
    def kind(self) -> str: ...

    def offers(self, user: Any) -> list[Offer]:
        """What this user may choose."""
        ...

    def problem(self, user: Any, address: str) -> str:
        """Why results of this user's may not go to this address; empty if they may. Addresses that are not among the
        offers are for staff who may see them (see each destination)."""
        ...

    def deliver(self, parcel: Parcel) -> None:
        """Deliver, or take over the responsibility for it. Raises Undeliverable."""
        ...


_known: dict[str, Destination] = {}


def register(destination: Destination) -> None:
    """Make a kind known, at start (`chat/apps.py`)."""
    _known[destination.kind] = destination


def find(kind: str) -> Destination | None:
    """The destination of a kind."""
    return _known.get(kind)


def offers(user: Any) -> list[Offer]:
    """Everything that a user may choose."""
    return [offer for destination in _known.values() for offer in destination.offers(user)]


def problem(user: Any, kind: str, address: str) -> str:
    """Why results may not go there; empty if they may."""
    destination = find(kind)
    return (
        gettext("There is no such kind of delivery.")
        if destination is None
        else destination.problem(user, address)
    )
