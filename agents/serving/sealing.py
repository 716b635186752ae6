"""Encryption with keys made from Django's SECRET_KEY: one for each purpose, so that nothing sealed for one opens as
another."""

import base64
import hashlib

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def box(purpose: str) -> MultiFernet:
    """What seals for `purpose`, and opens what SECRET_KEY or one of its fallbacks has sealed for it."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [hashlib.sha256(purpose.encode() + b"\0" + str(key).encode()).digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
