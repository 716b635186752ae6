"""Addresses of the browser's entrance."""

from django.urls import URLPattern, include, path

from chat.entrances.web import api, attachments, copying, importing, keeping, notes, searching, views
from chat.http.pages import PageApi

#: What the page asks.
API = PageApi(
    "web",
    api.ROUTER,
    keeping.ROUTER,
    searching.ROUTER,
    copying.ROUTER,
    importing.ROUTER,
    attachments.ROUTER,
    notes.ROUTER,
    api.UNKNOWN,
)
#: What people keep beside their conversations: a list, and, where `True`, a page for each and one to make another.
_KEPT = (("schedules", True), ("triggers", True), ("notes", False))


def _pages(name: str, single: bool) -> list[URLPattern]:
    """The addresses of one kind of pages. The frontend's `route.ts` knows the same."""
    below = ("", "/new", "/<uuid:id>", "/<uuid:id>/edit") if single else ("",)
    return [path(f"{name}{rest}{end}", views.page) for rest in below for end in ("", "/")]


urlpatterns = [
    path("", views.page, name="chat"),
    path("c/<uuid:conversation>", views.page, name="conversation"),
    path("c/<uuid:conversation>/", views.page),
    *(one for kept in _KEPT for one in _pages(*kept)),
    path("accounts/login/", views.Login.as_view(), name="login"),
    path("accounts/logout/", views.Logout.as_view(), name="logout"),
    path("accounts/password/", views.PasswordChange.as_view(), name="password_change"),
    path("api/", include(API.patterns)),
]
