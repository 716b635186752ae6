"""What can go wrong between Feishu and us.

    FeishuError             the request had no success
    ├── Away                nobody answered, or the server failed: it may or may not have been done
    ├── Limited             too fast: not done, again after `after` seconds (99991400, 230020, 11232, HTTP 429)
    ├── StreamClosed        the card no longer takes streamed text (200850, 300309): open another one
    ├── Outpaced            the sequence was used already (300317): go on with a larger one
    └── Refused             it will not work, however often: wrong secret, no permission, chat or message gone

`code` is Feishu's number, 0 where there was none. Texts hold neither tokens nor secrets.
"""


class FeishuError(Exception):
    """Base of this package's errors."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class Away(FeishuError):
    """No answer, or HTTP 5xx. With the same `uuid` the request may be repeated."""


class Limited(FeishuError):
    """Too many requests. Nothing was done."""

    def __init__(self, text: str, code: int, after: float) -> None:
        super().__init__(text, code)
        self.after = after


class StreamClosed(FeishuError):
    """Streaming mode of the card is closed."""


class Outpaced(FeishuError):
    """Somebody changed this card with a larger sequence."""


class Refused(FeishuError):
    """It will not work."""


LIMITS = frozenset({99991400, 230020, 11232})
CLOSED = frozenset({200850, 300309})
OUTPACED = frozenset({300317})
#: The tenant token is not valid (any more): get a new one, once.
TOKEN = frozenset({99991661, 99991663, 99991664, 99991668})
#: Feishu's own failures.
FAILURES = frozenset({1500, 99991500, 2200, 55001})


def error_of(status: int, code: int, text: str, after: float) -> FeishuError:
    """The error that an answer stands for; `code` is not 0, or `status` is no success."""
    told = f"Feishu answered {code or status}: {text[:200]}"
    if status == 429 or code in LIMITS:
        return Limited(told, code, after)
    if code in CLOSED:
        return StreamClosed(told, code)
    if code in OUTPACED:
        return Outpaced(told, code)
    if status >= 500 or code in FAILURES:
        return Away(told, code)
    return Refused(told, code)
