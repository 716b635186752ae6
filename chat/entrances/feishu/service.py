"""Feishu's side task of the worker process."""

from collections.abc import Awaitable, Callable
from typing import Any

from chat.entrances.feishu.adapter import FEISHU
from chat.messenger.service import MessengerService
from chat.session.sessions import Sessions


class FeishuService(MessengerService):
    """Feishu, for one worker process."""

    def __init__(
        self, sessions: Sessions, enqueue: Callable[[str, str], Awaitable[bool]], *, worker: str, **more: Any
    ) -> None:
        super().__init__(FEISHU, sessions, enqueue, worker=worker, **more)
