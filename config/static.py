"""Serves the frontend's files under ASGI without streaming them through a thread."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class StaticMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise, but a file is answered at once instead of as a synchronous stream.

    Django would read such a stream into memory anyway before it sends it, with a warning for each file.

    It is asynchronous where it may be: a middleware that is not keeps a thread for each request that lasts, and some
    last until a run is over.
    """

    async_capable = True

    def __init__(self, get_response: Any = None, **options: Any) -> None:
        super().__init__(get_response, **options)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """The file, or what everything behind answers; awaitable if that is."""
        if not iscoroutinefunction(self):
            return super().__call__(request)
        return self._answered(request)

    async def _answered(self, request: HttpRequest) -> HttpResponseBase:
        found = super().__call__(request)
        return await found if isinstance(found, Awaitable) else found

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        """The answer for a known file: full, partial (ranges) or `not modified`."""
        answer = static_file.get_response(request.method, request.META)
        content = b""
        if answer.file is not None:
            with answer.file as file:
                content = file.read()
        response = HttpResponse(content, status=int(answer.status))
        del response["Content-Type"]
        for name, value in answer.headers:
            response[name] = value
        return response
