"""What a webhook's owner may enter."""

from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from holdfast_example.webhook.signature import key_of


def callback(value: str) -> None:
    """Refuse what is no https address; plain http only on this machine, for tests."""
    try:
        parts = urlsplit(value)
        here = parts.hostname in ("127.0.0.1", "localhost")
        fine = parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and here))
    except ValueError:
        fine = False
    if not fine:
        raise ValidationError("Write the whole address, beginning with https://.")


def secret(value: str) -> None:
    """Refuse what signs nothing."""
    try:
        key_of(value)
    except ValueError as problem:
        raise ValidationError(str(problem)) from None
