"""Encryption with keys made from Django's SECRET_KEY: one for each purpose, so that nothing sealed for one opens as
another.

A column that holds what is sealed says so by `sealed_for`, its purpose: by that all are found when keys change
(chat/support/rotation.py).
"""

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

if TYPE_CHECKING:  # Django's own classes take no type argument when the program runs.
    Text = models.TextField[Any, Any]
else:
    Text = models.TextField

#: How a field tells its purpose.
SEALED_FOR = "sealed_for"


class SealedText(Text):
    """A column of texts that were sealed before they came here, and are opened by whoever reads them."""

    def __init__(self, *args: Any, sealed_for: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sealed_for = sealed_for

    def deconstruct(self) -> Any:
        """For migrations it is the text that it was before it told its purpose."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


def box(purpose: str) -> MultiFernet:
    """What seals for `purpose`, and opens what SECRET_KEY or one of its fallbacks has sealed for it."""
    return MultiFernet(_boxes(purpose))


def key_number(purpose: str, sealed: str) -> int | None:
    """Under which key this was sealed: 0 for SECRET_KEY, 1 and on for its fallbacks; None: none of them opens it."""
    for number, one in enumerate(_boxes(purpose)):
        try:
            one.decrypt(sealed.encode())
        except InvalidToken:
            continue
        return number
    return None


def sealed_again(purpose: str, sealed: str) -> str:
    """The same under SECRET_KEY. Raises InvalidToken for what none of the keys opens."""
    return box(purpose).rotate(sealed.encode()).decode()


def _boxes(purpose: str) -> list[Fernet]:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [hashlib.sha256(purpose.encode() + b"\0" + str(key).encode()).digest() for key in keys]
    return [Fernet(base64.urlsafe_b64encode(digest)) for digest in digests]
