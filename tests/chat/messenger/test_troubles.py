"""What goes wrong with any messenger: limits, lost answers, closed cards, dead workers. Everything arrives once."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from agents.dialects.base import FinishDelta, TextDelta
from chat.messenger.intake import BATCH
from chat.support.clock import now_ms
from tests.support.scripted import Pause, ScriptedModel, asks, says


@pytest.mark.exhaustive
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
async def test_a_lost_answer_of_the_messenger_shows_nothing_twice(house, done):
    house.fail("send", "away", times=2, done=done)
    await house.speak("hello")
    await house.answered("Hello!")
    await house.quiet()
    assert len(house.replies()) == 1 and len(house.cards()) <= 1


async def test_limits_are_honoured_and_nothing_is_lost(house):
    house.fail("send", "limited", times=3)
    for number in range(3):
        await house.speak("hello", chat=f"oc_{number}")
    for number in range(3):
        await house.answered("Hello!", f"oc_{number}")
    assert not await house.messenger.tables.deliveries.filter(state="dead").aexists()


async def test_a_card_that_was_closed_is_replaced(house):
    pause = Pause()
    house.model = ScriptedModel([TextDelta("A "), pause, TextDelta("b."), FinishDelta("stop")])
    await house.speak("go")
    await house.until(house.cards, "a card")
    house.fail("stream", "closed")
    await house.until(lambda: len(house.cards()) == 2, "another card")
    assert not house.cards()[0].streaming
    pause.release.set()
    await house.answered("A b.")


async def test_without_any_card_the_answer_comes_all_the_same(house):
    for what in ("make", "stream", "settle"):
        house.fail(what, "refused", times=10_000)
    await house.speak("go")
    await house.answered("Hello!")
    await house.quiet()


async def test_a_card_is_followed_by_another_before_it_is_closed(house):
    pause = Pause()
    house.model = ScriptedModel([TextDelta("Slowly "), pause, TextDelta("done."), FinishDelta("stop")])
    await house.speak("think long")
    await house.until(lambda: "Slowly" in "".join(card.text for card in house.cards()), "the text")
    house.pass_time(house.messenger.limits.card_lasts_ms / 1000 + 1)
    await house.until(lambda: len(house.cards()) == 2, "the second card")
    await house.until(lambda: "Slowly" in house.cards()[1].text, "the text on it")
    assert "below" in house.cards()[0].text and not house.cards()[0].streaming
    pause.release.set()
    await house.answered("Slowly done.")


async def test_a_bad_moment_leaves_no_buttons_on_the_card_that_asked(house):
    house.gate.set()
    house.asks_before = ("act",)
    house.model = ScriptedModel(asks(("act", "{}")), says("Thanks for deciding."))
    await house.speak("act")
    await house.until(lambda: any("Allow" in card.buttons for card in house.cards()), "the choices")
    await house.quiet()
    house.fail("settle", "away", times=2)
    await house.press("Allow")
    await house.answered("Thanks for deciding.")

    def no_buttons():
        house.pass_time(1)
        return not any(card.buttons for card in house.cards())

    await house.until(no_buttons, "the buttons to go")


async def test_a_chat_that_is_gone_gets_a_dead_letter_and_others_their_answers(house):
    house.gone.add("oc_a")
    await house.speak("hello")
    await house.speak("hello", chat="oc_b")
    await house.answered("Hello!", "oc_b")
    await house.until(house.messenger.tables.deliveries.filter(state="dead").aexists, "the dead letter")


async def test_a_question_that_is_gone_is_answered_in_the_chat(house):
    pause = Pause()
    house.model = ScriptedModel([TextDelta("All the same."), pause, FinishDelta("stop")])
    message = await house.speak("hello")
    await pause.reached.wait()
    house.gone.add(message)
    pause.release.set()
    await house.answered("All the same.")
    assert house.replies() == [("All the same.", "")]


@pytest.mark.parametrize("waiting", [25, BATCH + 25], ids=["one page", "behind a page"])
async def test_R7_a_stop_overtakes_what_waits(house, waiting):
    pause = Pause()
    house.model = ScriptedModel([TextDelta("One."), pause, FinishDelta("stop")], says("Never."))
    await house.speak("first", group=True)
    await pause.reached.wait()
    for number in range(waiting):  # more than a conversation lets wait
        await house.speak(f"m{number:02}", at_ms=now_ms() + number, group=True)
    await house.speak("/stop", at_ms=now_ms() + 100, group=True)
    await house.answered("Stopped")
    assert pause.cancelled


async def test_a_worker_that_dies_is_followed_by_another_which_goes_on_with_the_same_card(house):
    pause = Pause()
    house.model = ScriptedModel([TextDelta("Still "), pause, TextDelta("here."), FinishDelta("stop")])
    await house.speak("hello")
    await house.until(lambda: "Still" in "".join(card.text for card in house.cards()), "the card")
    await house.die(_service(house))
    pause.release.set()
    house.serve("second")
    await house.answered("Still here.")
    await house.quiet()
    assert len(house.replies()) == 1
    (card,) = house.cards()
    assert not card.streaming and not card.buttons


def _service(house) -> asyncio.Task:
    return next(task for task in house.tasks if task.get_coro().__qualname__ == "MessengerService.run")


class Death:
    """A client that stops for ever at its n-th request: before it is made, or after."""

    def __init__(self, at: int, after: bool) -> None:
        self.at, self.after = at, after
        self.count = 0
        self.came = asyncio.Event()

    def over(self, inner):
        death = self

        class Dying:
            def __getattr__(self, name):
                found = getattr(inner, name)
                if name not in ("send", "send_card", "make_card", "stream", "settle"):
                    return found

                async def work(*args):
                    death.count += 1
                    last = death.count == death.at
                    if last and not death.after:
                        await death.stop()
                    done = await found(*args)
                    if last:
                        await death.stop()
                    return done

                return work

        return Dying()

    async def stop(self):
        self.came.set()
        await asyncio.Event().wait()


class Mortal:
    def __init__(self, inner, death):
        self._inner, self._death = inner, death

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def client(self, app):
        return self._death.over(self._inner.client(app))


#: More requests than it takes to tell one run that asks: a card, the question, its answer, another card, the end.
REQUESTS = 8


@pytest.mark.exhaustive
@pytest.mark.slow
async def test_whatever_dies_in_between_each_answer_is_told_once_and_finally(pager):
    """A worker dies at its first request to the messenger, another one at its second, and so on, before and after each:
    a question, a call that is asked about, a decision, an answer."""
    pager.gate.set()
    pager.asks_before = ("act",)
    house, deaths = pager, 0
    for at, after in itertools.product(range(1, REQUESTS + 1), (False, True)):
        chat = f"oc_{at}_{after}"
        house.model = ScriptedModel(asks(("act", "{}")), says(f"Decided {at}."))
        death = Death(at, after)
        service = house.serve("mortal", Mortal(house.messenger, death))
        await house.speak("act", chat=chat)
        asked = asyncio.create_task(_press_when_asked(house, chat))
        told = asyncio.create_task(house.until(lambda chat=chat: _is_told(house, chat), "the end", 60))
        came = asyncio.create_task(death.came.wait())
        await asyncio.wait({told, came}, return_when=asyncio.FIRST_COMPLETED)
        if death.came.is_set():
            deaths += 1
            await house.die(service, lease_ms=100)
            service = house.serve("after")
        await told
        await asked
        await house.quiet()
        came.cancel()
        await house.die(service, lease_ms=0)
        assert [text for text, _ in house.replies(chat)] == [f"Decided {at}."], (at, after)
        assert not any(card.streaming or card.buttons for card in house.cards(chat)), (at, after)
        assert not await house.messenger.tables.turns.filter(ended=False).aexists(), (at, after)
    assert deaths >= 8, "four requests at least: a card is made and sent, it is answered, the answer is sent"


async def _is_told(house, chat):
    lane = await house.messenger.tables.lanes.filter(chat_id=chat).afirst()
    if lane is None:
        return False
    events = await house.events(lane)
    return bool(events) and events[-1].type == "run.finished" and lane.head_seq == len(events)


async def _press_when_asked(house, chat):
    await house.until(lambda: any("Allow" in card.buttons for card in house.cards(chat)), "the choices")
    await house.press("Allow", chat)
