"""A stored row that raises holds up its chat for a moment, never for ever: in, out, and in between."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from chat.messenger.adapter import Target
from chat.messenger.models import PRESS, SET_ASIDE, InboundMessage
from chat.messenger.poison import MAX_TRIES
from chat.support.clock import now_ms
from tests.support.scripted import ScriptedModel, says
from tests.support.waiting import eventually

POISON = "(poison)"


class Fragile:
    """A messenger that raises what nobody foresaw wherever it meets the sign."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.markup = FragileMarkup(inner.markup)
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def read(self, row: InboundMessage, bot: str) -> Any:
        if POISON in str(row.event):
            self.reads += 1
            raise TypeError("'int' object is not iterable")
        return self._inner.read(row, bot)

    def client(self, app: Any) -> Any:
        return FragileClient(self._inner.client(app))


class FragileMarkup:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def messages(self, text: str) -> list[str]:
        if f"{POISON} in the markup" in text:
            raise RecursionError("too deep")
        return self._inner.messages(text)


class FragileClient:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def send(self, to: Target, kind: str, content: str, uuid: str) -> str:
        if f"{POISON} on the way" in content:
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        return await self._inner.send(to, kind, content, uuid)


@pytest.fixture
async def fragile(house):
    """The service of `house` replaced by one over a fragile messenger."""
    await house.die(_service(house))
    found = Fragile(house.messenger)
    house.serve("fragile", found)
    return found


async def test_a_message_that_raises_is_set_aside_with_its_reason_and_the_next_ones_go_on(house, fragile):
    await house.speak("before", at_ms=now_ms())
    await house.speak(POISON, at_ms=now_ms() + 1)
    await house.speak("after", at_ms=now_ms() + 2)
    await house.speak("elsewhere", chat="oc_b")
    await house.answered("Hello!", "oc_b")
    await house.answered("set aside")

    async def both_taken():
        return await house.messenger.tables.messages.filter(chat_id="oc_a", state="taken").acount() == 2

    await house.until(both_taken, "the others to be in the conversation")
    await house.quiet()
    rows = [row async for row in house.messenger.tables.messages.filter(chat_id="oc_a").order_by("sent_at")]
    assert [row.state for row in rows] == ["taken", "refused", "taken"]
    assert rows[1].reason == f"{SET_ASIDE}TypeError: 'int' object is not iterable"


async def test_the_tries_of_a_row_are_counted_with_it_so_that_no_other_worker_begins_anew(house, fragile):
    await house.die(_service(house))
    await house.speak(POISON)
    await house.messenger.tables.messages.aupdate(reason=f"tried {MAX_TRIES - 1}: TypeError: …")
    fragile.reads = 0
    house.serve("another", fragile)
    await house.answered("set aside")
    assert fragile.reads <= 2, "it is read once more, and perhaps looked at for being a /stop"


async def test_an_answer_that_cannot_be_written_is_replaced_by_words_that_say_so(house, fragile):
    house.model = ScriptedModel(says(f"{POISON} in the markup"), says("Fine."))
    await house.speak("one")
    await house.answered("cannot be shown here")
    await house.speak("two")
    await house.answered("Fine.")
    await house.quiet()
    assert not await house.messenger.tables.messages.filter(answered_at=None).aexists()


async def test_a_message_that_cannot_be_sent_becomes_a_dead_letter_and_the_next_one_is_sent(house, fragile):
    house.model = ScriptedModel(says(f"{POISON} on the way"), says("Fine."))
    await house.speak("one")

    async def dead():
        house.pass_time(10)
        return await house.messenger.tables.deliveries.filter(state="dead").aexists()

    await eventually(dead, 20, "the dead letter", every=0.3)
    row = await house.messenger.tables.deliveries.aget(state="dead")
    assert row.attempts == MAX_TRIES and row.error.startswith("UnicodeEncodeError")
    await house.speak("two")
    await house.answered("Fine.")


async def test_a_chat_of_which_nothing_can_be_made_stops_no_other(pager):
    """The pager's `is_private` takes events to be objects."""
    for event in ([1], "text", None):
        await pager.messenger.tables.messages.acreate(
            app=pager.app,
            message_id=uuid.uuid4().hex,
            chat_id="oc_broken",
            sender="ou_x",
            event=event,
            sent_at=1,
            received_at=1,
        )
    pager.serve()
    await pager.speak("hello")
    await pager.answered("Hello!")

    async def set_aside():
        rows = pager.messenger.tables.messages.filter(chat_id="oc_broken", state="refused")
        return await rows.filter(reason__startswith=SET_ASIDE).acount() == 3

    await pager.until(set_aside, "the others to be set aside")


async def test_a_button_whose_value_is_no_button_is_refused(house):
    await house.speak("hello")
    await house.answered("Hello!")
    await house.quiet()
    for number, value in enumerate(({}, {"act": "stop"}, {"act": "stop", "lane": 10**30}, {"lane": "x"})):
        event = {"action": {"value": value}, "value": value}
        await sync_to_async(house.messenger.tables.messages.create)(
            app=house.app,
            message_id=f"{PRESS}{number}",
            chat_id="oc_a",
            sender="ou_alice",
            event=event,
            sent_at=now_ms(),
            received_at=now_ms(),
        )

    async def refused():
        return await house.messenger.tables.messages.filter(state="refused").acount() == 4

    await house.until(refused, "the presses to be refused")
    await house.speak("and now?")
    await house.answered("Hello!", times=2)


def _service(house):
    return next(
        task
        for task in house.tasks
        if task.get_coro().__qualname__ == "MessengerService.run" and not task.done()
    )
