"""Files that are made for whoever asks: named after what they hold, and never shown as a page of ours."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from chat.files.sniffing import clean_name


def download(text: str, name: str, media_type: str) -> HttpResponse:
    """`text` as a file of this name, which may be anybody's words."""
    response = HttpResponse(text, content_type=f"{media_type}; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, clean_name(name)) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    return response
