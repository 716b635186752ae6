"""GET and POST /accounts/tokens/: a person's tokens; make one, which is shown once, and revoke one."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from chat.authorization import logged_in
from chat.http.words import words
from chat.support.clock import now_ms
from chat.tokens import store
from chat.tokens.forms import TokenForm
from chat.tokens.models import ApiToken
from chat.tokens.scopes import SCOPES


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """All of it. A token that was just made is in this one answer and never again."""
    assert request.user.pk is not None
    if not logged_in(request.user.pk, request.user.pk, active=request.user.is_active).may("hold_tokens"):
        raise PermissionDenied
    if request.method == "POST" and "revoke" in request.POST:
        return _revoke(request)
    form = TokenForm(request.POST if request.method == "POST" else None)
    made = ""
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            _, made = store.make(
                request.user.pk,
                given["name"],
                given["scopes"],
                given["days"],
                given["per_minute"],
                now_ms(),
            )
            form = TokenForm()
        except store.InvalidToken as problem:
            for field, text in problem.fields.items():
                form.add_error(field or None, text)
    return _shown(request, form, made)


def _revoke(request: HttpRequest) -> HttpResponse:
    try:
        wanted = UUID(request.POST.get("revoke", ""))
    except ValueError:
        return HttpResponseRedirect(reverse("api_tokens"))
    store.revoke(wanted, now_ms(), owner_id=request.user.pk)
    return HttpResponseRedirect(reverse("api_tokens"))


def _shown(request: HttpRequest, form: TokenForm, made: str) -> HttpResponse:
    now = now_ms()
    rows = [_row(row, now) for row in store.owned(request.user.pk)]
    told = {
        "words": words(request),
        "form": form,
        "made": made,
        "rows": rows,
        "base": request.build_absolute_uri(f"{reverse('chat')}api/v1/"),
        "openai": request.build_absolute_uri(f"{reverse('chat')}v1"),
        "texts": {
            "title": gettext("API tokens"),
            "lead": gettext("A token lets a program of yours speak for you, as far as you choose here."),
            "once": gettext("Copy it now: it is shown this once."),
            "keep": gettext("Whoever has it can do this in your name. Keep it like a password."),
            "none": gettext("You have no tokens."),
            "make": gettext("Make a token"),
            "revoke": gettext("Revoke"),
            "made": gettext("made"),
            "ends": gettext("ends"),
            "used": gettext("used last"),
            "addresses": gettext("Addresses"),
        },
    }
    return render(request, "pages/tokens.html", told)


def _row(row: ApiToken, now: int) -> dict[str, Any]:
    state = row.state(now)
    said = {"active": "", "expired": gettext("expired"), "revoked": gettext("revoked")}[state]
    return {
        "id": str(row.pk),
        "name": row.name,
        "hint": row.hint,
        "scopes": ", ".join(scope for scope in SCOPES if scope in row.scopes),
        "per_minute": row.per_minute,
        "created": _day(row.created_at),
        "expires": _day(row.expires_at),
        "used": _time(row.used_at) if row.used_at else gettext("never"),
        "active": state == "active",
        "state": said,
    }


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
