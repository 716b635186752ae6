"""Login sessions in the database, as Django keeps them, readable by the release before.

Django writes into each session the dotted path of the backend that let the person in, and takes a session with another
path for logged out. The backend has moved since 0.1.0; the sessions go on naming it as 0.1.0 does, so that nobody is
logged out by an upgrade, by going back, or by the next request while servers of both releases answer.
"""

from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.sessions.backends import db

#: The backend as sessions name it, for good: it is data, wherever the class lies.
STORED = "chat.entrances.browser.guesses.PasswordBackend"
RUNNING = "chat.http.authentication.PasswordBackend"


class SessionStore(db.SessionStore):
    """Django's own, but for that name. The class must be called so: Django signs sessions with its name."""

    def encode(self, session_dict: dict[str, Any]) -> str:
        """What is stored of a session."""
        return super().encode(_named(session_dict, RUNNING, STORED))

    def decode(self, session_data: Any) -> dict[str, Any]:
        """What was stored; empty if it was tampered with."""
        return _named(super().decode(session_data), STORED, RUNNING)


def _named(session: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    if session.get(BACKEND_SESSION_KEY) != old:
        return session
    return session | {BACKEND_SESSION_KEY: new}
