"""What a provider's refusal means: for the loop (try again? with what?) and for a person (one sentence).

The texts E1 to E31 are those of requests whose shape was refused; the same body is never sent again on them
(rule T5). Each provider's file has its own. They are matched before the status is looked at: llama.cpp answers E22
with a 500.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from agents.errors import ModelError, TooLong, TranscriptRefused
from agents.profiles import refusal_kind

#: Beside the numbers: the model turned out not to see pictures.
IMAGES = "images"
_TOO_LONG = re.compile(
    r"context_length_exceeded|maximum context length|context window|prompt is too long|"
    r"exceeds? the (available )?context|too many (input )?tokens|input is too long|reduce the length"
)
_QUOTA = re.compile(
    r"insufficient_quota|exceeded your current quota|insufficient balance|insufficient credit|"
    r"billing|arrearage|out of credits|no credits|余额不足|欠费"
)
_UNKNOWN_MODEL = re.compile(
    r"model_not_found|model .{0,120}(does not exist|not found|not supported|is unknown)|unknown model|"
    r"no such model|invalid model|unsupported model|模型不存在"
)
_SECRET = re.compile(r"(?i)\b(sk|pk|key|tok|api)[-_][A-Za-z0-9*_\-.]{6,}|bearer\s+\S+")
#: Characters of a provider's own words that a person gets to see.
_WORDS = 300


def classify(
    status: int, text: str, headers: Mapping[str, str] | None = None, *, model: str = ""
) -> ModelError:
    """What an HTTP answer that is no stream means. `text` is the body or the error's message; `headers`
    with lower-case names; status 0: the error came inside a stream that had begun with 200."""
    lowered = text.lower()
    words = excerpt(text)
    kind = refusal_kind(text)
    if kind and status not in (401, 403, 429):
        return TranscriptRefused(
            kind, f"The provider refused the form of the conversation ({kind}): {words}", status=status
        )
    if status in (401, 403):
        return ModelError(
            "model_auth",
            "The provider refused the key. Check the key and what it is allowed to use.",
            status=status,
        )
    if status == 402 or _QUOTA.search(lowered):
        return ModelError(
            "model_quota", "The account at the provider has no credit or quota left.", status=status
        )
    if (status in (0, 400, 404, 422) and _UNKNOWN_MODEL.search(lowered)) or status == 404:
        named = f"the model {model!r}" if model else "the model"
        hint = "Check the model's name and the base address."
        return ModelError("model_unknown", f"The provider does not know {named}. {hint}", status=status)
    if status in (0, 400, 413, 422) and _TOO_LONG.search(lowered):
        return TooLong("The conversation is longer than this model can read.", status=status)
    after = retry_after(headers or {})
    if status == 429:
        return ModelError(
            "model_busy", "The provider asks for fewer requests.", retry=True, after=after, status=status
        )
    if status in (408, 409, 425, 500, 502, 503, 504, 520, 522, 524, 529):
        detail = f"The provider has a problem of its own (HTTP {status})."
        return ModelError("model_busy", detail, retry=True, after=after, status=status)
    if status == 0:
        busy = re.search(r"overloaded|rate limit|capacity|try again|timeout|internal|server_error", lowered)
        detail = (
            f"The provider broke off its answer: {words}" if words else "The provider broke off its answer."
        )
        return ModelError("model_busy" if busy else "model_error", detail, retry=True, status=status)
    if status >= 500:
        return ModelError(
            "model_error", f"The provider failed (HTTP {status}): {words}", retry=True, status=status
        )
    return ModelError(
        "model_rejected", f"The provider refused the request (HTTP {status}): {words}", status=status
    )


def unreachable(reason: str) -> ModelError:
    """No connection, or one that broke before an answer. `reason` is a short phrase for people."""
    return ModelError("model_unreachable", f"The model's server cannot be reached: {reason}.", retry=True)


def broken_off(reason: str) -> ModelError:
    """The answer had begun and was cut (rule R5)."""
    return ModelError("model_error", f"The model's answer was cut off: {reason}.", retry=True)


def excerpt(text: str) -> str:
    """A provider's words, short, on one line, and without anything that looks like a key."""
    line = _SECRET.sub("[key]", " ".join(text.split()))
    return line if len(line) <= _WORDS else line[: _WORDS - 1] + "…"


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds the provider asks us to wait: `retry-after-ms`, or `retry-after` as a number or a date."""
    milliseconds = headers.get("retry-after-ms", "")
    if re.fullmatch(r"\d+(\.\d+)?", milliseconds):
        return float(milliseconds) / 1000
    value = headers.get("retry-after", "")
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError):
        return None
