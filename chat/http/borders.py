"""What every request and socket passes before Django and Channels see it (rule W11).

    path, query, cookies    U+0000 goes no further: PostgreSQL refuses it in the middle of whatever asks (400)
    root path               is the server's setting; Daphne would take it from a header of the client's
    names with "_"          go no further: `X_Forwarded_Proto` would be read as the header that a proxy sets
    Origin of a socket      is this site's own, scheme, host and port, or one of DJANGO_CSRF_TRUSTED_ORIGINS (403)

A browser sends cookies along with a socket that any other page opens, also one of another port of this host: for
cookies all ports are one site. So the origin is compared whole, as Django does for forms.
"""

import re
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.utils.http import is_same_domain

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

#: U+0000 in a query string, and in a cookie that is quoted (RFC 2109 has octal escapes, and Django reads them).
_NUL_IN_QUERY = re.compile(rb"%00|\0")
_NUL_IN_COOKIE = re.compile(rb"\\000|\0")


def guarded(application: Application) -> Application:
    """The application behind the border. It must be all that the server calls."""

    async def border(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await application(scope, receive, send)
        elif "\0" in scope["path"] or _NUL_IN_QUERY.search(scope.get("query_string", b"")):
            await _refuse(scope, receive, send)
        else:
            headers = [(name, value) for name, value in scope["headers"] if not _is_unfit(name, value)]
            await application({**scope, "root_path": "", "headers": headers}, receive, send)

    return border


def strip_root_path() -> None:
    """Have Daphne not read its root path from a header: one that is no ASCII would put a traceback into the log before
    `guarded` is asked. With another server this does nothing."""
    daphne: Any = sys.modules.get("daphne.http_protocol")
    if daphne is None:
        return
    process = daphne.WebRequest.process

    def stripped(request: Any) -> Any:
        request.requestHeaders.removeHeader(b"daphne-root-path")
        return process(request)

    daphne.WebRequest.process = stripped


def own_origin(application: Application) -> Application:
    """A socket's application, for pages of this site only."""

    async def guard(scope: Scope, receive: Any, send: Any) -> None:
        if is_own_origin(scope):
            await application(scope, receive, send)
        else:
            await _refuse(scope, receive, send)

    return guard


class _Handshake(HttpRequest):
    """A handshake as Django looks at requests: for its rules about hosts and proxies."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._encrypted = scope.get("scheme") in ("https", "wss")
        name, port = scope.get("server") or ("", 0)
        self.META = {"SERVER_NAME": name, "SERVER_PORT": str(port)}
        for header, value in scope["headers"]:
            self.META["HTTP_" + header.decode("latin-1").upper().replace("-", "_")] = value.decode("latin-1")

    def _get_scheme(self) -> str:
        return "https" if self._encrypted else "http"


def is_own_origin(scope: Scope) -> bool:
    """Whether a socket's `Origin` is the site that it asks, or one that is trusted. Without one it is no browser's, and
    refused as well."""
    given = [value for name, value in scope["headers"] if name == b"origin"]
    if len(given) != 1:
        return False
    origin = given[0].decode("latin-1")
    request = _Handshake(scope)
    try:
        if _whole(f"{request.scheme}://{request.get_host()}") == _whole(origin):
            return True
    except (DisallowedHost, ValueError):
        return False
    return any(_trusts(trusted, origin) for trusted in settings.CSRF_TRUSTED_ORIGINS)


def _whole(origin: str) -> tuple[str, str, int]:
    """(scheme, host, port) of an origin. Raises ValueError for what is none."""
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise ValueError(origin)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _trusts(trusted: str, origin: str) -> bool:
    """As Django reads its setting: an origin, or all subdomains as `https://*.example.com`."""
    try:
        scheme, host, port = _whole(trusted.replace("://*.", "://"))
        given = _whole(origin)
    except ValueError:
        return False
    pattern = f".{host}" if "://*." in trusted else host
    return (given[0], given[2]) == (scheme, port) and is_same_domain(given[1], pattern)


def _is_unfit(name: bytes, value: bytes) -> bool:
    return (
        b"_" in name
        or name == b"daphne-root-path"
        or (name == b"cookie" and bool(_NUL_IN_COOKIE.search(value)))
    )


async def _refuse(scope: Scope, receive: Any, send: Any) -> None:
    """400, or for a socket 403, without a word."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close"})
        return
    await send({"type": "http.response.start", "status": 400, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})
