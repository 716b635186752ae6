"""Addresses of the browser's entrance."""

from django.urls import URLPattern, path

from chat.entrances.web import api, attachments, copying, importing, keeping, notes, searching, views

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
    path("api/boot", api.boot),
    path("api/conversations", api.conversations),
    path("api/conversations/<uuid:conversation>/items", api.items),
    path("api/conversations/<uuid:conversation>/calls/<str:call>", api.call),
    path("api/conversations/<uuid:conversation>/runs/<str:run>/timeline", api.timeline),
    path("api/conversations/<uuid:conversation>/export", keeping.export),
    path("api/conversations/<uuid:conversation>/find", searching.find),
    path("api/conversations/<uuid:conversation>/copies", copying.copies),
    path("api/search", searching.search),
    path("api/conversations/import", importing.bring_in_own),
    path("api/marks", keeping.mark),
    path("api/attachments", attachments.upload),
    path("api/attachments/<uuid:attachment>", attachments.download),
    path("api/notes", notes.every),
    path("api/notes/<int:number>", notes.single),
    path("api/<path:rest>", api.unknown),
]
