"""All addresses of the server: its own, then those of the entrances, of which the one that owns the root is last."""

from django.contrib import admin
from django.urls import include, path

from chat import extensions
from config import health

handler400 = "chat.http.trouble.bad_request"
handler403 = "chat.http.trouble.forbidden"
handler404 = "chat.http.trouble.not_found"
handler500 = "chat.http.trouble.failed"

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("admin/", admin.site.urls),
    path("", include("chat.tokens.urls")),
    *(path("", include(module)) for module in extensions.urls()),
]
