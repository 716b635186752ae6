"""What a token may be made for: scopes, and which actions of chat/authorization.py each of them covers. Pure."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal, get_args

from django.utils.translation import gettext_lazy as _

from chat.authorization import Action

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Scope = Literal["read", "write", "decide", "delete"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

#: What people choose from when they make a token.
SCOPE_NAMES: "Mapping[Scope, StrOrPromise]" = {
    "read": _("Read your conversations and follow them live"),
    "write": _("Begin conversations, say something, stop runs, change titles and agents"),
    "decide": _("Allow and refuse what agents ask for, and settle calls in doubt"),
    "delete": _("Delete conversations"),
}

#: Which scope each action needs. What is not named here can be done with no token.
NEEDED: Mapping[Action, Scope] = {
    "read": "read",
    "begin": "write",
    "write": "write",
    "stop": "write",
    "rename": "write",
    "change_agent": "write",
    "refuse": "decide",
    "allow": "decide",
    "settle": "decide",
    "delete": "delete",
}


def covers(scopes: Collection[str], action: Action) -> bool:
    """Whether a token with these scopes was made for this action."""
    return NEEDED.get(action) in scopes
