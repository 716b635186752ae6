"""All addresses of the server. The browser's entrance comes last: it owns the root."""

from django.contrib import admin
from django.urls import include, path

from config import health

handler403 = "chat.http.trouble.forbidden"
handler404 = "chat.http.trouble.not_found"
handler500 = "chat.http.trouble.failed"

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("admin/", admin.site.urls),
    path("", include("chat.entrances.feishu.urls")),
    path("", include("chat.entrances.schedules.urls")),
    path("", include("chat.entrances.triggers.urls")),
    path("", include("chat.entrances.web.urls")),
]
