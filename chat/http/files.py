"""Answers that are somebody's file: a picture is shown, text is offered for saving; neither may run anything."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from chat.models import Attachment

#: What a browser may do with a file of somebody: show it, and nothing else.
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def served(row: Attachment) -> HttpResponse | None:
    """The bytes of a file, or None if they are gone. The caller has checked that the asker may have them."""
    try:
        with row.file.open("rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    picture = row.media_type.startswith("image/")
    # Text is always sent as plain text, whatever kind of text it is.
    response = HttpResponse(data, content_type=row.media_type if picture else "text/plain; charset=utf-8")
    response["Content-Disposition"] = str(content_disposition_header(not picture, row.name))
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = SANDBOX
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, max-age=3600"
    response["Vary"] = "Cookie"
    return response
