"""The pages for what went wrong: not found, not allowed, and our own failures. They ask no database."""

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.shortcuts import render

from chat.http.words import words


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler400`: a name of the server that it does not answer to, told to whoever installs it, or a request
    that makes no sense."""
    return _page(request, 400, "host" if isinstance(exception, DisallowedHost) else "bad_request")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler404`."""
    return _page(request, 404, "not_found")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler403`."""
    return _page(request, 403, "forbidden")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """`CSRF_FAILURE_VIEW`: mostly a form that was open for longer than its login; or what a proxy keeps from us, told
    to whoever set it up."""
    if reason.startswith(("Origin checking failed", "Referer checking failed")):
        return _page(request, 403, "origin")
    # A browser neither keeps nor sends a cookie for HTTPS where the page came without.
    if reason == REASON_NO_CSRF_COOKIE and settings.CSRF_COOKIE_SECURE and not request.is_secure():
        return _page(request, 403, "plain")
    return _page(request, 403, "stale")


def failed(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`; the log has the details."""
    return _page(request, 500, "failed")


def _page(request: HttpRequest, status: int, what: str) -> HttpResponse:
    said = words(request)
    if request.path_info.startswith("/api/"):
        # As chat/http/pages.py refuses; only what never got there comes here.
        refused = {"code": what, "detail": said[what], "retry": status >= 500}
        return JsonResponse(refused, status=status)
    told = {"words": said, "title": said[what], "lead": said[f"{what}_lead"]}
    return render(request, "pages/trouble.html", told, status=status)
