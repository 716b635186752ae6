"""Whoever shows a token, at the door (rule W11): who they are, whether they may, and how often.

Only the header counts. A request that has a cookie as well is its token's, so that no page of another site can ask
anything here by what a browser sends along.
"""

from django.http import HttpRequest

from chat.authorization import Action, by_token
from chat.http.problems import Problem
from chat.inbox import Sender
from chat.session.errors import Unavailable
from chat.support.clock import now_ms
from chat.support.database import ask
from chat.tokens import store
from chat.tokens.limits import limits
from chat.tokens.scopes import NEEDED, covers
from chat.tokens.store import Bearer


async def admitted(request: HttpRequest) -> Bearer:
    """Who shows a token with this request, which counts as one of theirs. Raises Problem; and Unavailable."""
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    bearer = await ask(store.find, text.strip(), now_ms()) if kind.casefold() == "bearer" else None
    if bearer is None:
        raise Problem("unauthorized")
    if not bearer.active:
        raise Problem("disabled")
    if after := limits.take(bearer.token, bearer.per_minute):
        raise Problem("too_fast", after=after)
    return bearer


def permit(bearer: Bearer, action: Action) -> None:
    """Raises Problem unless they may do this with what is their own."""
    scope = covers(bearer.scopes, action)
    verdict = by_token(bearer.user, bearer.user, scope=scope, active=bearer.active).may(action)
    if verdict.reason == "scope":
        raise Problem(
            "scope",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{NEEDED[action]}"'},
        )
    if not verdict:
        raise Problem("disabled" if verdict.reason == "disabled" else "forbidden")


def sender(bearer: Bearer, action: Action, entrance: str) -> Sender:
    """Them, as the inbox knows them, for this action."""
    standing = by_token(bearer.user, bearer.user, scope=covers(bearer.scopes, action), active=bearer.active)
    return Sender(bearer.user, entrance=entrance, name=bearer.speaker, standing=standing)


async def still(bearer: Bearer) -> bool:
    """Whether their token still opens what it opened. What cannot be looked up now counts as before."""
    try:
        found = await ask(store.again, bearer.token, now_ms())
    except Unavailable:
        return True
    return found is not None and found.active
