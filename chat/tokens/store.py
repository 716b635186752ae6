"""Making, finding and revoking tokens. Plain functions for a database thread.

The caller must have made sure whose token it is about.
"""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext

from chat.tokens.models import BEGINS, ApiToken
from chat.tokens.scopes import SCOPES

#: Tokens of one person that may be active at a time.
MAX_TOKENS = 50
#: Days after which a token ends by itself: what may be chosen.
DAYS = (7, 30, 90, 365)
DAY_MS = 86_400_000
#: Requests in a minute that a token may be made for.
MIN_PER_MINUTE, MAX_PER_MINUTE = 1, 600
#: How exactly is kept when a token was used last (milliseconds): one write a minute, not one for each request.
USE_MS = 60_000
#: Days for which tokens that have ended stay to be looked at.
KEPT_DAYS = 90
#: Characters of a name.
MAX_NAME = 60


class InvalidToken(ValueError):
    """It cannot be had like this; `fields` says why, by field ("" = of the whole)."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who shows a token: the user, and what the token was made for. `active`: the user is not disabled."""

    token: UUID
    name: str
    user: int
    username: str
    active: bool
    scopes: frozenset[str]
    per_minute: int
    expires_at: int

    @property
    def speaker(self) -> str:
        """Who spoke, as the journal has it: the person, and by which token."""
        return f"{self.username} ({self.name})"[:150]


def make(
    owner_id: int, name: str, scopes: Collection[str], days: int, per_minute: int, now: int
) -> tuple[ApiToken, str]:
    """A new token: (its row, what it says). The text is nowhere else, now or later. Raises InvalidToken."""
    wrong: dict[str, str] = {}
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        wrong["name"] = gettext("Give it a name of at most {max} characters.").format(max=MAX_NAME)
    if not scopes or not set(scopes) <= set(SCOPES):
        wrong["scopes"] = gettext("Choose what it is for.")
    if days not in DAYS:
        wrong["days"] = gettext("Choose when it ends.")
    if not MIN_PER_MINUTE <= per_minute <= MAX_PER_MINUTE:
        wrong["per_minute"] = gettext("Choose a number from {min} to {max}.").format(
            min=MIN_PER_MINUTE, max=MAX_PER_MINUTE
        )
    if wrong:
        raise InvalidToken(wrong)
    text = BEGINS + secrets.token_urlsafe(32)
    chosen: Any = [scope for scope in SCOPES if scope in scopes]
    with transaction.atomic():
        # One after the other, so that nobody gets past the limit by asking twice at once.
        get_user_model().objects.select_for_update().get(pk=owner_id)
        ApiToken.objects.filter(owner_id=owner_id, expires_at__lt=now - KEPT_DAYS * DAY_MS).delete()
        if active(owner_id, now) >= MAX_TOKENS:
            told = gettext("You have {max} tokens already. Revoke one that you do not use.")
            raise InvalidToken({"": told.format(max=MAX_TOKENS)})
        row = ApiToken.objects.create(
            owner_id=owner_id,
            name=name,
            digest=digest(text),
            hint=f"{text[: len(BEGINS) + 4]}…{text[-4:]}",
            scopes=chosen,
            per_minute=per_minute,
            created_at=now,
            expires_at=now + days * DAY_MS,
        )
    return row, text


def active(owner_id: int, now: int) -> int:
    """How many tokens of a person's open something."""
    return ApiToken.objects.filter(owner_id=owner_id, revoked_at=None, expires_at__gt=now).count()


def owned(owner_id: Any) -> list[ApiToken]:
    """A person's tokens, newest first, those that have ended lately too."""
    return list(ApiToken.objects.filter(owner_id=owner_id)[: 4 * MAX_TOKENS])


def revoke(token: UUID, now: int, *, owner_id: int | None = None, by: str = "") -> bool:
    """End a token at once, for good; whether there is such a one (of this owner's, if one is named). Again is
    harmless."""
    rows = ApiToken.objects.filter(pk=token)
    rows = rows if owner_id is None else rows.filter(owner_id=owner_id)
    if not rows.exists():
        return False
    rows.filter(revoked_at=None).update(revoked_at=now, revoked_by=by)
    return True


def find(text: str, now: int) -> Bearer | None:
    """Whose token this is; None: nobody's, or one that has ended. Takes note that it was used."""
    if not text.startswith(BEGINS) or not text.isascii() or len(text) > 100:
        return None
    row = _good(now).filter(digest=digest(text)).first()
    if row is None:
        return None
    if row.used_at is None or now - row.used_at >= USE_MS or row.used_at > now:
        ApiToken.objects.filter(pk=row.pk).update(used_at=now)
    return _bearer(row)


def again(token: UUID, now: int) -> Bearer | None:
    """The same token a while later, for what takes long; None once it has ended."""
    row = _good(now).filter(pk=token).first()
    return None if row is None else _bearer(row)


def digest(text: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(text.encode()).hexdigest()


def _good(now: int) -> Any:
    return ApiToken.objects.select_related("owner").filter(revoked_at=None, expires_at__gt=now)


def _bearer(row: ApiToken) -> Bearer:
    user = row.owner
    scopes = frozenset(str(scope) for scope in row.scopes)
    username = user.get_username()
    return Bearer(row.pk, row.name, user.pk, username, user.is_active, scopes, row.per_minute, row.expires_at)
