"""Gemini's generateContent: its requests, its stream, and whole conversations in it over real HTTP."""

import base64
from collections.abc import AsyncIterator, Callable, Sequence
from copy import deepcopy
from typing import Any

import pytest

from agents import events as e
from agents.attachments import FileContent
from agents.dialects.assembler import Assembler, Response
from agents.dialects.gemini.request import NO_SIGNATURE
from agents.dialects.gemini.stream import GeminiContents, Reader, base_of
from agents.dialects.http import close_clients
from agents.dialects.opening import open_model
from agents.dialects.requests import render, validate
from agents.errors import ModelError
from agents.history import History, empty, fold
from agents.profiles import get
from agents.spec import AgentSpec
from agents.tools import Toolbox, tool
from agents.transcript.room import ModelSettings
from tests.support.broken import A, B, call, done, say, step
from tests.support.native_streams import function_call, gemini_chunks, gemini_reply, said, thought
from tests.support.provider import Json, Provider, Reply, json_reply
from tests.support.shell import Shell
from tests.support.strict_provider import refusal, strict

NATIVE = get("gemini-native")
PRO = "gemini-3-pro"
AGENT = AgentSpec("a", "A", "You help.", PRO, profile="gemini-native", tools=("look",))
ROME = {"word": "Rome"}
SIGNED = base64.b64encode(b"signed").decode()


@pytest.fixture(autouse=True)
async def _closed_clients() -> AsyncIterator[None]:
    yield
    await close_clients()


def read(chunks: Sequence[Json]) -> Response:
    reader, assembler = Reader(PRO), Assembler()
    for one in chunks:
        for delta in reader.read(one):
            assembler.feed(delta)
    return assembler.response()


def calls(response: Response) -> list[tuple[str, str, str]]:
    return [(one.name, one.arguments, one.state) for one in response.calls]


def told(*events: e.Event) -> History:
    history = empty("c")
    for seq, event in enumerate(events, start=1):
        history = fold(history, event, seq)
    return history


def asked(history: History, model: str = PRO, **more: Any) -> Json:
    body = render(history, NATIVE, ModelSettings(model, "You help.", **more))
    assert validate(body, NATIVE) == []
    assert refusal("gemini-native", body) is None
    return body


# What comes


def test_a_response_with_thoughts_text_and_parallel_calls_of_one_kind() -> None:
    response = read(
        gemini_chunks(thought("Which "), thought("Rome?"), said("Let me "), said("see."),
                      function_call("look", ROME, SIGNED), function_call("look", ROME))
    )  # fmt: skip
    assert (response.text, response.reasoning) == ("Let me see.", "Which Rome?")
    assert calls(response) == [("look", '{"word": "Rome"}', "ok")] * 2
    assert [one.extra for one in response.calls] == [{"thoughtSignature": SIGNED}, None]
    assert (response.usage.input, response.usage.output, response.usage.cached) == (12, 7, 3)
    assert (response.finish, response.ended) == ("tool_calls", True)


def test_a_call_without_arguments_and_one_with_an_id() -> None:
    bare = {"functionCall": {"name": "now"}}
    response = read(gemini_chunks(bare, function_call("look", ROME, id="call_9")))
    assert calls(response) == [("now", "{}", "ok"), ("look", '{"word": "Rome"}', "ok")]
    assert [one.provider_id for one in response.calls] == ["", "call_9"]


def test_A8_a_call_that_is_to_go_on_does_not_run() -> None:
    half = {"functionCall": {"name": "pay", "args": {"to": "Al"}, "willContinue": True}}
    response = read(gemini_chunks(half, function_call("look", ROME)))
    assert [(name, state) for name, _, state in calls(response)] == [("pay", "truncated"), ("look", "ok")]


def test_a_signature_that_comes_with_words_or_with_none_is_kept() -> None:
    assert read(gemini_chunks(said("Hi", SIGNED))).replay == ({"type": "text", "thoughtSignature": SIGNED},)
    assert read(gemini_chunks(said("Hi"), said("", SIGNED))).replay == (
        {"type": "text", "thoughtSignature": SIGNED},
    )


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("RECITATION", "content_filter"),
     ("MALFORMED_FUNCTION_CALL", "malformed_function_call"), ("OTHER", "other")],
)  # fmt: skip
def test_reasons(reason: str, finish: str) -> None:
    assert read(gemini_chunks(said("Hi"), finish=reason)).finish == finish


def test_a_prompt_that_is_blocked() -> None:
    response = read(
        [{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}}]
    )
    assert (response.text, response.finish, response.usage.input) == ("", "content_filter", 4)


def test_R5_a_stream_without_its_last_chunk_has_not_ended() -> None:
    response = read(gemini_chunks(said("Hel"), said("lo"))[:-1])
    assert (response.ended, response.text) == (False, "Hel")


def test_what_is_not_as_it_should_be_is_passed_over() -> None:
    odd: list[Json] = [
        {}, {"candidates": []}, {"candidates": [7]}, {"candidates": [{"content": {"parts": ["x", {"text": 5}]}}]},
        {"candidates": [{"content": {"role": "model"}}]}, {"candidates": None, "usageMetadata": "?"},
        {"candidates": [{"content": {"parts": [{"executableCode": {}}]}}]}, {"promptFeedback": {}},
    ]  # fmt: skip
    assert read([*odd, *gemini_chunks(said("Hi"))]).text == "Hi"


def test_an_error_within_the_stream() -> None:
    error = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    with pytest.raises(ModelError) as caught:
        read([*gemini_chunks(said("Hel"), said("lo"))[:1], error])
    assert (caught.value.code, caught.value.retry) == ("model_busy", True)


# What is sent


def signed_step(*, issuer: str = PRO, text: str = "") -> list[e.Event]:
    """A step with two calls as the loop stores it, the first signed, and their results."""
    asks = (call(A, arguments='{"word": "Rome"}'), call(B, 1))
    replay: dict[str, Any] = {"calls": {"0": {"thoughtSignature": SIGNED}}}
    if text:
        replay["items"] = [{"type": "text", "thoughtSignature": SIGNED}]
    finished = step("r.1", *asks, text=text, issuer=NATIVE.issuer(issuer), replay=replay)
    return [*finished, done("r.1", B), done("r.1", A, "It is a city.")]


def test_V14_signatures_go_back_at_the_parts_they_came_with() -> None:
    body = asked(told(say("m1", "Rome?"), *signed_step(text="Hm.")))
    words, first, second = body["contents"][1]["parts"]
    assert words == {"text": "Hm.", "thoughtSignature": SIGNED}
    assert (first["thoughtSignature"], "thoughtSignature" in second) == (SIGNED, False)
    assert body["contents"][2] == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": A, "name": "clock", "response": {"output": "It is a city."}}},
            {"functionResponse": {"id": B, "name": "clock", "response": {"output": "12:00"}}},
        ],
    }


def test_V14_another_model_gets_the_documented_stand_in() -> None:
    body = asked(told(say("m1", "Rome?"), *signed_step(issuer="gemini-3-flash", text="Hm.")))
    assert SIGNED not in str(body)
    assert body["contents"][1]["parts"][1]["thoughtSignature"] == NO_SIGNATURE


def test_a_failed_result_says_so_in_the_field_for_it() -> None:
    failed = e.CallSettled(
        at=1, step="r.1", call=A, attempt=1, status="failed", result="No such word.", preview="", size=1
    )
    body = asked(told(say("m1"), *step("r.1", call(A)), failed))
    response = body["contents"][2]["parts"][0]["functionResponse"]
    assert response["response"] == {"error": "No such word."}


def test_results_stay_in_a_turn_of_their_own() -> None:
    body = asked(
        told(say("m1"), *step("r.1", call(A)), done("r.1", A), say("m2", "Stop."), say("m3", "Rome?"))
    )
    assert [[next(iter(part)) for part in turn["parts"]] for turn in body["contents"]] == [
        ["text"], ["functionCall"], ["functionResponse"], ["text"], ["text", "text"],
    ]  # fmt: skip
    assert [turn["role"] for turn in body["contents"]] == ["user", "model", "user", "model", "user"]
    del body["contents"][3]
    assert "V8" in {one.rule for one in validate(body, NATIVE)}


@pytest.mark.parametrize(
    ("model", "asks"),
    [("gemini-3-pro", True), ("gemini-2.5-flash", True), ("gemini-flash-latest", True), ("gemini-4-argon", True),
     ("models/gemini-3.8-flash", True), ("gemini-2.0-flash", False), ("gemini-2.5-flash-image", False), ("m-1", False)],
)  # fmt: skip
def test_only_models_that_think_are_asked_for_their_thoughts(model: str, asks: bool) -> None:
    assert ("generationConfig" in asked(told(say("m1")), model)) == asks


def test_a_picture_and_one_of_a_kind_that_is_not_taken() -> None:
    files = (
        e.AttachmentRef(id="f1", name="a.png", media_type="image/png", size=3),
        e.AttachmentRef(id="f2", name="b.gif", media_type="image/gif", size=3),
    )
    message = e.MessageAdded(at=1, message="m1", text="Look.", attachments=files)
    contents = {"f1": FileContent("image/png", b"png"), "f2": FileContent("image/gif", b"gif")}
    parts = asked(told(message), files=contents)["contents"][0]["parts"]
    assert {"inlineData": {"mimeType": "image/png", "data": "cG5n"}} in parts
    assert any("image/gif" in part.get("text", "") for part in parts)


def test_tools_are_declared_by_their_json_schema() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "additionalProperties": False}
    tools = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}}]
    declared = asked(told(say("m1")), tools=tools)["tools"]
    assert declared == [
        {"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": schema}]}
    ]


Break = Callable[[Json], Any]
BREAKS: dict[str, Break] = {
    "V1": lambda body: body["contents"][2]["parts"].pop(),
    "V2": lambda body: body["contents"].append(deepcopy(body["contents"][2])),
    "V3": lambda body: body["contents"][2]["parts"].append({"inlineData": {"mimeType": "x"}}),
    "V4": lambda body: body["contents"][2]["parts"].append(deepcopy(body["contents"][2]["parts"][0])),
    "V7": lambda body: body["contents"][2]["parts"].reverse(),
    "V9": lambda body: body["contents"][0]["parts"].append({"text": ""}),
    "V10": lambda body: body["contents"][1]["parts"][0]["functionCall"].update(args="{}"),
    "V11": lambda body: body["contents"].pop(),
    "V14": lambda body: body["contents"][1]["parts"][0].pop("thoughtSignature"),
    "V16": lambda body: body["contents"][1]["parts"][0]["functionCall"].update(name=""),
}


@pytest.mark.parametrize("rule", BREAKS)
def test_the_gate_and_the_strict_provider_both_find_what_is_broken(rule: str) -> None:
    body = deepcopy(asked(told(say("m1", "Rome?"), *signed_step())))
    BREAKS[rule](body)
    assert rule in {one.rule for one in validate(body, NATIVE)}
    assert refusal("gemini-native", body) is not None


# Whole conversations


def toolbox() -> Toolbox:
    @tool(effect="read_only")
    def look(word: str) -> str:
        """Look a word up.

        Args:
            word: the word
        """
        return f"{word} means something"

    return Toolbox([look])


def thinking_provider(path: str, body: Json) -> Reply:
    """Thinks, asks for two tools at once, signs as the real one does, and answers when it has their results."""
    assert path.endswith("/models/gemini-3-pro:streamGenerateContent?alt=sse")
    signature = base64.b64encode(str(len(body["contents"])).encode()).decode()
    if any("functionResponse" in part for part in body["contents"][-1]["parts"]):
        return gemini_reply(gemini_chunks(thought("Now I know."), said("Done."), said("", signature)))
    asks = [function_call("look", ROME, signature), function_call("look", ROME)]
    return gemini_reply(gemini_chunks(thought("I must look."), *asks))


async def test_a_conversation_with_signatures_carried_over() -> None:
    shell = Shell()
    async with Provider(strict("gemini-native", thinking_provider)) as provider:
        for text in ("one", "two"):
            shell.say(text)
            await shell.work(AGENT, GeminiContents(f"{provider.url}beta", "AIza"), toolbox())
            assert isinstance(shell.last(), e.RunFinished)
    assert not [one for one in shell.log if isinstance(one, e.RunRetrying)]
    assert [step.text for step in shell.steps()] == ["", "Done.", "", "Done."]
    last = provider.requests[-1]
    signatures = [
        part["thoughtSignature"]
        for turn in last["contents"]
        for part in turn["parts"]
        if "thoughtSignature" in part
    ]
    assert [base64.b64decode(one).decode() for one in signatures] == ["1", "3", "5"]
    assert "model" not in last
    assert "I must look" not in str(last)
    assert provider.headers[-1]["x-goog-api-key"] == "AIza"
    assert "authorization" not in provider.headers[-1]


@pytest.mark.parametrize(
    ("configured", "base"),
    [
        ("https://generativelanguage.googleapis.com", "https://generativelanguage.googleapis.com/v1beta"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "https://generativelanguage.googleapis.com/v1beta"),
        ("https://generativelanguage.googleapis.com/v1", "https://generativelanguage.googleapis.com/v1"),
        ("http://proxy.test/v1beta1/projects/p/locations/l/publishers/google",
         "http://proxy.test/v1beta1/projects/p/locations/l/publishers/google"),
    ],
)  # fmt: skip
def test_bases_that_are_understood(configured: str, base: str) -> None:
    assert base_of(configured) == base


async def test_a_server_that_answers_with_one_list_instead_of_a_stream() -> None:
    shell = Shell()
    shell.say("Hi")
    chunks = gemini_chunks(said("Hel"), said("lo"))
    async with Provider(lambda path, body: json_reply(200, chunks)) as provider:
        await shell.work(AGENT, GeminiContents(provider.url), toolbox())
    assert [step.text for step in shell.steps()] == ["Hello"]


def test_the_profile_chooses_the_dialect() -> None:
    assert isinstance(open_model(AGENT, "k"), GeminiContents)
