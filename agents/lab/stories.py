"""The conversations of the lab. Each is a history that ordinary use makes and that some provider has refused."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agents.lab.talk import Talk

OK = "Thank you. Now answer with the one word OK."


@dataclass(frozen=True)
class Story:
    """`tell` ends when everything in it was answered. `optional`: a refusal says something of the model (it sees no
    pictures), and nothing of the form of requests."""

    name: str
    title: str
    tell: Callable[[Talk], Awaitable[None]]
    optional: bool = False


async def plain(talk: Talk) -> None:
    talk.say("Answer with the one word OK.")
    await talk.answer()


async def two_messages(talk: Talk) -> None:
    talk.say("I will write twice.")
    talk.say("Answer with the one word OK.")
    await talk.answer()


async def tool_loop(talk: Talk) -> None:
    await talk.call("tide")
    talk.settle()
    await talk.answer()
    talk.say(OK)
    await talk.answer()


async def stop_in_call(talk: Talk) -> None:
    await talk.call("tide")
    talk.stop()
    talk.say(OK)
    await talk.answer()


async def message_in_call(talk: Talk) -> None:
    await talk.call("tide")
    talk.say("And answer with the one word OK when you have it.")
    talk.settle()
    await talk.answer()


async def note_after_result(talk: Talk) -> None:
    await talk.call("tide")
    talk.settle()
    talk.note("The build has finished.")
    await talk.answer()
    talk.say(OK)
    await talk.answer()


async def limit_after_result(talk: Talk) -> None:
    await talk.call("tide")
    talk.settle()
    talk.limit()
    talk.say(OK)
    await talk.answer()


async def failed_run(talk: Talk) -> None:
    await talk.call("tide")
    talk.settle()
    talk.fail()
    talk.say(OK)
    await talk.answer()


async def failed_call(talk: Talk) -> None:
    await talk.call("tide")
    talk.settle(failed=True)
    await talk.answer()


async def broken_arguments(talk: Talk) -> None:
    talk.say("Please look up tide.")
    talk.invent("tide", arguments='{"word": "ti')
    talk.settle(failed=True)
    await talk.answer()


async def parallel_calls(talk: Talk) -> None:
    await talk.call("tide", "moon")
    talk.settle()
    await talk.answer()
    talk.say(OK)
    await talk.answer()


async def half_an_answer(talk: Talk) -> None:
    talk.say("Count to one hundred.")
    talk.half_an_answer("One, two, three, fo")
    talk.say(OK)
    await talk.answer()


async def picture(talk: Talk) -> None:
    talk.say("Which colour is this? Answer with one word.", picture=True)
    await talk.answer()
    talk.say(OK)
    await talk.answer()


async def long_history(talk: Talk) -> None:
    for number in range(12):
        words = ("sea", "sun")[: number % 3]
        talk.told(f"Question {number}. {'It has many words. ' * 12}", f"Answer {number}.", *words)
    talk.say(OK)
    await talk.answer()


STORIES = (
    Story("plain", "a question and its answer", plain),
    Story("two_messages", "two messages in a row", two_messages),
    Story("tool_loop", "a tool call, and a message after it", tool_loop),
    Story("stop_in_call", "a stop during a call, then a message", stop_in_call),
    Story("message_in_call", "a message during a call", message_in_call),
    Story("note_after_result", "a note after a result", note_after_result),
    Story("limit_after_result", "a limit after a result, then a message", limit_after_result),
    Story("failed_run", "a run that failed after a result, then a message", failed_run),
    Story("failed_call", "a call that fails", failed_call),
    Story("broken_arguments", "a call with broken arguments", broken_arguments),
    Story("parallel_calls", "two calls in one answer", parallel_calls),
    Story("half_an_answer", "a stop in the middle of an answer, then a message", half_an_answer),
    Story("picture", "a picture", picture, optional=True),
    Story("long_history", "a long conversation with calls in it", long_history),
)
