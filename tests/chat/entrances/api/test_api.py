"""The HTTP API: what each route does, for whom, and how it refuses (rules W5, W7, W8, W11)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from agents.models import Agent
from chat.models import Conversation, Event, Message
from chat.support.clock import now_ms
from chat.tokens.models import ApiToken
from tests.support.program_house import House, Program
from tests.support.scripted import ScriptedModel, asks, says
from tests.support.waiting import eventually


async def begun(program: Program, text: str = "Hi", **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = await program.ask("POST", "/conversations", {"text": text, **fields}, 201)
    return found


async def over(program: Program, made: dict[str, Any]) -> dict[str, Any]:
    """The run that answers, once it is over."""

    async def look() -> Any:
        run = await program.ask("GET", f"/conversations/{made['conversation']}/runs/{made['run']}")
        return run if run["status"] in ("finished", "failed", "stopped") else None

    found: dict[str, Any] = await eventually(look, 20, "the run to be over")
    return found


async def open_call(program: Program, made: dict[str, Any], status: str) -> dict[str, Any]:
    """The call of the newest step, once it is in this state."""

    async def look() -> Any:
        state = await program.ask("GET", f"/conversations/{made['conversation']}")
        calls = [call for item in state["items"] for call in item.get("calls", [])]
        return next((call for call in calls if call["status"] == status), None)

    found: dict[str, Any] = await eventually(look, 20, f"a call that is {status}")
    return found


class TestConversations:
    async def test_a_message_goes_in_and_the_answer_comes_out(self, house: House, program: Program) -> None:
        made = await begun(program, "What is new?", title="News")
        assert (await over(program, made)) == {
            "id": made["run"],
            "status": "finished",
            "text": "Hello!",
            "ending": "",
        }
        state = await program.ask("GET", f"/conversations/{made['conversation']}")
        assert [item["text"] for item in state["items"]] == ["What is new?", "Hello!"]
        assert (state["title"], state["run"]["status"], state["part"]) == ("News", "finished", None)
        said = await Message.objects.aget(kind="message")
        assert said.body["origin"] == {"entrance": "api", "name": "alice (CI)"}

    async def test_the_next_message_and_its_pages(self, house: House, program: Program) -> None:
        made = await begun(program)
        await over(program, made)
        said = await program.ask(
            "POST", f"/conversations/{made['conversation']}/messages", {"text": "And?"}, 201
        )
        await over(program, {**made, "run": said["run"]})
        path, seen, before = f"/conversations/{made['conversation']}/items?limit=1", [], ""
        while True:
            page = await program.ask("GET", path + before)
            seen += [item["text"] for item in page["items"]]
            if page["next"] is None:
                break
            before = f"&before={page['next']}"
        assert seen == ["Hello!", "And?", "Hello!", "Hi"]

    async def test_the_list_pages_over_equal_times(self, house: House, program: Program) -> None:
        house.working = False
        ids = [(await begun(program, f"Number {n}"))["conversation"] for n in range(5)]
        await Conversation.objects.all().aupdate(updated_at=now_ms())
        seen, after = [], ""
        while True:
            page = await program.ask("GET", f"/conversations?limit=2&after={after}")
            seen += [one["id"] for one in page["conversations"]]
            after = page["next"]
            if after is None:
                break
        assert sorted(seen) == sorted(ids) and len(seen) == 5
        found = await program.ask("GET", "/conversations?q=number 3")
        assert [one["title"] for one in found["conversations"]] == ["Number 3"]

    async def test_W5_the_same_key_is_the_same_request_however_often(
        self, house: House, program: Program
    ) -> None:
        key = {"Idempotency-Key": "order 1".replace(" ", "-")}
        answers = [await program.ask("POST", "/conversations", {"text": "Once"}, 201, key) for _ in range(3)]
        assert len({(one["conversation"], one["message"], one["run"]) for one in answers}) == 1
        assert [one["status"] for one in answers] == ["applied", "duplicate", "duplicate"]
        path = f"/conversations/{answers[0]['conversation']}/messages"
        said = [await program.ask("POST", path, {"text": "More"}, 201, key) for _ in range(2)]
        assert said[0]["message"] == said[1]["message"]
        assert await Message.objects.filter(kind="message").acount() == 2
        refused = await program.ask("POST", path, {"text": "Other"}, 409, key)
        assert refused["code"] == "id_reused"

    async def test_W5_a_key_is_its_users_alone(self, house: House, program: Program) -> None:
        bob = await get_user_model().objects.acreate(username="bob")
        other = Program(await house.token(owner=bob), "/api/v1")
        key = {"Idempotency-Key": "1"}
        mine = await program.ask("POST", "/conversations", {"text": "Mine"}, 201, key)
        theirs = await other.ask("POST", "/conversations", {"text": "Theirs"}, 201, key)
        assert mine["conversation"] != theirs["conversation"]

    async def test_a_title_is_changed_and_a_conversation_deleted(
        self, house: House, program: Program
    ) -> None:
        made = await begun(program)
        path = f"/conversations/{made['conversation']}"
        await program.ask("PATCH", path, {"title": "Other"})
        assert (await program.ask("GET", path))["title"] == "Other"
        await program.ask("DELETE", path)
        assert (await program.ask("GET", path, status=404))["code"] == "not_found"
        assert (await program.ask("POST", f"{path}/messages", {"text": "Hi"}, 404))["code"] == "not_found"

    async def test_another_agent_answers_from_here_on(self, house: House, program: Program) -> None:
        await Agent.objects.acreate(slug="second", name="S", model="m", base_url="http://localhost/v1")
        made = await begun(program)
        await over(program, made)
        path = f"/conversations/{made['conversation']}/agent"
        await program.ask("PUT", path, {"agent": "second"})
        shown = await program.ask("GET", f"/conversations/{made['conversation']}")
        assert shown["agent"] == "second" and shown["items"][-1]["kind"] == "agent"
        assert (await program.ask("PUT", path, {"agent": "gone"}, 422))["code"] == "agent_missing"
        assert (await program.ask("PUT", path, {}, 422))["code"] == "invalid"

    async def test_agents_are_those_that_may_be_asked(self, house: House, program: Program) -> None:
        await Agent.objects.acreate(slug="closed", name="C", enabled=False)
        found = await program.ask("GET", "/agents")
        assert [one["slug"] for one in found["agents"]] == ["assistant"]
        refused = await program.ask("POST", "/conversations", {"agent": "closed"}, 422)
        assert refused["code"] == "agent_missing"


class TestDeciding:
    async def test_R7_a_run_is_stopped(self, house: House, program: Program) -> None:
        house.model = ScriptedModel(asks(("act", "{}")), says("Done."))
        made = await begun(program)
        await house.busy.wait()
        path = f"/conversations/{made['conversation']}/stop"
        assert (await program.ask("POST", path, {"run": str(uuid.uuid4())}, 409))["code"] == "no_run"
        await program.ask("POST", path, {})
        assert (await over(program, made))["status"] == "stopped"

    @pytest.mark.parametrize(("decision", "acted"), [("approve", 1), ("refuse", 0)])
    async def test_W8_a_call_that_asks_is_decided_once(
        self, house: House, program: Program, decision: str, acted: int
    ) -> None:
        house.asks_before = ("act",)
        house.gate.set()
        house.model = ScriptedModel(asks(("act", "{}")), says("Done."))
        made = await begun(program)
        call = await open_call(program, made, "awaiting_approval")
        path = f"/conversations/{made['conversation']}/calls/{call['id']}/decision"
        wrong = await program.ask("POST", path, {"decision": decision, "digest": "0" * 64}, 409)
        assert wrong["code"] == "wrong_digest"
        said = {"decision": decision, "digest": call["approval"]["digest"], "note": "Because."}
        await program.ask("POST", path, said)
        assert (await program.ask("POST", path, said, 409))["code"] in ("already_decided", "already_settled")
        assert (await over(program, made))["text"] == "Done."
        assert house.acted == acted
        whole = await program.ask("GET", f"/conversations/{made['conversation']}/calls/{call['id']}")
        assert whole["result"] == "acted" if acted else "Because." in whole["result"]

    async def test_W7_a_call_that_is_not_in_doubt_is_not_settled(
        self, house: House, program: Program
    ) -> None:
        made = await begun(program)
        path = f"/conversations/{made['conversation']}/calls/nothing/settlement"
        assert (await program.ask("POST", path, {"decision": "happened"}, 404))["code"] == "unknown_call"


ROUTES: list[tuple[str, str, Any, str]] = [
    ("GET", "/agents", None, "read"),
    ("GET", "/conversations", None, "read"),
    ("POST", "/conversations", {}, "write"),
    ("GET", "/conversations/{id}", None, "read"),
    ("PATCH", "/conversations/{id}", {"title": "T"}, "write"),
    ("DELETE", "/conversations/{id}", None, "delete"),
    ("PUT", "/conversations/{id}/agent", {"agent": "assistant"}, "write"),
    ("GET", "/conversations/{id}/items", None, "read"),
    ("GET", "/conversations/{id}/events", None, "read"),
    ("POST", "/conversations/{id}/messages", {"text": "Hi"}, "write"),
    ("GET", "/conversations/{id}/runs/{id}", None, "read"),
    ("POST", "/conversations/{id}/stop", {}, "write"),
    ("GET", "/conversations/{id}/calls/c", None, "read"),
    ("POST", "/conversations/{id}/calls/c/decision", {"decision": "refuse", "digest": "d"}, "decide"),
    ("POST", "/conversations/{id}/calls/c/settlement", {"decision": "happened"}, "decide"),
]


class TestWhoMay:
    async def test_W11_every_route_is_here_with_its_scope(self, house: House, program: Program) -> None:
        described = await program.ask("GET", "/openapi.json")
        paths = {
            (method.upper(), path.removeprefix("/api/v1"))
            for path, methods in described["paths"].items()
            for method in methods
        }
        tried = {
            (
                method,
                path.replace("{id}", "{conversation}", 1).replace("{id}", "{run}").replace("/c", "/{call}"),
            )
            for method, path, _, _ in ROUTES
        }
        named = {
            (m, p.replace("/{call}onversations", "/conversations").replace("/{call}alls", "/calls"))
            for m, p in tried
        }
        assert paths == named | {("GET", "/token")}

    async def test_W11_each_scope_opens_its_routes_and_no_other(self, house: House, program: Program) -> None:
        house.working = False
        for scope in ("read", "write", "decide", "delete"):
            limited = Program(await house.token(scope), "/api/v1")
            for method, path, body, needed in ROUTES:
                id = (await begun(program))["conversation"]
                answer = await limited.raw(method, path.replace("{id}", id), body)
                if answer.streaming:
                    assert scope == needed
                    await aiter(answer).aclose()
                    continue
                told = json.loads(answer.content)
                refused = answer.status_code == 403 and told["code"] == "scope"
                assert refused == (scope != needed), (scope, method, path, told)
                if refused:
                    assert f'scope="{needed}"' in answer["WWW-Authenticate"]

    async def test_W11_what_is_somebody_elses_is_as_if_it_were_not(
        self, house: House, program: Program
    ) -> None:
        bob = await get_user_model().objects.acreate(username="bob")
        other = Program(await house.token(owner=bob), "/api/v1")
        house.working = False
        id, nowhere = (await begun(program))["conversation"], str(uuid.uuid4())
        before = await Event.objects.acount()
        for method, path, body, _ in ROUTES:
            if "{id}" not in path:
                continue
            answers = [await other.raw(method, path.replace("{id}", one), body) for one in (id, nowhere)]
            assert [one.status_code for one in answers] == [404, 404], (method, path)
            assert answers[0].content == answers[1].content
        assert await Event.objects.acount() == before
        assert (await other.ask("GET", "/conversations"))["conversations"] == []

    @pytest.mark.parametrize(
        "shown", ["", "Bearer", "Bearer holdfast_x", "Basic YTpi", "Bearer ²", "Bearer " + "x" * 9000]
    )
    async def test_W11_without_a_token_there_is_nothing(self, house: House, shown: str) -> None:
        stranger = Program("", "/api/v1")
        stranger.headers = {"Authorization": shown} if shown else {}
        for method, path, body, _ in ROUTES:
            answer = await stranger.raw(method, path.replace("{id}", str(uuid.uuid4())), body)
            assert answer.status_code == 401 and answer["Content-Type"] == "application/problem+json"
            assert answer["WWW-Authenticate"].startswith("Bearer")

    async def test_W11_a_login_is_no_token(self, house: House) -> None:
        stranger = Program("", "/api/v1")
        await stranger._client.aforce_login(house.owner)
        assert (await stranger.ask("GET", "/conversations", status=401))["code"] == "unauthorized"

    async def test_W11_of_a_disabled_user_and_of_a_revoked_token(
        self, house: House, program: Program
    ) -> None:
        house.owner.is_active = False
        await house.owner.asave()
        assert (await program.ask("GET", "/agents", status=403))["code"] == "disabled"
        house.owner.is_active = True
        await house.owner.asave()
        await ApiToken.objects.all().aupdate(revoked_at=now_ms())
        assert (await program.ask("GET", "/agents", status=401))["code"] == "unauthorized"

    async def test_the_token_says_of_itself_what_it_is(self, house: House) -> None:
        program = Program(await house.token("read", per_minute=42), "/api/v1")
        told = await program.ask("GET", "/token")
        assert (told["user"], told["name"], told["scopes"], told["per_minute"]) == (
            "alice",
            "CI",
            ["read"],
            42,
        )


class TestRefusals:
    async def test_W11_too_fast_says_truly_when(self, house: House) -> None:
        program = Program(await house.token("read", per_minute=4), "/api/v1")
        assert (await program.raw("GET", "/agents")).status_code == 200
        refused = await program.raw("GET", "/agents")
        assert refused.status_code == 429 and 10 < int(refused["Retry-After"]) <= 15
        assert json.loads(refused.content)["retry"] is True

    @pytest.mark.parametrize(
        ("method", "path", "body", "status", "code"),
        [
            ("POST", "/conversations", b"{", 400, "bad_json"),
            ("POST", "/conversations", b"\xff", 400, "bad_json"),
            ("POST", "/conversations", b"[1]", 422, "invalid"),
            ("POST", "/conversations", {"text": ""}, 422, "invalid"),
            ("POST", "/conversations", {"text": " \n"}, 422, "invalid"),
            ("POST", "/conversations", {"text": "x" * 32_001}, 422, "invalid"),
            ("POST", "/conversations", {"colour": "red"}, 422, "invalid"),
            ("POST", "/conversations", b'{"text": "' + b"x" * 1_000_000 + b'"}', 413, "too_large"),
            ("GET", "/conversations?limit=0", None, 422, "invalid"),
            ("GET", "/conversations?limit=x", None, 422, "invalid"),
            ("GET", "/conversations?" + "a&" * 1_001, None, 413, "too_large"),
            ("GET", "/conversations/1", None, 404, "not_found"),
            ("GET", "/nothing", None, 404, "not_found"),
            ("GET", "/", None, 404, "not_found"),
            ("GET", "/conversations/%0A/calls/%0Ax", None, 404, "not_found"),
            ("PUT", "/conversations", {}, 405, "method_not_allowed"),
        ],
    )
    async def test_each_is_a_problem_that_says_what_to_do(
        self, house: House, program: Program, method: str, path: str, body: Any, status: int, code: str
    ) -> None:
        answer = await program.raw(method, path, body)
        told = json.loads(answer.content)
        assert (answer.status_code, answer["Content-Type"], told["code"]) == (
            status,
            "application/problem+json",
            code,
        )
        assert told["type"] == f"urn:holdfast:problem:{code}" and told["title"] and told["detail"]
        assert told["status"] == status and (code != "invalid" or told["fields"])

    async def test_it_speaks_chinese(self, house: House, program: Program) -> None:
        told = await program.ask("GET", "/nothing", status=404, headers={"Accept-Language": "zh-CN"})
        assert told["title"] == "未找到"

    async def test_U_0000_and_halves_of_pairs_are_replaced_at_the_door(
        self, house: House, program: Program
    ) -> None:
        made = await program.ask("POST", "/conversations", b'{"text": "a\\u0000b\\ud800c"}', 201)
        state = await program.ask("GET", f"/conversations/{made['conversation']}")
        assert state["items"][0]["text"] == "a\ufffdb\ufffdc"

    async def test_what_nobody_foresaw_is_told_without_a_word_of_it(
        self, house: House, program: Program, caplog: pytest.LogCaptureFixture
    ) -> None:
        id = (await begun(program))["conversation"]
        store = house.sessions.store
        house.sessions.store = None  # type: ignore[assignment]
        told = await program.ask("GET", f"/conversations/{id}", status=500)
        house.sessions.store = store
        assert told["code"] == "failed" and "Traceback" not in json.dumps(told)
        assert "A request of a program failed." in caplog.text


async def test_what_is_spent_for_the_day_is_a_429_that_says_when_it_is_free_again(
    house: House, program: Program, settings: Any
) -> None:
    settings.HOLDFAST_RUNS_PER_DAY = 1
    made = await begun(program)
    await over(program, made)
    key = {"Idempotency-Key": "k1"}
    answer = await program.raw("POST", f"/conversations/{made['conversation']}/messages", {"text": "x"}, key)
    told = json.loads(answer.content)
    assert (answer.status_code, told["code"], told["retry"]) == (429, "runs_spent", True)
    assert 0 < int(answer["Retry-After"]) <= 24 * 3600 and "00:00 UTC" in told["detail"]
    assert (await program.raw("POST", "/conversations", {"text": "Hi"})).status_code == 429
    assert await Conversation.objects.acount() == 1, "none in which nothing could be said"
    settings.HOLDFAST_RUNS_PER_DAY = 0
    said = await program.ask(
        "POST", f"/conversations/{made['conversation']}/messages", {"text": "x"}, 201, key
    )
    assert said["status"] == "applied", "the same key, when there is room"


async def test_conversations_of_programs_have_a_limit_and_deleting_one_makes_room(
    house: House, program: Program, settings: Any
) -> None:
    settings.HOLDFAST_CONVERSATIONS_PER_USER = 1
    made = await begun(program)
    full = await program.ask("POST", "/conversations", {"text": "Hi"}, 409)
    assert full["code"] == "conversations_full"
    await program.ask("DELETE", f"/conversations/{made['conversation']}")
    await begun(program)
