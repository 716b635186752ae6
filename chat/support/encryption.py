"""A column for secrets: encrypted at rest with a key made from Django's SECRET_KEY, in clear only in memory.

A text that SECRET_KEY and its fallbacks cannot open reads as empty: whoever uses it gets refused, and the admin says
that the secret has to be entered again.
"""

import logging
from typing import TYPE_CHECKING, Any

from cryptography.fernet import InvalidToken, MultiFernet
from django.db import models

from agents.serving.sealing import box

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    Text = models.TextField[Any, Any]
else:
    Text = models.TextField


PURPOSE = "holdfast.sealed"


def _box() -> MultiFernet:
    return box(PURPOSE)


def seal(text: str) -> str:
    """`text` encrypted; empty stays empty."""
    return _box().encrypt(text.encode()).decode() if text else ""


def unseal(sealed: str) -> str:
    """What `seal` was given, or an empty text if this installation's keys cannot open it."""
    if not sealed:
        return ""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        log.error("A stored secret cannot be opened with this SECRET_KEY; enter it again in the admin.")
        return ""


class SealedField(Text):
    """A text that the database holds encrypted. It cannot be searched."""

    #: By this it is found when keys change (chat/support/rotation.py).
    sealed_for = PURPOSE

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str:
        return unseal(value or "")

    def get_prep_value(self, value: Any) -> str:
        return seal(value or "")

    def value_to_string(self, obj: models.Model) -> str:
        return seal(self.value_from_object(obj))  # a dump of the database must not hold it in clear
