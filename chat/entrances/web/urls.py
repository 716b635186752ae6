"""Addresses of the browser's entrance."""

from django.urls import path

from chat.entrances.web import api, attachments, importing, keeping, searching, views

urlpatterns = [
    path("", views.page, name="chat"),
    path("c/<uuid:conversation>", views.page, name="conversation"),
    path("c/<uuid:conversation>/", views.page),
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
    path("api/search", searching.search),
    path("api/conversations/import", importing.bring_in_own),
    path("api/marks", keeping.mark),
    path("api/attachments", attachments.upload),
    path("api/attachments/<uuid:attachment>", attachments.download),
    path("api/<path:rest>", api.unknown),
]
