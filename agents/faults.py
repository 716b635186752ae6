"""Requests that were refused, as something to look at later (rule T5): by our own gate, or by the provider."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

#: What came of asking again: in another form (`text_…`), or as it was (`again_ok`).
Outcome = Literal["text_ok", "text_refused", "failed", "not_asked", "again_ok"]


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """One refusal. `kind`: the number of the rule that our gate found broken (V…: the body was not sent), of the
    provider's refusal (E…), what it refuses (`form`, `filtered`, `image`, `too_long`, `images`), its 5xx, or `other`.
    `body` is the request as it was made; keys are never a part of one."""

    run: str
    step: str
    kind: str
    text: str
    digest: str
    body: Mapping[str, Any]
    model: str
    profile: str
    address: str
    text_only: bool
    status: int
    at: int


class FaultLog(Protocol):
    """Where faults are kept. Neither method raises: a fault that cannot be kept does not end a run."""

    async def refused(self, fault: RefusedRequest) -> None:
        """Keep the fault. The caller tells before it asks again, so that nobody sends the same body twice."""
        ...

    async def followed(self, digest: str, outcome: Outcome) -> None:
        """Note what came of the fault with this digest."""
        ...


class NoFaultLog:
    """Keeps nothing."""

    async def refused(self, fault: RefusedRequest) -> None:
        pass

    async def followed(self, digest: str, outcome: Outcome) -> None:
        pass


def digest_of(address: str, body: Mapping[str, Any]) -> str:
    """SHA-256 over whom a request goes to and what it says."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{address}\0{text}".encode()).hexdigest()


def digest_to_repeat(digest: str) -> str:
    """How a fault is kept whose body may be sent again (a 5xx): nobody who looks for the body's own digest finds it."""
    return f"~{digest[:-1]}"
