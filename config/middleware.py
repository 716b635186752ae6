"""Django's middleware, asked where the request is.

Under ASGI Django asks each middleware in a thread, once before the view and once after it (`MiddlewareMixin`'s
`__acall__`): sixteen changes of thread, and a thread made for it, for a webhook that is answered in two milliseconds.
None of the questions waits for anything, unless a session or messages are to be stored. So they are asked in the event
loop, and only what stores goes to a thread.

Each class is its parent's in everything else, and as good under WSGI.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.locale import LocaleMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.deprecation import MiddlewareMixin


class InPlace(MiddlewareMixin):
    """Asks in the event loop. `process_request` must not wait for anything; `process_response` may where `stores` says
    so."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        """Django calls it where there is an event loop."""
        before, after = getattr(self, "process_request", None), getattr(self, "process_response", None)
        answer = before(request) if before is not None else None
        answer = answer or await self.get_response(request)  # type: ignore[misc]
        if after is not None and self.stores(request):
            return await sync_to_async(after, thread_sensitive=True)(request, answer)
        return after(request, answer) if after is not None else answer

    def stores(self, request: HttpRequest) -> bool:
        """Whether something is to be stored when the answer is there."""
        return False


class Security(InPlace, SecurityMiddleware):
    """HTTPS, HSTS and the like."""


class ContentSecurityPolicy(InPlace, CSPMiddleware):
    """What a page may load and run."""


class Sessions(InPlace, SessionMiddleware):
    """`request.session`, which is read when it is looked at, and stored when it was changed."""

    def stores(self, request: HttpRequest) -> bool:
        return bool(request.session.modified)


class Locale(InPlace, LocaleMiddleware):
    """In which language to answer."""


class Common(InPlace, CommonMiddleware):
    """Slashes at the end, and the length of what is answered."""


class Csrf(InPlace, CsrfViewMiddleware):
    """No form of another site. Its secret is in a cookie."""

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        if self.async_mode:
            self.process_view: Any = self._process_view

    async def _process_view(self, *of: Any) -> Any:
        return super().process_view(*of)


class Authentication(InPlace, AuthenticationMiddleware):
    """`request.user`, which is looked up when it is looked at."""


class Messages(InPlace, MessageMiddleware):
    """What a page is to say to its reader, also after a redirect."""

    def stores(self, request: HttpRequest) -> bool:
        told = getattr(request, "_messages", None)
        return told is not None and bool(told.used or told.added_new)


class NoFrames(InPlace, XFrameOptionsMiddleware):
    """No page within a page of another site."""
