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

    @property
    def label(self) -> str:
        """What people are told it is: "e-mail"."""
        ...

    @property
    def example(self) -> str:
        """What an address looks like, for people who write one."""
        ...

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
_sources: dict[str, str] = {}


def register(destination: Destination, source: str) -> None:
    """Make a kind known, at start. `source`: the app that brings it. Raises ValueError for a kind that is taken."""
    if destination.kind in _known:
        raise ValueError(
            f"Two destinations are of the kind {destination.kind!r}: one of {_sources[destination.kind]}, one of "
            f"{source}. Rename one, or remove the package that brings it."
        )
    _known[destination.kind], _sources[destination.kind] = destination, source


def kinds() -> list[Destination]:
    """All of them, in the order of their kinds."""
    return [_known[kind] for kind in sorted(_known)]


def find(kind: str) -> Destination | None:
    """The destination of a kind."""
    return _known.get(kind)


def offers(user: Any) -> list[Offer]:
    """Everything that a user may choose."""
    return [offer for destination in kinds() for offer in destination.offers(user)]


@dataclass(frozen=True)
class Arrival:
    """What became of a parcel that a destination took over: `sent`, `pending` or `dead`, and then why."""

    state: str
    error: str = ""


def became(kind: str, address: str, key: str) -> Arrival | None:
    """What became of a parcel that was handed over; None if its destination cannot say. A destination says it by a
    method `became(address, key)`, which it need not have."""
    told = getattr(find(kind), "became", None)
    found: Arrival | None = told(address, key) if told is not None else None
    return found


def problem(user: Any, kind: str, address: str) -> str:
    """Why results may not go there; empty if they may."""
    destination = find(kind)
    return (
        gettext("There is no such kind of delivery.")
        if destination is None
        else destination.problem(user, address)
    )
