"""A provider that refuses something, whatever it says: what the loop does, what it learns, and what stays out (T5)."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest

from agents import events as e
from agents.attachments import FileContent
from agents.dialects.base import Delta, FinishDelta, ReasoningDelta, TextDelta
from agents.dialects.errors import classify
from agents.history import fold
from agents.learned import RELEARN_AFTER_MS, LearnedForm
from agents.spec import AgentSpec
from agents.tools import Toolbox, tool
from agents.transcript.forms import PROPER, RequestForm, from_names, ladder
from tests.support.adversary import Adversary, Memory
from tests.support.scripted import ScriptedModel, asks, says
from tests.support.shell import Shell

PHOTO = e.AttachmentRef(id="i", name="photo.png", media_type="image/png", size=100)


@tool(effect="read_only")
def look() -> str:
    """Look."""
    return "a red house"


AGENT = AgentSpec("a", "A", "You help.", "gpt-5", "http://p/v1", profile="openai-chat", tools=("look",))


class Drawer:
    async def read(self, id: str) -> FileContent | None:
        return FileContent("image/png", b"\x89PNG" + b"0" * 40)


async def work(shell: Shell, model: Any, agent: AgentSpec = AGENT, *, rescue: bool = True) -> None:
    await shell.work(agent, model, Toolbox([look]), rescue=rescue)


def of(shell: Shell, kind: type[e.Event]) -> list[Any]:
    return [event for event in shell.log if isinstance(event, kind)]


def messages(body: Mapping[str, Any]) -> str:
    return str(body["messages"])


# ---- forms ----------------------------------------------------------------------------------------------------


def refuse_system(body: Mapping[str, Any]) -> bool:
    return any(message["role"] == "system" for message in body["messages"])


async def test_T5_what_worked_is_remembered_for_address_and_model_with_its_reason() -> None:
    shell = Shell()
    shell.say("hello")
    model = Adversary(refuse_system, "I shall not be told what to do.")
    await work(shell, model)
    (learned,) = shell.learned.kept
    assert (learned.address, learned.model, learned.form.names) == ("http://p/v1", "gpt-5", ("no_system",))
    assert (learned.kind, learned.status) == ("other", 400) and "shall not be told" in learned.reason
    assert shell.faults.outcomes[shell.faults.kept[-1].digest] == "text_ok"
    refused = model.refused
    shell.say("and now?")
    await work(shell, model)
    assert model.refused == refused, "the next run asks in that form at once"
    first = model.bodies[-1]["messages"][0]
    assert (
        first["role"] == "user" and first["content"].startswith("You help.") and "hello" in first["content"]
    )


async def test_T5_it_is_remembered_for_no_other_model_and_not_for_ever() -> None:
    memory = Memory()
    rule = LearnedForm("http://p/v1", "m", from_names(("no_system",)), "other", "no", 400, at=1_000)
    await memory.learn(rule)
    assert (await memory.known("http://p/v1", "m", 2_000)).names == ("no_system",)
    assert await memory.known("http://q/v1", "m", 2_000) == PROPER
    assert await memory.known("http://p/v1", "other", 2_000) == PROPER
    assert await memory.known("http://p/v1", "m", 1_000 + RELEARN_AFTER_MS) == PROPER


@pytest.mark.parametrize("status", [400, 422])
async def test_T5_an_unlisted_refusal_of_tool_messages_is_answered_as_text(status: int) -> None:
    shell = Shell()
    shell.say("look")
    model = Adversary(lambda body: "'tool'" in messages(body), "¿Qué?", status=status, asks_for="look")
    await work(shell, model)
    assert isinstance(shell.last(), e.RunFinished)
    assert shell.learned.kept[-1].form.names == ("text_only",)
    assert "a red house" in messages(model.bodies[-1])


async def test_T5_a_500_that_names_a_template_is_rescued_at_once() -> None:
    words = "Unable to generate parser for this template. Jinja Exception: After the optional system message"
    shell = Shell()
    shell.say("look")
    model = Adversary(lambda body: "'tool'" in messages(body), words, status=500, asks_for="look")
    await work(shell, model)
    assert isinstance(shell.last(), e.RunFinished)
    assert all(event.retry_at == event.at for event in of(shell, e.RunRetrying)), (
        "nobody waits for a template"
    )
    assert {fault.kind for fault in shell.faults.kept} == {"form"}


async def test_T5_a_500_without_a_word_is_waited_for_and_then_rescued_but_nothing_is_learned() -> None:
    shell = Shell()
    shell.say("look")
    model = Adversary(
        lambda body: "'tool'" in messages(body), "Internal Server Error", status=500, asks_for="look"
    )
    await work(shell, model)
    assert isinstance(shell.last(), e.RunFinished) and shell.learned.kept == []
    assert shell.faults.kept[0].kind == "500"
    waits = [event for event in of(shell, e.RunRetrying) if event.retry_at > event.at]
    assert len(waits) == 4


@pytest.mark.parametrize(
    ("status", "words", "asked", "code"),
    [
        (400, "I shall not be told what to do.", 1, "model_rejected"),
        (400, "System role not supported", 1, "model_rejected"),
        (500, "Error rendering prompt with jinja template", 1, "model_rejected"),
        (400, "Content Exists Risk", 1, "content_refused"),
        (500, "Internal Server Error", 5, "model_error"),
    ],
)
async def test_T5_without_the_rescue_a_refusal_ends_the_run_and_is_kept(
    status: int, words: str, asked: int, code: str
) -> None:
    shell = Shell()
    shell.say("hello")
    model = Adversary(refuse_system, words, status=status)
    await work(shell, model, rescue=False)
    failed = shell.last()
    assert isinstance(failed, e.RunFailed) and failed.code == code
    assert model.refused == asked and len(shell.faults.kept) == 1
    assert shell.learned.kept == [] and of(shell, e.MessageLeftOut) == []


async def test_T5_the_words_say_what_helps() -> None:
    for words, form in (
        ("This model only supports single tool-calls at once!", "one_call"),
        ("registry.ollama.ai/library/gemma3:4b does not support tools", "no_tools"),
        ("System role not supported", "no_system"),
        ("Conversation roles must alternate user/assistant/user/assistant/", "alternating"),
        ("messages.1.content.0: Invalid `signature` in `thinking` block", "no_replay"),
        ("No tool call found for function call output with call_id call_1.", "text_only"),
    ):
        from agents.retrying import hint

        assert hint(classify(400, words)).names == (form,)


class Strict(Adversary):
    """It refuses a system role and tool messages, each in words that are known."""

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        for refuses, words in (
            (refuse_system, "System role not supported"),
            (lambda body: "'tool'" in messages(body), "No tool call found for function call output."),
        ):
            if refuses(body):
                self.refused += 1
                raise classify(400, words)
        async for delta in super().stream(body):
            yield delta


async def test_T5_two_refusals_in_known_words_add_up() -> None:
    shell = Shell()
    shell.say("look")
    await work(shell, ScriptedModel(asks(("look", "{}")), says("A house.")))
    shell.say("and now?")
    model = Strict(lambda body: False, "")
    await work(shell, model)
    assert isinstance(shell.last(), e.RunFinished)
    assert shell.learned.kept[-1].form.names == ("no_system", "text_only") and model.refused == 2


def test_T5_the_ladder_has_each_change_once_and_the_one_that_helps_first() -> None:
    forms = list(ladder(PROPER, from_names(("one_call",))))
    assert forms[0] == PROPER and forms[1] == RequestForm(one_call=True)
    assert len(forms) == len(set(forms)) and forms[-1].no_tools and forms[-1].no_system
    learned = from_names(("no_system",))
    assert next(iter(ladder(learned))) == learned and PROPER in ladder(learned), (
        "what was learned may hold no more"
    )


async def test_a_fault_is_kept_for_5xx_once_and_the_body_is_sent_again() -> None:
    shell = Shell()
    shell.say("hello")
    busy = classify(503, "overloaded")
    model = ScriptedModel([busy], [busy], says("here"))
    await work(shell, model)
    (fault,) = shell.faults.kept
    assert (fault.kind, fault.status) == ("503", 503) and shell.faults.outcomes[fault.digest] == "again_ok"
    assert model.bodies[0] == model.bodies[2] and [step.text for step in shell.steps()] == ["here"]


# ---- content --------------------------------------------------------------------------------------------------

FILTER = "{'error': {'message': 'Content Exists Risk', 'type': 'invalid_request_error'}}"


def refuses(word: str) -> Any:
    return lambda body: word in messages(body)


async def test_a_message_that_a_filter_refuses_does_not_end_the_conversation() -> None:
    shell = Shell()
    shell.say("one")
    model = Adversary(refuses("poison"), FILTER)
    await work(shell, model)
    shell.say("poison")
    await work(shell, model)
    (left_out,) = of(shell, e.MessageLeftOut)
    assert (left_out.reason, left_out.files, left_out.model) == ("content_filter", (), "gpt-5")
    assert "Content Exists Risk" in left_out.detail
    assert isinstance(shell.last(), e.RunFinished)
    shell.say("two")
    refused = model.refused
    await work(shell, model)
    assert model.refused == refused, "it is left out of later requests"
    sent = messages(model.bodies[-1])
    assert "one" in sent and "two" in sent and "poison" not in sent and "content filter" in sent


async def test_what_was_left_out_can_be_taken_back_in_and_is_suspected_first_if_it_is_refused_again() -> None:
    shell = Shell()
    model = Adversary(refuses("poison"), FILTER)
    for text in ("poison", "two", "three"):
        shell.say(text)
        await work(shell, model)
    (left_out,) = of(shell, e.MessageLeftOut)
    shell.store(e.MessageTakenBack(at=1, message=left_out.message, by="Alice"))
    shell.say("four")
    await work(shell, model)
    again = of(shell, e.MessageLeftOut)[1:]
    assert [event.message for event in again] == [left_out.message]
    assert "four" in messages(model.bodies[-1]) and isinstance(shell.last(), e.RunFinished)
    shell.store(e.MessageTakenBack(at=1, message=left_out.message, by="Alice"))
    shell.say("five")
    other = Adversary(lambda body: False, "")
    await work(shell, other)
    assert "poison" in messages(other.bodies[-1]), "another provider may take it"


async def test_a_result_that_a_filter_refuses_is_left_out_and_its_call_stays() -> None:
    shell = Shell()
    shell.say("look")
    model = Adversary(refuses("red house"), FILTER, asks_for="look")
    await work(shell, model)
    (left_out,) = of(shell, e.MessageLeftOut)
    assert left_out.message == "run1.1" and isinstance(shell.last(), e.RunFinished)
    body = model.bodies[-1]
    assert body["messages"][2]["tool_calls"] and "The result is left out" in body["messages"][3]["content"]


async def test_what_an_old_release_has_left_behind_is_found_behind_newer_messages() -> None:
    shell = Shell()
    for text in ("poison", "two"):
        shell.say(text)
        run = shell.history.run
        assert run is not None
        shell.store(e.RunStarted(at=1, run=run.id, attempt=1, fence=1, worker="w"))
        shell.store(e.RunFailed(at=1, run=run.id, code="model_rejected"))
    shell.say("three")
    model = Adversary(refuses("poison"), FILTER)
    await work(shell, model)
    assert isinstance(shell.last(), e.RunFinished) and "three" in messages(model.bodies[-1])


async def test_an_innocent_message_is_not_left_out_when_an_older_one_is_refused() -> None:
    """A model that was changed: what the old one has answered the new one refuses."""
    shell = Shell()
    shell.say("poison")
    await work(shell, ScriptedModel(says("fine")))
    shell.say("innocent")
    model = Adversary(refuses("poison"), FILTER)
    await work(shell, model)
    assert isinstance(shell.last(), e.RunFinished)
    left_out = {event.message for event in of(shell, e.MessageLeftOut)}
    assert left_out == {shell.history.items[0].id} and "innocent" in messages(model.bodies[-1])


async def test_words_that_nobody_knows_may_be_those_of_a_filter() -> None:
    shell = Shell()
    shell.say("poison")
    model = Adversary(refuses("poison"), "¡No!")
    await work(shell, model)
    (left_out,) = of(shell, e.MessageLeftOut)
    assert left_out.reason == "refused" and isinstance(shell.last(), e.RunFinished)
    assert shell.learned.kept == [], "no form has helped"


async def test_a_prompt_that_a_filter_refuses_is_no_message_and_the_run_says_so() -> None:
    shell = Shell()
    shell.say("hello")
    await work(shell, Adversary(lambda body: True, FILTER))
    failed = shell.last()
    assert isinstance(failed, e.RunFailed) and failed.code == "content_refused"
    assert of(shell, e.MessageLeftOut) == []


async def test_a_picture_that_cannot_be_read_is_left_out_and_the_message_stays() -> None:
    shell = Shell()
    shell.files = Drawer()
    shell.say("what is this?", PHOTO)
    refused = '{"type":"invalid_request_error","message":"Could not process image"}'
    model = Adversary(refuses("image_url"), refused)
    await work(shell, model)
    (left_out,) = of(shell, e.MessageLeftOut)
    assert (left_out.reason, left_out.files) == ("image", ("i",)) and isinstance(shell.last(), e.RunFinished)
    sent = messages(model.bodies[-1])
    assert "what is this?" in sent and "photo.png. It is left out" in sent
    shell.say("and now?")
    refused_before = model.refused
    await work(shell, model)
    assert model.refused == refused_before


async def test_left_out_and_taken_back_in_the_history_are_each_others_opposite() -> None:
    shell = Shell()
    shell.say("text", PHOTO)
    before = shell.history
    item = before.items[0]
    gone = fold(before, e.MessageLeftOut(at=1, message=item.id, reason="image", files=("i",)), 9)
    assert gone.items[0].attachments == () and "photo.png" in gone.items[0].text  # type: ignore[union-attr]
    whole = fold(gone, e.MessageLeftOut(at=1, message=item.id, reason="content_filter"), 10)
    assert "text" not in whole.items[0].text.split()
    back = fold(whole, e.MessageTakenBack(at=1, message=item.id), 11)
    assert back.items[0].text == "text" and back.items[0].attachments == (PHOTO,)  # type: ignore[union-attr]
    assert fold(before, e.MessageLeftOut(at=1, message="gone", reason="image"), 9).items == before.items


# ---- nothing said ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("silence", [[], [TextDelta("  \n")]], ids=["", "blanks"])
async def test_silence_after_a_tool_that_succeeded_is_no_failure(silence: list[Any]) -> None:
    shell = Shell()
    shell.say("look")
    model = ScriptedModel(asks(("look", "{}")), [*silence, FinishDelta("stop")])
    await work(shell, model)
    finished = shell.last()
    assert isinstance(finished, e.RunFinished) and finished.limit == "no_answer"
    assert len(model.bodies) == 3, "it is asked once more"
    shell.say("go on")
    await work(shell, ScriptedModel(says("It is a red house.")))
    assert shell.steps()[-1].text == "It is a red house."


async def test_thinking_and_no_word_after_a_tool_is_no_failure_either() -> None:
    shell = Shell()
    shell.say("look")
    await work(shell, ScriptedModel(asks(("look", "{}")), [ReasoningDelta("hm"), FinishDelta("stop")]))
    assert isinstance(shell.last(), e.RunFinished)


async def test_silence_before_any_tool_is_a_failure() -> None:
    shell = Shell()
    shell.say("look")
    await work(shell, ScriptedModel([FinishDelta("stop")]))
    failed = shell.last()
    assert isinstance(failed, e.RunFailed) and failed.code == "model_error"
