"""Which command a pressed button stands for. Pure: nothing in its value is trusted."""

from collections.abc import Mapping
from typing import Any

from chat.inbox import ApproveBody, Body, SettleBody, StopBody

#: Characters of an id or a digest.
MAX_ID = 64


def command_of(value: Mapping[str, Any]) -> Body | None:
    """The command of a button that cards.py has made; None for any other value."""
    try:
        return _command(value)
    except ValueError:  # an id that is none
        return None


def _command(value: Mapping[str, Any]) -> Body | None:
    decision = value.get("decision")
    match value.get("act"):
        case "stop":
            return StopBody(
                kind="stop", run=_text(value, "run")
            )  # if that is over, a newer one is left alone
        case "settle" if decision in ("happened", "did_not_happen", "run_again"):
            return SettleBody(kind="settle", call=_text(value, "call"), decision=decision)
        case "approve" if decision in ("approve", "refuse"):
            call, digest = _text(value, "call"), _text(value, "digest")
            return ApproveBody(kind="approve", call=call, digest=digest, decision=decision)
    return None


def _text(value: Mapping[str, Any], name: str) -> str:
    return str(value.get(name, ""))[:MAX_ID]
