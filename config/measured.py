"""Counts answers over HTTP, and the time until they begin, by the first part of the path: so also what webhooks and
messengers were answered."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from chat.telemetry.metrics import OTHER, RESPONSES, among
from config.values import OURS

Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


def area_of(scope: Scope) -> str:
    """The first part of the path, if it is one of ours."""
    path = str(scope.get("path", "")).removeprefix(str(scope.get("root_path", "")))
    first = path.strip("/").partition("/")[0]
    return among(first, OURS) if first else "page"


def measured(app: App) -> App:
    """`app`, with its answers counted."""

    async def inner(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        begun, area = time.monotonic(), area_of(scope)

        async def counting(message: Any) -> None:
            if message["type"] == "http.response.start":
                status = str(message["status"])
                # Words of a protocol: nobody can make more of them than there are.
                RESPONSES.labels(area, status if status.isdigit() and len(status) == 3 else OTHER).observe(
                    time.monotonic() - begun
                )
            await send(message)

        return await app(scope, receive, counting)

    return inner
