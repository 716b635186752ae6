"""The results that we write for calls whose tool could not give one.

Each text says what is known, and no more: a model that reads "cancelled by the user" after a crash tells
the user something that is false. They are written for the model; people see the code.
"""

from typing import Literal

from agents.events import CallCode
from agents.history import Call

#: Why the calls of a run are closed from outside.
Ending = Literal["stopped", "limit", "failed"]

NOT_STARTED = "This call was not started: the run ended before its turn. Nothing was executed."
INTERRUPTED = (
    "This call was interrupted while it ran. It may or may not have taken effect; "
    "check before you do it again."
)
INTERRUPTED_READING = (
    "This call was interrupted while it ran and gave no result. It changes nothing by itself."
)
UNKNOWN = (
    "This call was interrupted while it ran, and nobody was there to look what became of it. Its outcome is unknown: "
    "it may or may not have taken effect. Find out before you do it again, and say that it is uncertain."
)
STOPPED_BEFORE = "The user stopped the run before this call was started. Nothing was executed."
STOPPED_RUNNING = (
    "The user stopped this call while it was running. It may or may not have taken effect; "
    "check before you do it again."
)
STOPPED_READING = "The user stopped this call while it was running. It changes nothing by itself."
MALFORMED = (
    "This call was not executed: its arguments are not a valid JSON object. "
    "Call the tool again with complete, valid JSON."
)
TRUNCATED = (
    "This call was not executed: the response was cut off, so its arguments may be incomplete. "
    "Call the tool again, with shorter arguments if they were long."
)
UNKNOWN_TOOL = "This call was not executed: there is no tool of that name."
REFUSED = (
    "A person was asked and refused this call. Nothing was executed. "
    "Do not try to reach the same by other means; go on without it, or ask what they want instead."
)
REASON = " Their reason: "
HAPPENED = "This call was interrupted and the tool itself gave no result. A person has checked: its effect did happen."
THEIR_WORDS = " What follows are the person's words, not the tool's:\n"
NO_OUTPUT = "(The tool gave no output.)"


def refusal(call: Call, tools: tuple[str, ...]) -> str:
    """What the model reads about a call that cannot be executed (`call.problem` says why)."""
    match call.problem:
        case "malformed_arguments":
            return MALFORMED
        case "truncated_arguments":
            return TRUNCATED
        case "unknown_tool":
            known = ", ".join(tools) or "none"
            return f"{UNKNOWN_TOOL} You asked for {call.name[:64]!r}; the tools are: {known}."
    return NOT_STARTED


def refused_by_person(note: str) -> str:
    """What the model reads about a call that a person did not allow; `note` is their reason, if they gave one."""
    return f"{REFUSED}{REASON}{note}" if note else REFUSED


def said_by_person(words: str) -> str:
    """What the model reads about a call of which a person says that it happened; `words` are theirs, not the tool's."""
    return f"{HAPPENED}{THEIR_WORDS}{words.strip()}" if words.strip() else HAPPENED


def closed_as(call: Call, why: Ending) -> tuple[CallCode, str]:
    """Code and text for a call that is closed before it had a result."""
    ran = call.status in ("running", "in_doubt")
    harmless = call.effect == "read_only"
    if why == "stopped" and call.status != "in_doubt":
        if not ran:
            return "cancelled_by_user", STOPPED_BEFORE
        return "cancelled_by_user", STOPPED_READING if harmless else STOPPED_RUNNING
    if not ran:
        return "not_started", NOT_STARTED
    return "interrupted", INTERRUPTED_READING if harmless else INTERRUPTED
