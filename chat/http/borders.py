"""What every request and socket passes before Django and Channels see it (rule W11).

    path, query, cookies    U+0000 goes no further: PostgreSQL refuses it in the middle of whatever asks (400)
    Content-Type            is one that Django can read, or only what stands before its parameters; so it is, too, when
                            the address has more parameters than Django reads
    root path               is the server's setting; Daphne would take it from a header of the client's
    names with "_"          go no further: `X_Forwarded_Proto` would be read as the header that a proxy sets
    Origin of a socket      is this site's own, scheme, host and port, or one of DJANGO_CSRF_TRUSTED_ORIGINS (403)

A browser sends cookies along with a socket that any other page opens, also one of another port of this host: for
cookies all ports are one site. So the origin is compared whole, as Django does for forms.
"""

import codecs
import re
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.utils.http import is_same_domain, parse_header_parameters

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

#: Parameters of an address from which on Django refuses to read them.
MAX_PARAMETERS: int = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
#: U+0000 in a query string, and in a cookie that is quoted (RFC 2109 has octal escapes, and Django reads them).
_NUL_IN_QUERY = re.compile(rb"%00|\0")
_NUL_IN_COOKIE = re.compile(rb"\\000|\0")
_SUBPROTOCOLS = b"sec-websocket-protocol"


def guarded(application: Application) -> Application:
    """The application behind the border. It must be all that the server calls."""

    async def border(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await application(scope, receive, send)
        elif "\0" in scope["path"] or _NUL_IN_QUERY.search(scope.get("query_string", b"")):
            await _refuse(scope, receive, send)
        else:
            # Django counts an address's parameters when somebody asks for one; but while it makes the request, where
            # nothing could answer, if a charset is named.
            many = scope.get("query_string", b"").count(b"&") >= MAX_PARAMETERS
            headers = _fit(scope["headers"], bare=many)
            await application({**scope, "root_path": "", "headers": headers}, receive, send)

    return border


def guard_server() -> None:
    """Keep Daphne from what it, or Twisted below it, would do before `guarded` is asked. With another server this does
    nothing.

    Its root path is not read from a header, and subprotocols of a socket are none unless they are ASCII: others would
    put a traceback into the log. And forms are not read there, in the event loop, for nobody: one of 20 MB takes three
    seconds and 350 MB, at any address and without a login, and an odd Content-Type is a traceback.
    """
    daphne: Any = sys.modules.get("daphne.http_protocol")
    if daphne is None:
        return
    process, make = daphne.WebRequest.process, daphne.WebRequest.__init__

    def stripped(request: Any) -> Any:
        given = request.requestHeaders
        given.removeHeader(b"daphne-root-path")
        if not all(value.isascii() for value in given.getRawHeaders(_SUBPROTOCOLS, ())):
            given.removeHeader(_SUBPROTOCOLS)
        return process(request)

    def unread(request: Any, *args: Any, **options: Any) -> None:
        make(request, *args, **options, parsePOSTFormSubmission=False)

    daphne.WebRequest.process = stripped
    daphne.WebRequest.__init__ = unread


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


def _fit(given: Iterable[tuple[bytes, bytes]], *, bare: bool) -> list[tuple[bytes, bytes]]:
    """The headers that go further. Of several Content-Types one does: Django would make one of them. `bare`: without
    its parameters."""
    found: list[tuple[bytes, bytes]] = []
    kind: bytes | None = None
    for name, value in given:
        if name == b"content-type":
            kind = (value.partition(b";")[0] if bare else _readable(value)) if kind is None else kind
        elif not _is_unfit(name, value):
            found.append((name, value))
    return found if kind is None else [*found, (b"content-type", kind)]


def _readable(kind: bytes) -> bytes:
    """A Content-Type as it came, or without its parameters, if Django would fail over them: it reads them before
    anything could answer, and takes for the charset of a form whatever Python has a codec for (`zlib`, `rot13`)."""
    if b";" not in kind:
        return kind
    try:
        charset = parse_header_parameters(kind.decode("latin-1"))[1].get("charset")
        if charset is not None and _is_codec(charset):
            b"\xff".decode(charset, "replace")
    except Exception:  # the library's reader of mail raises what comes to it
        return kind.partition(b";")[0]
    return kind


def _is_codec(charset: str) -> bool:
    try:
        codecs.lookup(charset)
    except LookupError:
        return False  # Django passes over it
    return True


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
