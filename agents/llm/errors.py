"""What a provider's refusal means: for the loop (try again? with what?) and for a person (one sentence).

The texts E1 to E31 are those of requests whose shape was refused; the same body is never sent again on them
(rule T5). They are matched before the status is looked at: llama.cpp answers E22 with a 500.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from agents.errors import ModelError, TooLong, TranscriptRefused

#: Beside the numbers: the model turned out not to see pictures.
IMAGES = "images"
#: Number → patterns, any of which names it. Order matters where one text is part of another.
REFUSALS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("E1", (r"no tool call found for function call output",)),
    ("E2", (r"no tool output found for function call",)),
    ("E4", (r"insufficient tool messages following tool_calls",)),
    (
        "E3",
        (r"must be followed by tool messages responding to each", r"tool_call_ids did not have response"),
    ),
    ("E5", (r"""messages with role ["']tool["'] must be a response to a prece?eding message""",)),
    ("E6", (r"duplicate value for 'tool_call_id'",)),
    ("E7", (r"duplicate item found with id", r"duplicate 'call_id'")),
    ("E8", (r"tool_call_id .*is not found", r"tool_call_id +is not found")),
    ("E9", (r"string too long\. expected a string with maximum length (40|64)", r"string_above_max_length")),
    ("E10", (r"tool call id was .* but must be",)),
    (
        "E11",
        (
            r"not the same number of function calls and responses",
            r"unexpected tool call id .* in tool results",
            r"duplicate tool call id",
        ),
    ),
    (
        "E12",
        (
            r"unexpected role '\w+' after role '\w+'",
            r"invalid_request_message_order",
            r"expected last role",
        ),
    ),
    ("E13", (r"tool_use. ids were found without .?tool_result", r"tool_use ids were found without")),
    ("E14", (r"unexpected .?tool_use_id.? found in .?tool_result",)),
    ("E15", (r"each tool_use must have a single result", r"multiple .?tool_result.? blocks with id")),
    ("E16", (r"\^\[a-za-z0-9_-\]\+\$",)),
    ("E17", (r"text content blocks must be non-empty",)),
    ("E18", (r"invalid .?signature.? in .?thinking", r"each thinking block must contain thinking")),
    (
        "E19",
        (
            r"the message at position \d+ with role 'assistant' must not be empty",
            r"text content is empty",
        ),
    ),
    ("E20", (r"invalid value for 'content': expected a string, got null",)),
    ("E21", (r"function\.arguments.* must be in json format",)),
    ("E22", (r"failed to parse tool call arguments as json",)),
    ("E23", (r"invalid tool call arguments", r"invalid message content type: <nil>")),
    (
        "E24",
        (
            r"tool call result does not follow tool call",
            r"tool result's tool id.* not found",
            r"invalid function arguments json string",
            r"invalid params.*\(2013\)",
        ),
    ),
    ("E25", (r"messages 参数非法", r"the messages parameter is illegal")),
    (
        "E26",
        (
            r"without its required 'reasoning' item",
            r"'reasoning' was provided without its required following",
        ),
    ),
    ("E27", (r"expected an id that begins with",)),
    ("E28", (r"thinking is enabled but reasoning_content is missing",)),
    (
        "E29",
        (
            r"reasoning_content.? in the thinking mode must be passed back",
            r"missing .?reasoning_content.? field",
        ),
    ),
    (
        "E30",
        (
            r"function call turn comes immediately after a user turn",
            r"number of function response parts",
        ),
    ),
    ("E31", (r"missing a .?thought_signature",)),
    (
        IMAGES,
        (
            r"image_url.{0,60}(only|not) (be )?supported",
            r"unknown variant .?image_url",
            r"(does not|doesn't|not) support.{0,20}(image|vision|multimodal)",
            r"no endpoints found that support image input",
            r"is not a multimodal model",
            r"missing data required for image input",
        ),
    ),
)
_REFUSALS = tuple((kind, tuple(re.compile(one) for one in patterns)) for kind, patterns in REFUSALS)

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


def kind_of(text: str) -> str:
    """The number (E1 to E31) of a refusal that `text` contains, or an empty string."""
    lowered = " ".join(text.lower().split(" "))
    for kind, patterns in _REFUSALS:
        if any(pattern.search(lowered) for pattern in patterns):
            return kind
    return ""


def classify(
    status: int, text: str, headers: Mapping[str, str] | None = None, *, model: str = ""
) -> ModelError:
    """What an HTTP answer that is no stream means. `text` is the body or the error's message; `headers`
    with lower-case names; status 0: the error came inside a stream that had begun with 200."""
    lowered = text.lower()
    words = excerpt(text)
    kind = kind_of(text)
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
