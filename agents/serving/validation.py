"""What may be stored of a provider and of an agent's model. Each raises Django's ValidationError."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from agents import extensions
from agents.profiles import all_profiles


def validate_base_url(value: str) -> None:
    """Refuse an address that is no plain http(s) base address; names without a dot are fine (containers)."""
    try:
        parts = urlsplit(value)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise ValidationError("This is not an address. Write it like https://api.example.com/v1.") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_fine:
        raise ValidationError("Write the whole address, like https://api.example.com/v1.")
    if parts.username or parts.password:
        raise ValidationError("Take the name and password out of the address: keys belong in the settings.")
    if parts.query or parts.fragment:
        raise ValidationError("Write the address without anything after ? or #.")


def validate_profile(value: str) -> None:
    """Refuse a dialect that nothing is known of."""
    if value not in all_profiles():
        raise ValidationError(
            "There is no profile named %(value)s. Choose from: %(known)s, or leave it empty.",
            params={"value": value, "known": ", ".join(all_profiles())},
        )


def validate_dialect(value: str) -> None:
    """Refuse an API that nobody speaks here."""
    if value not in extensions.dialects:
        known = ", ".join(dialect.name for dialect in extensions.dialects)
        raise ValidationError(
            _("There is no dialect named %(value)s. Choose from: %(known)s, or leave it empty."),
            params={"value": value, "known": known},
        )


def between(low: int, high: int) -> list[Any]:
    """The validators of a number from `low` to `high`."""
    return [
        MinValueValidator(low, f"Choose {low:,} or more."),
        MaxValueValidator(high, f"Choose {high:,} or less."),
    ]


_HOST = re.compile(r"\*|(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)+[a-z0-9-]*[a-z0-9]", re.IGNORECASE)


def validate_hosts(value: str) -> None:
    """Refuse what is no list of hosts, one a line: names, `*.name` for what is below one, `*` for any."""
    for line in value.split():
        if len(line) > 253 or not _HOST.fullmatch(line):
            raise ValidationError(
                _(
                    "%(line)s is no host. Write one a line, without https:// and paths: en.wikipedia.org, or "
                    "*.example.com for all below it."
                ),
                params={"line": line[:100]},
            )
