"""What Feishu answered, as an error (chat/messenger/errors.py). The codes are in codes.py."""

from chat.entrances.feishu.codes import CODES, TEXTS, Meaning
from chat.messenger.errors import (
    Away,
    CardClosed,
    ContentRefused,
    Limited,
    MessageRefused,
    MessengerError,
    Outpaced,
    TargetGone,
    Unclear,
)

#: Characters of Feishu's text that are passed on.
MAX_TEXT = 200


class TokenInvalid(Unclear):
    """The token is not valid, or not any more: with a new one it may be."""


_ERRORS: dict[Meaning, type[MessengerError]] = {
    "later": Away,
    "token": TokenInvalid,
    "content": ContentRefused,
    "target": TargetGone,
    "closed": CardClosed,
    "outpaced": Outpaced,
    "final": MessageRefused,
}


def meaning_of(code: int, text: str) -> Meaning | None:
    """What a code means, None: nobody knows."""
    lower = text.lower()
    special = (meaning for each, word, meaning in TEXTS if each == code and word in lower)
    return next(special, CODES.get(code))


def error_of(status: int, code: int, text: str, after: float) -> MessengerError:
    """The error that an answer stands for; `code` is not 0, or `status` is no success, or there was no JSON. `after`:
    seconds until the next try, where it was too fast."""
    told = f"Feishu answered {code or status}: {text[:MAX_TEXT]}"
    meaning = meaning_of(code, text)
    if meaning in ("limit", "chat limit") or status == 429:
        return Limited(told, code, after, chat_only=meaning == "chat limit")
    if meaning is not None:
        return _ERRORS[meaning](told, code)
    if status >= 500 or (
        status == 200 and not code
    ):  # the latter is no JSON: somebody in between has answered
        return Away(told, code)
    return TokenInvalid(told, code) if status == 401 else Unclear(told, code)
