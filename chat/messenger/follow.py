"""A reader of one conversation: its state and the streaming text as the feed tells them (rules S4, W4)."""

import asyncio
import json
from typing import Any

from agents import events as e
from agents.work import THINKING
from chat.feed import Feed, Reason
from chat.session.contract import Batch, LogPart, utf16
from chat.session.state import merge, reduce


class Follower:
    """The feed's sink. `state` and `part` (step, text) are of now, `seq` is the newest event in them; `news` is set
    whenever they move."""

    def __init__(self, feed: Feed, conversation: str) -> None:
        self._feed = feed
        self._conversation = conversation
        self.state: dict[str, Any] = {}
        self.part: tuple[str, str] | None = None
        self.seq = 0
        self.open = False
        self.news = asyncio.Event()

    async def follow(self, upto: int = 0) -> None:
        """Open it, unless it is open; then have it read on, if it has not come up to this event: no bell rings here,
        and of conversations at rest the feed would look again only after seconds. Raises NoConversation and
        Unavailable."""
        if self.open:
            if self.seq < upto:
                self._feed.ring(self._conversation)
            return
        loaded = await self._feed.open(self._conversation, self)
        # Nothing is awaited from here on: what lies beyond the snapshot comes when the loop turns.
        self.state = {key: json.loads(value) for key, value in loaded.fields.items()}
        self.part = (loaded.part.message, loaded.part.text) if loaded.part else None
        self.seq = loaded.position.seq
        self.open = True
        self.news.set()

    def close(self) -> None:
        """Follow it no longer."""
        self._feed.unwatch(self._conversation, self)
        self.open = False

    def on_batch(self, batch: Batch) -> None:
        for entry in batch.entries:
            if isinstance(entry, LogPart):
                if not entry.message.endswith(THINKING):
                    self._stream(entry)
                continue
            event = e.from_json(entry.text)
            self.state = merge(self.state, reduce(self.state, event, entry.seq))
            self.seq = entry.seq
            if isinstance(event, e.StepStarted | e.StepFinished | e.StepStopped | e.StepDiscarded):
                self.part = None
        self.news.set()

    @property
    def run(self) -> tuple[str, bool]:
        """The run that is not over ("": none), and whether it waits for somebody."""
        held = self.state.get("run") or {}
        if held.get("status") not in e.ACTIVE_RUN:
            return "", False
        return held["id"], held["status"] == "waiting"

    def on_lost(self, reason: Reason) -> None:
        self.open = False
        self.news.set()

    def _stream(self, part: LogPart) -> None:
        held = self.part[1] if self.part and self.part[0] == part.message else ""
        if utf16(held) > part.offset:
            held = held.encode("utf-16-le")[: 2 * part.offset].decode("utf-16-le", errors="ignore")
        self.part = (part.message, held + part.text)
