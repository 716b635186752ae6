"""The page that holds the chat, and the ways in and out of it."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from chat.entrances.web.greeting import token_of
from chat.http import devices
from chat.http.authentication import address_of, guesses
from chat.http.trusted import chat_policies
from chat.http.words import words
from chat.notify import doorbell

ENTRY = "src/main.tsx"
FONTS = "src/ui/styles/fonts.css"


@dataclass(frozen=True)
class Build:
    """The built frontend: addresses of what the page loads."""

    script: str
    styles: tuple[str, ...]
    preloads: tuple[str, ...]
    #: The typeface, for pages that are not the chat; empty when the build has none.
    fonts: str


@require_safe
@login_required
@ensure_csrf_cookie
@never_cache
@chat_policies
def page(request: HttpRequest, **_: Any) -> HttpResponse:
    """The one page of the chat; which conversation it shows is the frontend's business."""
    build = built()
    if build is None:
        return render(request, "web/not_built.html", {"words": words(request)}, status=503)
    hello = token_of(request.session.session_key)
    return render(request, "web/page.html", {"build": build, "words": words(request), "hello": hello})


def built() -> Build | None:
    """What `npm run build` made last, or None if it never ran."""
    manifest = Path(settings.FRONTEND_DIST) / ".vite" / "manifest.json"
    try:
        changed = manifest.stat().st_mtime_ns
    except OSError:
        return None
    return _read(manifest, changed)


@lru_cache(maxsize=4)
def _read(manifest: Path, changed: int) -> Build:
    """The build of a manifest as of `changed`; a new build has another time, so it is read again."""
    chunks = json.loads(manifest.read_text())
    entry = chunks[ENTRY]
    imported = _imports(chunks, entry)
    styles = [style for chunk in (entry, *imported) for style in chunk.get("css", ())]
    return Build(
        script=static(entry["file"]),
        styles=tuple(static(style) for style in dict.fromkeys(styles)),
        preloads=tuple(static(chunk["file"]) for chunk in imported),
        fonts=static(chunks[FONTS]["file"]) if FONTS in chunks else "",
    )


def _imports(chunks: dict[str, Any], chunk: dict[str, Any]) -> list[dict[str, Any]]:
    """The chunks that `chunk` imports statically, each once."""
    found: dict[str, dict[str, Any]] = {}

    def visit(of: dict[str, Any]) -> None:
        for name in of.get("imports", ()):
            if name not in found:
                found[name] = chunks[name]
                visit(chunks[name])

    visit(chunk)
    return list(found.values())


class Worded:
    """Gives a template of the login pages its texts in the reader's language."""

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        build = built()
        context |= {"words": words(self.request), "fonts": build.fonts if build else ""}  # type: ignore[attr-defined]
        return super().get_context_data(**context)  # type: ignore[misc]


class Login(Worded, auth.LoginView):
    template_name = "registration/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        """The browser is known from now on (chat/http/devices.py)."""
        response = super().form_valid(form)
        devices.remember(self.request, response)
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        """429 when so many were wrong that the password was not even looked at."""
        name = form.data.get("username", "")
        wait = guesses.wait(name, address_of(self.request), devices.device_of(self.request, name))
        response = self.render_to_response(self.get_context_data(form=form, wait=wait))
        if wait:
            response.status_code = 429
            response["Retry-After"] = str(wait)
        return response


class Logout(auth.LogoutView):
    """Ends the login, and rings for the user's sockets, which then find out that it has ended."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = request.user.pk
        response = super().post(request, *args, **kwargs)
        if user is not None:
            async_to_sync(doorbell.ring_user)(user)
        return response


class PasswordChange(Worded, auth.PasswordChangeView):
    template_name = "registration/password_change.html"
    success_url = f"{settings.HOLDFAST_PATH}/"

    def form_valid(self, form: Any) -> HttpResponse:
        """Other logins of this user have ended with the old password: their sockets are to find out."""
        response = super().form_valid(form)
        user: Any = self.request.user
        async_to_sync(doorbell.ring_user)(user.pk)
        return response
