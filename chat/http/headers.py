"""Headers of every answer over HTTP, whoever makes it (rule W11): pages, files, and refusals before Django is asked.

    nosniff, no referrer elsewhere, no frames      for browsers that know nothing newer
    Cross-Origin-Opener- and -Resource-Policy      no page of another site has a handle on ours, or embeds what we send
    Permissions-Policy                             nothing here needs the devices of whoever looks at it
    Content-Security-Policy                        pages have that of the settings; what has none may do nothing

A view that sets one of them itself keeps it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

#: What a page may not ask for, nor any script that got into one. Names that Chromium does not know, it complains of.
DENIED = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "screen-wake-lock",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
#: The policy of what is no page: scripts, styles, pictures, and answers without a word.
NO_PAGE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

HEADERS: dict[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": ", ".join(f"{name}=()" for name in DENIED).encode(),
    b"content-security-policy": NO_PAGE.encode(),
}


def with_headers(application: Application) -> Application:
    """The application, each of whose answers has all of these headers."""

    async def headed(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return

        async def sending(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = [(name.lower(), value) for name, value in message.get("headers", ())]
                known = {name for name, _ in given}
                missing = [pair for pair in HEADERS.items() if pair[0] not in known]
                message = {**message, "headers": [*given, *missing]}
            await send(message)

        await application(scope, receive, sending)

    return headed
