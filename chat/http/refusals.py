"""Why a request of the page is not answered, and how often each user may ask (chat/http/pages.py)."""

from typing import Any

from chat.http.limits import Allowance, RateLimits

#: Larger than any seq, id and time in ms, small enough for every database.
END = 2**62


class RequestRefused(Exception):
    """The request cannot be answered; becomes its response. `after`: seconds, told with the status 429."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retry: bool = False,
        fields: dict[str, Any] | None = None,
        after: int = 1,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.after = after
        self.body: dict[str, Any] = {"code": code, "detail": detail, "retry": retry}
        if fields is not None:
            self.body["fields"] = fields


def allowance(burst: int, rate: float) -> Allowance:
    """Requests of one user in this process: so many at once, and so many per second after that."""
    return Allowance(RateLimits(burst=burst, rate=rate, flood=10_000))
