"""Feishu's codes, sorted into what they mean for us (chat/messenger/errors.py).

Away         HTTP 5xx, Feishu's own failures: it may or may not have been done
Limited      99991400, 230020, 11232, HTTP 429
CardClosed   200850, 300309
Outpaced     300317
TargetGone   230001, 230011, 230110, 231003
MessageRefused      everything else: wrong secret, no permission, chat or message gone
"""

from chat.messenger.errors import (
    Away,
    CardClosed,
    Limited,
    MessageRefused,
    MessengerError,
    Outpaced,
    TargetGone,
)

LIMITS = frozenset({99991400, 230020, 11232})
#: The limit of one chat; the others are the whole app's.
CHAT_LIMITS = frozenset({230020})
CLOSED = frozenset({200850, 300309})
OUTPACED = frozenset({300317})
#: The message that was replied to is gone.
NO_TARGET = frozenset({230001, 230011, 230110, 231003})
#: The tenant token is not valid (any more): get a new one, once.
TOKEN = frozenset({99991661, 99991663, 99991664, 99991668})
#: Feishu's own failures.
FAILURES = frozenset({1500, 99991500, 2200, 55001})


def error_of(status: int, code: int, text: str, after: float) -> MessengerError:
    """The error that an answer stands for; `code` is not 0, or `status` is no success."""
    told = f"Feishu answered {code or status}: {text[:200]}"
    if status == 429 or code in LIMITS:
        return Limited(told, code, after, chat_only=code in CHAT_LIMITS)
    if code in CLOSED:
        return CardClosed(told, code)
    if code in OUTPACED:
        return Outpaced(told, code)
    if code in NO_TARGET:
        return TargetGone(told, code)
    if status >= 500 or code in FAILURES:
        return Away(told, code)
    return MessageRefused(told, code)
