"""What a provider's refusal means: for the loop (try again? with what?) and for a person (one sentence).

The texts E1 to E31 are those of requests whose shape was refused; the same body is never sent again on them
(rule T5). Each provider's file has its own. They are matched before the status is looked at: llama.cpp answers E22
with a 500. What else providers say (too long, too many a minute, no credit, a content filter, a picture, a template)
is in the tables of `agents/refusals/`.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from agents import refusals
from agents.errors import ContentRefused, ModelError, TooLong, TranscriptRefused
from agents.events import RunCode
from agents.profiles import refusal_kind

#: Beside the numbers: the model turned out not to see pictures.
IMAGES = "images"
_UNKNOWN_MODEL = re.compile(
    r"model_not_found|model .{0,120}(does not exist|not found|not supported|is unknown)|unknown model|"
    r"no such model|invalid model|unsupported model|模型不存在"
)
#: Seconds that the words of an answer name: OpenAI's and Moonshot's sentence, Google's RetryInfo and sentence.
_WAIT = re.compile(
    r"try again (?:in|after) (?:(?P<h>\d+)\s?h(?:ours?)?)?\s?(?:(?P<m>\d+)\s?m(?:in(?:utes?)?)?(?!s))?\s?"
    r"(?:(?P<s>[\d.]+)\s?(?P<unit>ms|s))?|retry in (?P<in>[\d.]+)s|retrydelay\W{1,6}(?P<delay>[\d.]+)s"
)
_SECRET = re.compile(r"(?i)\b(sk|pk|key|tok|api)[-_][A-Za-z0-9*_\-.]{6,}|bearer\s+\S+")
#: Characters of a provider's own words that a person gets to see; where an error's body has them, and how deep.
_WORDS = 300
_MESSAGES = ("error", "errors", "message", "detail", "msg")
_NESTED = 8


def classify(
    status: int, text: str, headers: Mapping[str, str] | None = None, *, model: str = ""
) -> ModelError:
    """What an HTTP answer that is no stream means. `text` is the body or the error's message; `headers`
    with lower-case names; status 0: the error came inside a stream that had begun with 200."""
    lowered = text.lower()
    said = excerpt(message_of(text))
    if status in (401, 403) and refusals.meaning_of(status, text) != "filtered":
        return ModelError(
            "model_auth",
            "The provider refused the key. Check the key and what it is allowed to use.",
            status=status,
        )
    after = asked_to_wait(headers or {}, text)
    found = refusals.find(status, text)
    meaning = found[0] if found is not None else ""
    if meaning == "too_long":
        return TooLong("The conversation is longer than this model can read.", status=status)
    if meaning == "quota" or status == 402:
        return ModelError(
            "model_quota", "The account at the provider has no credit or quota left.", status=status
        )
    if meaning == "busy" or (status == 429 and meaning == ""):
        return ModelError(
            "model_busy", "The provider asks for fewer requests.", retry=True, after=after, status=status
        )
    if meaning == "filtered":
        return ContentRefused("content_filter", said, status=status)
    if meaning == "image":
        return ContentRefused("image", said, status=status)
    helps = found[1].helps if found is not None else ""
    if kind := refusal_kind(text):
        return TranscriptRefused(
            kind,
            f"The provider refused the form of the conversation ({kind}): {said}",
            status=status,
            helps=helps,
        )
    if found is not None:
        return TranscriptRefused(
            "form", f"The provider does not take this form of request: {said}", status=status, helps=helps
        )
    if (status in (0, 400, 404, 422) and _UNKNOWN_MODEL.search(lowered)) or status == 404:
        named = f"the model {model!r}" if model else "the model"
        hint = "Check the model's name and the base address."
        return ModelError("model_unknown", f"The provider does not know {named}. {hint}", status=status)
    return _without_words(status, said, lowered, after)


def _without_words(status: int, said: str, lowered: str, after: float | None) -> ModelError:
    """What a status means with words that nobody knows."""
    if status == 413:
        return TooLong("The request is larger than the provider takes.", status=status)
    if status in (425, 503, 529):
        detail = f"The provider has no room at the moment (HTTP {status})."
        return ModelError("model_busy", detail, retry=True, after=after, status=status)
    if status in (408, 409) or 500 <= status:
        # A fault of its own, or of a proxy before it: that is not "busy", and waiting alone may not help.
        detail = f"The provider has a problem of its own (HTTP {status})."
        if said:
            detail = f"{detail[:-1]}: {said}"
        return ModelError("model_error", detail, retry=True, after=after, status=status)
    if status == 0:
        busy = re.search(r"overloaded|rate limit|capacity|try again|timeout|internal|server_error", lowered)
        detail = (
            f"The provider broke off its answer: {said}" if said else "The provider broke off its answer."
        )
        code: RunCode = "model_busy" if busy else "model_error"
        return ModelError(code, detail, retry=True, after=after, status=status)
    return ModelError(
        "model_rejected", f"The provider refused the request (HTTP {status}): {said}", status=status
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


def message_of(text: str) -> str:
    """The sentence in an error's body, with the code and the parameter that stand beside it; `text` itself if it is no
    such body. People read this in their chat."""
    value, beside = _parsed(text), {}
    for _ in range(_NESTED):
        if isinstance(value, list) and value:
            value = value[0]
        elif isinstance(value, Mapping):
            beside = {name: value[name] for name in ("code", "param") if isinstance(value.get(name), str)}
            value = next((value[name] for name in _MESSAGES if value.get(name)), None)
        elif isinstance(value, str) and (inner := _parsed(value)) is not None:
            value = inner
        else:
            break
    if not isinstance(value, str) or not value.strip():
        return text
    more = [word for word in beside.values() if word.strip() and not word.isdigit() and word not in value]
    return f"{value.strip()} ({', '.join(more)})" if more else value.strip()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def asked_to_wait(headers: Mapping[str, str], text: str = "") -> float | None:
    """Seconds the provider asks us to wait, by its headers or else by its words; None: it does not say."""
    told = retry_after(headers)
    if told is not None:
        return told
    found = _WAIT.search(" ".join(text.lower().replace("\\", "").split()))
    if found is None:
        return None
    if whole := found["in"] or found["delay"]:
        return _number(whole)
    parts = (found["h"], found["m"], found["s"])
    if not any(parts):
        return None
    seconds = _number(found["s"] or "0") / (1000 if found["unit"] == "ms" else 1)
    return int(found["h"] or 0) * 3600 + int(found["m"] or 0) * 60 + seconds


def _number(text: str) -> float:
    try:
        return float(text.rstrip("."))
    except ValueError:
        return 0.0


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
