"""Waiting for an answer, with the text as it streams.

What was sent to a client cannot be taken back. A response that a dead worker had begun is begun again by the next one,
mostly in other words: then the stream ends with an error that says so, and the same request again gets the answer.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from typing import Any

from agents.lifecycle import RUN
from chat.entrances.openai_api import answering, store
from chat.entrances.openai_api.answering import Answer
from chat.entrances.openai_api.models import Exchange
from chat.http.problems import Problem
from chat.messenger.follow import Follower
from chat.runtime import current
from chat.session.errors import NoConversation, Unavailable
from chat.support.backoff import Backoff
from chat.support.database import ask

log = logging.getLogger(__name__)

#: Seconds of silence after which a client is told that there is still somebody.
QUIET_S = 15.0
#: Seconds that a client waits for an answer at most; the run goes on, and the same request finds it.
MAX_WAIT_S = 900.0
#: Seconds between two tries while a store is away.
AWAY_S = Backoff(0.5, 5.0)


class Collected:
    """The texts of the steps that answer a message, as the live state shows them. Pure."""

    def __init__(self, message: str) -> None:
        self._message = message
        self._since: int | None = None
        self.run = ""
        #: By place: (step, text, whether it ends the answer).
        self._steps: dict[int, tuple[str, str, bool]] = {}

    def look(self, state: dict[str, Any], part: tuple[str, str] | None) -> bool:
        """Take what the state shows. Whether the answer is there, or will not come."""
        shown = sorted(
            (one for key, one in state.items() if key.startswith("i:") and one), key=lambda one: one["seq"]
        )
        for item in shown:
            if item["kind"] == "message" and item["id"] == self._message:
                self._since = item["seq"]
        if self._since is None:
            return False
        run = state.get("run") or {}
        steps = [one for one in shown if one["kind"] == "step" and one["seq"] > self._since]
        if not self.run:
            self.run = (
                steps[0]["run"] if steps else run.get("id", "") if run.get("cause") == self._message else ""
            )
        mine = {one["seq"]: one for one in steps if one["run"] == self.run}
        first = shown[0]["seq"] if shown else 0
        # What has left the window stays; what was discarded goes.
        self._steps = {seq: one for seq, one in self._steps.items() if seq in mine or seq < first}
        for seq, one in mine.items():
            streamed = part[1] if part is not None and part[0] == one["id"] and not one["text"] else ""
            self._steps[seq] = (one["id"], one["text"] or streamed, answering.answers(one))
        over = run.get("status") in RUN.final and (run.get("id") == self.run or not self.run)
        return over or any(ends for _, _, ends in self._steps.values())

    @property
    def text(self) -> str:
        """What was said so far."""
        found = []
        for _, (_, text, ends) in sorted(self._steps.items()):
            found.append(text)
            if ends:
                break
        return answering.joined(found)


async def progress(exchange: Exchange) -> AsyncGenerator[str | Answer | None, None]:
    """The next piece of the text, again and again; None: nothing for a while; in the end the answer. Raises Problem."""
    conversation, message = str(exchange.conversation), str(exchange.message)
    follower = Follower(current().feed, conversation)
    collected, sent = Collected(message), ""
    end_at, failures, looked = time.monotonic() + MAX_WAIT_S, 0, True
    try:
        while time.monotonic() < end_at:
            follower.news.clear()
            try:
                await follower.follow()
                ready = collected.look(follower.state, follower.part)
                answer = (
                    await ask(answering.find, exchange.conversation, message) if ready or looked else None
                )
                failures, looked = 0, False
            except NoConversation:
                raise Problem("not_found") from None
            except Unavailable as problem:
                failures += 1
                log.warning("An answer in conversation %s is waited for: %s", conversation, problem)
                yield None
                await asyncio.sleep(AWAY_S.delay(failures))
                continue
            text = collected.text if answer is None else answer.text
            if not _goes_on(sent, text):
                raise Problem("stream_restarted")
            if len(text) > len(sent):
                yield text[len(sent) :]
                sent = text
            if answer is not None:
                await ask(store.answered, exchange, answer.text)
                yield answer
                return
            if not await _news(follower):
                looked = True
                yield None
        raise Problem("still_running")
    finally:
        follower.close()


def _goes_on(sent: str, text: str) -> bool:
    """Whether a text goes on from what was sent; white space at the end of what streams may go."""
    return text.startswith(sent) or (sent.startswith(text) and not sent[len(text) :].strip())


async def _news(follower: Follower) -> bool:
    try:
        async with asyncio.timeout(QUIET_S):
            await follower.news.wait()
    except TimeoutError:
        return False
    return True


async def awaited(exchange: Exchange) -> Answer:
    """The answer, once it is there. Raises Problem."""
    async for one in progress(exchange):
        if isinstance(one, Answer):
            return one
    raise Problem("still_running")
