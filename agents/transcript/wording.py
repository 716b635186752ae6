"""The texts of a request: what a model reads of what people said, what it said itself and what tools gave."""

import re

from agents.borders import is_blank
from agents.history import Call, HistoryNote, Step, Summary, UserMessage
from agents.results import INTERRUPTED, NO_OUTPUT, NOT_STARTED, said_by_person
from agents.transcript.tokens import characters, estimate

CUT = "[This answer was cut off here.]"
EMPTY_MESSAGE = "(empty message)"
#: Beside calls of a model that said nothing (V9). Null is refused by xAI and printed as the word None by templates, an
#: empty text is refused by Gemini and Anthropic, also behind gateways.
NO_WORDS = "…"
_SURROGATE = re.compile("[\ud800-\udfff]")


def user_text(message: UserMessage) -> str:
    """What the model reads of a user's message: all of it (V19), and never nothing (V9)."""
    return clean(message.text) if not is_blank(message.text) else EMPTY_MESSAGE


def note_text(note: HistoryNote) -> str:
    """A note, marked so that the model does not take it for the user's own words."""
    source = " ".join(part for part in (note.origin.entrance, note.origin.name) if part)
    return clean(f"[Note from {source}, not written by the user]\n{note.text.strip() or EMPTY_MESSAGE}")


def summary_text(summary: Summary) -> str:
    """What stands for the items that a summary has replaced."""
    head = f"[Summary of {summary.items} earlier entries of this conversation, not written by the user]"
    return clean(f"{head}\n{summary.text.strip() or EMPTY_MESSAGE}")


def left_out(count: int) -> str:
    """The line that stands where a window was cut."""
    return f"[{count} earlier entries of this conversation are left out here.]"


def step_text(step: Step) -> str:
    """The text of a step that is in the transcript; empty: it says nothing."""
    text = clean(step.text) if step.committed and step.text.strip() else ""
    return f"{text}\n\n{CUT}" if text and step.status == "stopped" else text


def result(call: Call, tokens: int) -> str:
    """What the model reads as a call's result: a non-empty string (V9), shortened to about `tokens`."""
    if call.open:
        return NOT_STARTED if call.attempt == 0 else INTERRUPTED
    text = clean(call.result)
    if call.code == "resolved_by_person" and call.status == "succeeded":
        return shortened(said_by_person(text), tokens)
    if not text.strip():
        return NO_OUTPUT
    return shortened(text, tokens)


def shortened(text: str, tokens: int) -> str:
    """The beginning and the end of a text, about `tokens` together, and between them how much is missing."""
    size = estimate(text)
    if size <= tokens:
        return text
    keep = max(200, min(characters(tokens), len(text) * tokens // size))
    cut = len(text) - keep
    if cut <= 0:
        return text
    head = keep * 3 // 4
    tail = keep - head
    return f"{text[:head]}\n[… {cut:,} characters are left out here …]\n{text[-tail:]}"


def clean(text: str) -> str:
    """Text that can be sent: lone surrogates (a browser can produce them) replaced."""
    return _SURROGATE.sub("\ufffd", text) if _SURROGATE.search(text) else text
