"""The OpenAI-compatible endpoint: which conversation a request is, and what its client gets (rules W5, R4)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from agents.dialects.base import FinishDelta, TextDelta
from agents.errors import ModelError
from chat.models import Conversation, Message, Run
from tests.support.program_house import Events, House, Program
from tests.support.scripted import Pause, ScriptedModel, asks, says
from tests.support.waiting import eventually

Messages = list[dict[str, Any]]


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


async def complete(
    program: Program, messages: Messages | str, headers: Any = None, status: int = 200, **more: Any
) -> Any:
    given = [user(messages)] if isinstance(messages, str) else messages
    return await program.ask(
        "POST", "/chat/completions", {"model": "assistant", "messages": given, **more}, status, headers
    )


def text_of(completion: Any) -> str:
    return str(completion["choices"][0]["message"]["content"])


async def streamed(told: Events) -> str:
    """The text of a stream of chunks, which must end as it should."""
    events = await told.rest()
    assert events[-1]["data"] == "[DONE]", events[-1]
    chunks = [one.json for one in events[:-1]]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    return "".join(one["choices"][0]["delta"].get("content", "") for one in chunks if one["choices"])


async def said() -> list[str]:
    """All messages and notes, in the order in which they came."""
    return [
        f"{row.kind}: {row.body['text']}"
        async for row in Message.objects.order_by("id")
        if row.kind != "notice"
    ]


class TestAnswers:
    async def test_a_question_is_answered_whole_and_as_a_stream(self, house: House, program: Program) -> None:
        whole = await complete(program, "Hi")
        assert (whole["object"], whole["model"], text_of(whole)) == ("chat.completion", "assistant", "Hello!")
        assert whole["choices"][0]["finish_reason"] == "stop" and "total_tokens" in whole["usage"]
        body = {"model": "assistant", "messages": [user("Hi")], "stream": True}
        async with program.stream("/chat/completions", body, "POST") as told:
            assert await streamed(told) == "Hello!"

    async def test_tools_run_here_and_both_ways_have_one_answer(self, house: House, program: Program) -> None:
        house.gate.set()
        script = (asks(("look", "{}"), ("act", "{}"), text="Let me see."), says("It is seen."))
        house.model = ScriptedModel(*script)
        key = {"Idempotency-Key": "k"}
        body = {"model": "assistant", "messages": [user("Look!")], "stream": True}
        async with program.stream("/chat/completions", body, "POST", key) as told:
            text = await streamed(told)
        whole = await complete(program, "Look!", key)
        assert text == text_of(whole) == "Let me see.\n\nIt is seen."
        assert house.acted == 1 and await Run.objects.acount() == 1

    async def test_text_comes_as_it_streams(self, house: House, program: Program) -> None:
        pause = Pause()
        house.model = ScriptedModel([TextDelta("Hel"), pause, TextDelta("lo!"), FinishDelta("stop")])
        body = {"model": "assistant", "messages": [user("Hi")], "stream": True}
        async with program.stream("/chat/completions", body, "POST") as told:
            assert (await told.next() or {}) != {}
            second = await told.next()
            assert second is not None and second.json["choices"][0]["delta"] == {"content": "Hel"}
            pause.release.set()
            assert [one["data"] for one in await told.rest()][-1] == "[DONE]"

    async def test_usage_comes_last_where_it_was_asked_for(self, house: House, program: Program) -> None:
        body = {
            "model": "assistant",
            "messages": [user("Hi")],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        async with program.stream("/chat/completions", body, "POST") as told:
            last = (await told.rest())[-2].json
        assert last["choices"] == [] and last["usage"]["total_tokens"] >= 0

    async def test_a_run_that_fails_is_an_error_that_no_sdk_repeats(
        self, house: House, program: Program
    ) -> None:
        house.model = ScriptedModel([ModelError("model_auth", "The key is wrong.", status=401)])
        answer = await program.raw(
            "POST", "/chat/completions", {"model": "assistant", "messages": [user("Hi")]}
        )
        told = json.loads(answer.content)["error"]
        assert (answer.status_code, told["code"], answer["x-should-retry"]) == (502, "run_failed", "false")
        assert "refused the key" in told["message"]
        assert await Run.objects.acount() == 1

    async def test_models_are_agents(self, house: House, program: Program) -> None:
        found = await program.ask("GET", "/models")
        assert [one["id"] for one in found["data"]] == ["assistant"]
        assert (await program.ask("GET", "/models/assistant"))["object"] == "model"
        assert (await program.ask("GET", "/models/x", status=404))["error"]["code"] == "model_not_found"


class TestWhichConversation:
    async def test_what_goes_on_from_our_answer_goes_on_there(self, house: House, program: Program) -> None:
        house.model = ScriptedModel(says("One."), says("Two."), says("Three."))
        talk: Messages = [{"role": "system", "content": "Be short."}, user("First")]
        for question in ("Second", "Third", ""):
            talk.append({"role": "assistant", "content": text_of(await complete(program, talk))})
            talk.append(user(question))
        assert await Conversation.objects.acount() == 1
        assert await said() == [
            "note: The application says:\n\nBe short.",
            "message: First",
            "message: Second",
            "message: Third",
        ]

    async def test_content_in_parts_is_the_same_talk(self, house: House, program: Program) -> None:
        first = await complete(program, [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}])
        talk = [
            user("Hi"),
            {"role": "assistant", "content": [{"type": "text", "text": text_of(first)}]},
            user("And?"),
        ]
        await complete(program, talk)
        assert await Conversation.objects.acount() == 1

    async def test_two_that_go_on_from_the_same_place_part(self, house: House, program: Program) -> None:
        first = text_of(await complete(program, "Hi"))
        talk = [user("Hi"), {"role": "assistant", "content": first}]
        await complete(program, [*talk, user("This way")])
        await complete(program, [*talk, user("That way")])
        assert await Conversation.objects.acount() == 2
        assert (await said())[-2:] == [
            "note: What was said before, in the application:\n\nuser: Hi\n\nassistant: Hello!",
            "message: That way",
        ]

    async def test_where_the_owner_has_gone_on_meanwhile_another_one_begins(
        self, house: House, program: Program
    ) -> None:
        first = text_of(await complete(program, "Hi"))
        conversation = await Conversation.objects.aget()
        other = Program(program.headers["Authorization"].removeprefix("Bearer "), "/api/v1")
        await other.ask("POST", f"/conversations/{conversation.pk}/messages", {"text": "By the way"}, 201)
        await complete(program, [user("Hi"), {"role": "assistant", "content": first}, user("And?")])
        assert await Conversation.objects.acount() == 2

    async def test_what_was_said_elsewhere_is_told_in_a_note(self, house: House, program: Program) -> None:
        talk = [user("Hi"), {"role": "assistant", "content": "Somebody else's answer"}, user("And?")]
        await complete(program, talk)
        assert (await said())[0].endswith("user: Hi\n\nassistant: Somebody else's answer")

    async def test_a_conversation_may_be_named(self, house: House, program: Program) -> None:
        answer = await program.raw(
            "POST", "/chat/completions", {"model": "assistant", "messages": [user("Hi")]}
        )
        place = {"Holdfast-Conversation": answer["Holdfast-Conversation"]}
        await complete(program, "And?", place)
        assert await Conversation.objects.acount() == 1
        bob = await get_user_model().objects.acreate(username="bob")
        other = Program(await house.token(owner=bob), "/v1")
        await complete(other, "Mine?", place, 404)
        assert await said() == ["message: Hi", "message: And?"]


class TestSurviving:
    async def test_W5_the_same_key_is_the_same_run(self, house: House, program: Program) -> None:
        house.model = ScriptedModel(says("Once."), says("Twice."))
        key = {"Idempotency-Key": "k1"}
        answers = [await complete(program, "Hi", key) for _ in range(3)]
        assert [text_of(one) for one in answers] == ["Once."] * 3 and len({one["id"] for one in answers}) == 1
        assert await Run.objects.acount() == 1
        refused = await complete(program, "Other", key, 409)
        assert refused["error"]["code"] == "id_reused"

    async def test_W5_a_client_that_is_cut_off_finds_the_run_and_its_answer(
        self, house: House, program: Program
    ) -> None:
        pause = Pause()
        house.model = ScriptedModel([TextDelta("Hel"), pause, TextDelta("lo again!"), FinishDelta("stop")])
        key = {"Idempotency-Key": "k2"}
        body = {"model": "assistant", "messages": [user("Hi")], "stream": True}
        async with program.stream("/chat/completions", body, "POST", key) as told:
            await told.next()
            await told.next()
        waiting = asyncio.create_task(complete(program, "Hi", key))
        async with program.stream("/chat/completions", body, "POST", key) as told:
            pause.release.set()
            assert await streamed(told) == "Hello again!"
        assert text_of(await waiting) == "Hello again!"
        assert await Run.objects.acount() == 1

    async def test_W5_at_the_same_moment(self, house: House, program: Program) -> None:
        key = {"Idempotency-Key": "k3"}
        answers = await asyncio.gather(*(complete(program, "Hi", key) for _ in range(5)))
        assert len({(one["id"], text_of(one)) for one in answers}) == 1
        assert await Run.objects.acount() == 1

    async def test_W5_an_sdks_own_second_try_is_known_without_a_key(
        self, house: House, program: Program
    ) -> None:
        first = await complete(program, "Hi")
        again = await complete(program, "Hi", {"X-Stainless-Retry-Count": "1"})
        assert first["id"] == again["id"] and await Run.objects.acount() == 1
        fresh = await complete(program, "Hi", {"X-Stainless-Retry-Count": "0"})
        assert fresh["id"] != first["id"]

    async def test_R4_what_a_dead_worker_had_begun_to_say_is_not_mixed_with_what_comes_instead(
        self, house: House, program: Program
    ) -> None:
        pause = Pause()
        house.model = ScriptedModel([TextDelta("Perhaps"), pause], says("Certainly."))
        key = {"Idempotency-Key": "k4"}
        body = {"model": "assistant", "messages": [user("Hi")], "stream": True}
        async with program.stream("/chat/completions", body, "POST", key) as told:
            await told.next()
            assert ((await told.next()) or {"data": ""})["data"].count("Perhaps") == 1
            dead = house.tasks[-1]
            dead.cancel()
            await asyncio.wait({dead})
            house.pool = house.worker("w2")
            run = await Run.objects.aget()
            lease = await house.sessions.store.lease(str(run.conversation_id))
            if lease is not None:
                await house.sessions.store.release(str(run.conversation_id), lease)
            await house.enqueue(str(run.conversation_id), run.run)
            last = (await told.rest())[-1].json
        assert last["error"]["code"] == "stream_restarted"
        assert text_of(await complete(program, "Hi", key)) == "Certainly."
        assert await Run.objects.acount() == 1

    async def test_W8_a_client_waits_with_the_run_for_its_owners_word(
        self, house: House, program: Program
    ) -> None:
        house.asks_before = ("act",)
        house.gate.set()
        house.model = ScriptedModel(asks(("act", "{}")), says("Done."))
        waiting = asyncio.create_task(complete(program, "Do it"))
        other = Program(program.headers["Authorization"].removeprefix("Bearer "), "/api/v1")

        async def asked() -> Any:
            row = await Conversation.objects.afirst()
            state = (
                await other.ask("GET", f"/conversations/{row.pk}") if row and row.head_seq else {"items": []}
            )
            calls = [call for item in state["items"] for call in item.get("calls", [])]
            return next(((state["id"], one) for one in calls if one["status"] == "awaiting_approval"), None)

        conversation, call = await eventually(asked, 20, "the call to ask")
        said = {"decision": "approve", "digest": call["approval"]["digest"]}
        await other.ask("POST", f"/conversations/{conversation}/calls/{call['id']}/decision", said)
        assert text_of(await waiting) == "Done." and house.acted == 1


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({}, 400, "invalid"),
            ({"model": "assistant", "messages": []}, 400, "invalid"),
            ({"model": "assistant", "messages": [1]}, 400, "invalid"),
            ({"model": "assistant", "messages": [{"role": "user"}]}, 400, "invalid"),
            ({"model": "assistant", "messages": [{"role": "pope", "content": "x"}]}, 400, "invalid"),
            ({"model": "assistant", "messages": [{"role": "assistant", "content": "x"}]}, 400, "invalid"),
            ({"model": "assistant", "messages": [{"role": "user", "content": "x" * 32_001}]}, 400, "invalid"),
            (
                {"model": "assistant", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
                400,
                "unsupported",
            ),
            (
                {"model": "assistant", "messages": [{"role": "user", "content": [{"type": "text"}]}]},
                400,
                "invalid",
            ),
            (
                {"model": "assistant", "messages": [{"role": "user", "content": "x"}], "tools": [{}]},
                400,
                "invalid",
            ),
            ({"model": "assistant", "messages": [{"role": "user", "content": "x"}], "n": 2}, 400, "invalid"),
            ({"model": "nobody", "messages": [{"role": "user", "content": "x"}]}, 404, "model_not_found"),
            (b"{", 400, "bad_json"),
        ],
    )
    async def test_each_says_what_is_wrong_as_these_clients_read_it(
        self, house: House, program: Program, body: Any, status: int, code: str
    ) -> None:
        told = await program.ask("POST", "/chat/completions", body, status)
        assert told["error"]["code"] == code and told["error"]["message"]
        assert not await Conversation.objects.aexists()

    async def test_W11_it_takes_tokens_that_may_read_and_write(self, house: House) -> None:
        for scopes in (("read",), ("write",), ("decide", "delete")):
            limited = Program(await house.token(*scopes), "/v1")
            assert (await complete(limited, "Hi", status=403))["error"]["code"] == "scope"
        assert (await complete(Program("", "/v1"), "Hi", status=401))["error"][
            "type"
        ] == "authentication_error"
        slow = Program(await house.token("read", per_minute=1), "/v1")
        assert (await slow.raw("GET", "/models")).status_code == 200
        refused = await slow.raw("GET", "/models")
        assert (refused.status_code, refused["x-should-retry"]) == (429, "true")
        assert 50 < int(refused["Retry-After"]) <= 60


class TestResponses:
    async def ask(self, program: Program, headers: Any = None, status: int = 200, **body: Any) -> Any:
        return await program.ask("POST", "/responses", {"model": "assistant", **body}, status, headers)

    async def test_a_response_and_one_that_goes_on_from_it(self, house: House, program: Program) -> None:
        first = await self.ask(program, input="Hi", instructions="Be short.", metadata={"a": "b"})
        assert (first["status"], first["output_text"], first["metadata"]) == (
            "completed",
            "Hello!",
            {"a": "b"},
        )
        assert first["output"][0]["content"][0]["text"] == "Hello!"
        second = await self.ask(program, input="And?", previous_response_id=first["id"])
        assert second["conversation"] == first["conversation"]
        assert second["previous_response_id"] == first["id"]
        branch = await self.ask(program, input="Or?", previous_response_id=first["id"])
        assert branch["conversation"] != first["conversation"]
        assert (await said())[-2:] == [
            "note: What was said before, in the application:\n\nuser: Hi\n\nassistant: Hello!",
            "message: Or?",
        ]

    async def test_a_stream_has_its_events_in_order(self, house: House, program: Program) -> None:
        body = {"model": "assistant", "input": "Hi", "stream": True}
        async with program.stream("/responses", body, "POST") as told:
            events = await told.rest()
        kinds = [one["event"] for one in events]
        assert kinds[:2] == ["response.created", "response.in_progress"] and kinds[-1] == "response.completed"
        assert [one.json["sequence_number"] for one in events] == list(range(len(events)))
        assert "".join(one.json.get("delta", "") for one in events) == "Hello!"
        assert events[-1].json["response"]["output_text"] == "Hello!"

    async def test_one_in_the_background_is_asked_for_later_and_stopped(
        self, house: House, program: Program
    ) -> None:
        house.model = ScriptedModel(asks(("act", "{}")), says("Done."))
        made = await self.ask(program, input="Do it", background=True)
        assert made["status"] == "in_progress"
        await house.busy.wait()
        assert (await program.ask("GET", f"/responses/{made['id']}"))["status"] == "in_progress"
        await program.ask("POST", f"/responses/{made['id']}/cancel")

        async def ended() -> Any:
            now = await program.ask("GET", f"/responses/{made['id']}")
            return now if now["status"] != "in_progress" else None

        assert (await eventually(ended, 20, "the response to end"))["status"] == "cancelled"

    async def test_of_somebody_else_there_is_nothing(self, house: House, program: Program) -> None:
        made = await self.ask(program, input="Hi")
        bob = await get_user_model().objects.acreate(username="bob")
        other = Program(await house.token(owner=bob), "/v1")
        for method, path in (("GET", ""), ("POST", "/cancel")):
            assert (await other.ask(method, f"/responses/{made['id']}{path}", status=404))["error"][
                "code"
            ] == "not_found"
        await self.ask(other, status=404, input="And?", previous_response_id=made["id"])
        await self.ask(other, status=404, input="And?", conversation=made["conversation"]["id"])
        await self.ask(program, status=404, input="And?", previous_response_id="resp_²")


async def test_what_is_spent_for_the_day_is_told_as_a_quota_and_begins_nothing(
    house: House, program: Program, settings: Any
) -> None:
    settings.HOLDFAST_DOLLARS_PER_DAY = 1
    await complete(program, "Hi")
    await Run.objects.aupdate(cost=10**9)
    body = {"model": "assistant", "messages": [user("More")]}
    answer = await program.raw("POST", "/chat/completions", body)
    error = json.loads(answer.content)["error"]
    assert (answer.status_code, error["code"], error["type"]) == (429, "money_spent", "insufficient_quota")
    assert int(answer["Retry-After"]) > 0 and answer["x-should-retry"] == "false"
    assert await Conversation.objects.acount() == 1
