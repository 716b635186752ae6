"""Errors inside HTTP 200: frames and bodies that say what went wrong where an answer should be."""

from collections.abc import Mapping
from typing import Any

from agents.dialects.errors import classify, excerpt
from agents.errors import ModelError

#: What an answer holds. A frame that has any of it is none of those that only say what went wrong.
_ANSWER = (
    "choices",
    "candidates",
    "output",
    "response",
    "delta",
    "content",
    "content_block",
    "item",
    "usage",
)
#: Where the words stand, and the code beside them.
_WORDS = (
    "message",
    "msg",
    "status_msg",
    "error_msg",
    "error_message",
    "errorMessage",
    "detail",
    "errors",
)
_CODES = ("code", "status_code", "error_code", "errorCode", "status", "type")
_FINE = frozenset({"", "0", "200", "ok", "success", "true", "none", "null"})
#: MiniMax's codes (`base_resp`), as the statuses that others send for the same.
_MINIMAX = {
    1000: 500, 1001: 504, 1002: 429, 1004: 401, 1008: 402, 1013: 500, 1024: 500, 1026: 400, 1027: 400, 1033: 500,
    1039: 400, 1041: 429, 1042: 400, 2013: 400, 2045: 429, 2049: 401, 2056: 402, 2061: 403,
}  # fmt: skip


def error_inside(frame: Mapping[str, Any], *, begun: bool = False, model: str = "") -> ModelError | None:
    """What a frame says went wrong, in the provider's words and of the kind that its code and words tell; None: it is
    an answer, or says nothing. `begun`: an answer has begun, so words without a code are no error. `model` words an
    unknown one."""
    error = frame.get("error")
    if not error:
        choices = frame.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        error = first.get("error") if isinstance(first, Mapping) else None
    if error:
        return error_of(error, _status(frame), model=model)
    base = frame.get("base_resp")
    if isinstance(base, Mapping) and str(base.get("status_code", "")).lower() not in _FINE:
        code = base.get("status_code")
        return error_of(base, _MINIMAX.get(code, 0) if isinstance(code, int) else 0, model=model)
    if any(frame.get(name) for name in _ANSWER):
        return None
    told = frame.get("type"), frame.get("object"), frame.get("event")
    failed = "error" in told or frame.get("success") is False
    bare = frame.get("type") is None and frame.get("object") is None and (not begun or _is_code(frame))
    return error_of(frame, _status(frame), model=model) if _said(frame) and (failed or bare) else None


def error_of(error: Any, status: int = 0, *, model: str = "") -> ModelError:
    """What an error's object or words mean; `status` where HTTP's was told beside it."""
    said = _said(error) if isinstance(error, Mapping) else str(error)
    if isinstance(error, Mapping):
        status = status or _status(error)
        codes = [str(error[name]) for name in _CODES if error.get(name)]
        text = " ".join([*codes, said])
    else:
        text = said
    found = classify(status, text, model=model)
    words = excerpt(said)
    if words and words not in found.detail:
        found.detail = f"{found.detail.rstrip()} ({words})"
    return found


def _is_code(frame: Mapping[str, Any]) -> bool:
    return any(str(frame[name]).lower() not in _FINE for name in _CODES if frame.get(name))


def _said(frame: Mapping[str, Any]) -> str:
    for name in _WORDS:
        value = frame.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, list | Mapping) and value and name in ("detail", "errors"):
            first = value[0] if isinstance(value, list) else value
            return _said(first) or str(first) if isinstance(first, Mapping) else str(first)
    return ""


def _status(frame: Mapping[str, Any]) -> int:
    """The status of HTTP that a frame names, or 0."""
    for name in _CODES:
        value = frame.get(name)
        text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if text.isdigit() and 400 <= int(text) <= 599:
            return int(text)
    return 0
