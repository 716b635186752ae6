"""The socket of a real web process, with real clients (rules W1–W11)."""

import asyncio
import json
import signal
import uuid

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from chat.commands import MAX_TEXT
from chat.entrances.web import protocol as p
from chat.entrances.web.connection import CLOSE_POLICY
from tests.support.processes import Stack
from tests.support.tab import Tab, log_in
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def web(database_template):
    """A web process whose heart beats fast. No worker: runs stay queued."""
    with Stack(template=database_template, env={"HOLDFAST_HEARTBEAT_MS": "400"}) as stack:
        stack.start("web")
        yield stack


@pytest.fixture
async def alice(web):
    return await log_in(web, "alice")


@pytest.fixture
async def bob(web):
    return await log_in(web, "bob")


class TestWhoMayConnect:
    @pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1.evil.example", None])
    async def test_W11_a_socket_that_another_site_opens_is_refused(self, web, alice, origin):
        cookie = "; ".join(f"{name}={value}" for name, value in alice.items())
        address = web.address.replace("http", "ws") + "/ws"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(address, origin=origin, additional_headers={"Cookie": cookie}):
                pass
        assert refused.value.response.status_code == 403

    async def test_W11_where_the_site_stands_is_not_taken_from_a_client(self, web, alice):
        for value in (b"/evil", b"\xff\xfe"):
            reader, writer = await asyncio.open_connection("127.0.0.1", web.web_port)
            host = f"127.0.0.1:{web.web_port}".encode()
            writer.write(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nDaphne-Root-Path: " + value + b"\r\n\r\n")
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            assert b" 302 " in answer.splitlines()[0]
            assert b"location: /accounts/login/" in answer.lower()
            writer.close()
        assert "Traceback" not in web.process("web").output()

    async def test_W11_without_a_login_it_is_told_so_and_closed_for_good(self, web):
        async with Tab(web, None, greet=False) as tab:
            assert (await tab.hears("goaway"))["reason"] == "logged_out"
            await eventually(lambda: tab.close_code == 4401, 5, "the socket to be closed with 4401")

    async def test_W11_a_made_up_cookie_is_no_login(self, web):
        async with Tab(web, {"sessionid": "x" * 32}, greet=False) as tab:
            assert (await tab.hears("goaway"))["reason"] == "logged_out"

    async def test_other_addresses_have_no_socket(self, web, alice):
        cookie = "; ".join(f"{name}={value}" for name, value in alice.items())
        with pytest.raises(InvalidStatus, match="HTTP 403"):
            async with connect(
                web.address.replace("http", "ws") + "/other",
                origin=web.address,
                additional_headers={"Cookie": cookie},
            ):
                pass


class TestConversation:
    async def test_W1_W2_what_one_tab_does_another_sees_as_a_chain_of_events(self, web, alice):
        async with Tab(web, alice) as one, Tab(web, alice) as two:
            conversation = await one.create()
            await one.open(conversation)
            synced = await two.open(conversation)
            result = await one.message(conversation, "你好 <b>🙂</b>")
            assert result["status"] == "applied"
            for tab in (one, two):
                await eventually(
                    lambda tab=tab: any(f["cursor"] == result["cursor"] for f in tab.all("event")),
                    5,
                    "the head to be reached",
                )
            events = two.all("event", conversation=conversation)
            assert events[0]["prev"] == synced["cursor"]
            assert [frame["prev"] for frame in events[1:]] == [frame["cursor"] for frame in events[:-1]]
            assert events[0]["event"]["type"] == "message.added"
            assert events[0]["event"]["text"] == "你好 <b>🙂</b>"
            assert events == one.all("event", conversation=conversation)

    async def test_W1_a_tab_that_comes_back_gets_a_snapshot_or_with_its_cursor_only_synced(self, web, alice):
        async with Tab(web, alice) as tab:
            conversation = await tab.create()
            cursor = (await tab.message(conversation, "Hello"))["cursor"]
        async with Tab(web, alice) as tab:
            assert (await tab.open(conversation))["cursor"] == cursor
            snapshot = tab.all("snapshot")[0]
            assert [item["text"] for item in snapshot["state"]["items"]] == ["Hello"]
            assert snapshot["state"]["run"]["status"] == "queued"
        async with Tab(web, alice) as tab:
            await tab.open(conversation, cursor=cursor)
            assert tab.all("snapshot") == []

    async def test_W3_heartbeats_carry_the_heads_of_what_is_open(self, web, alice):
        async with Tab(web, alice) as tab:
            open_one, other = await tab.create(), await tab.create()
            synced = await tab.open(open_one)
            await tab.hears("heartbeat", heads={open_one: synced["cursor"]})
            assert not any(other in frame["heads"] for frame in tab.all("heartbeat"))

    async def test_W10_a_large_snapshot_comes_in_pieces_and_no_frame_is_over_the_limit(self, web, alice):
        async with Tab(web, alice) as tab:
            conversation = await tab.create()
            texts = [str(number) + "字" * (MAX_TEXT - 10) for number in range(14)]
            for text in texts:
                assert (await tab.message(conversation, text))["status"] == "applied"
                await asyncio.sleep(0.1)  # within the rate of a socket
        async with Tab(web, alice) as tab:
            await tab.open(conversation)
            pieces = tab.all("snapshot")
            assert len(pieces) > 1 and tab.largest <= p.MAX_FRAME_OUT
            assert [piece["piece"] for piece in pieces] == list(range(1, len(pieces) + 1))
            assert [item["text"] for piece in pieces for item in piece["state"]["items"]] == texts
            # The socket still works after it.
            await tab.message(conversation, "and on")
            await tab.hears("event")

    async def test_a_deleted_conversation_is_gone_from_every_tab(self, web, alice):
        async with Tab(web, alice) as one, Tab(web, alice) as two:
            conversation = await one.create()
            await two.open(conversation)
            assert (await one.command(conversation, kind="delete"))["status"] == "applied"
            await eventually(
                lambda: two.all("resync", conversation=conversation) or two.all("gone"), 10, "two to be told"
            )
            await two.say(type="open", conversation=conversation)
            await two.hears("gone", conversation=conversation)

    async def test_the_list_bell_rings_for_all_tabs_of_its_user_and_for_nobody_else(self, web, alice, bob):
        async with Tab(web, alice) as one, Tab(web, alice) as two, Tab(web, bob) as other:
            await one.create()
            await one.hears("list")
            await two.hears("list")
            await other.hears("heartbeat")
            assert other.all("list") == []


class TestCommands:
    async def test_W5_the_same_id_again_has_the_same_result_and_one_effect(self, web, alice):
        async with Tab(web, alice) as tab:
            conversation = await tab.create()
            await tab.open(conversation)
            id, message = str(uuid.uuid4()), str(uuid.uuid4())
            body = {"kind": "send", "message": message, "text": "once"}
            first = await tab.command(conversation, id, **body)
            again = [await tab.command(conversation, id, **body) for _ in range(3)]
            assert first["status"] == "applied"
            assert [result["status"] for result in again] == ["duplicate"] * 3
            other = await tab.command(conversation, id, **{**body, "text": "twice"})
            assert (other["status"], other["code"]) == ("rejected", "id_reused")
        async with Tab(web, alice) as tab:
            await tab.open(conversation)
            assert [item["text"] for item in tab.all("snapshot")[0]["state"]["items"]] == ["once"]

    async def test_W6_closing_the_socket_stops_nothing_and_stop_does(self, web, alice):
        async with Tab(web, alice) as tab:
            conversation = await tab.create()
            await tab.message(conversation, "work")
        async with Tab(web, alice) as tab:
            await tab.open(conversation)
            assert tab.all("snapshot")[0]["state"]["run"]["status"] == "queued"
            assert (await tab.command(conversation, kind="stop"))["status"] == "applied"
            await eventually(
                lambda: any(f["event"]["type"] == "run.stopped" for f in tab.all("event")), 5, "stopped"
            )

    async def test_commands_are_carried_out_in_the_order_in_which_they_were_sent(self, web, alice):
        async with Tab(web, alice) as tab:
            conversation = str(uuid.uuid4())
            bodies = [{"kind": "create", "agent": "", "title": "t"}]
            bodies += [{"kind": "send", "message": str(uuid.uuid4()), "text": str(n)} for n in range(5)]
            for body in bodies:
                await tab.say(type="command", id=str(uuid.uuid4()), conversation=conversation, body=body)
            await tab.open(conversation)
            texts = [item["text"] for item in tab.all("snapshot")[0]["state"]["items"]]
            assert texts == ["0", "1", "2", "3", "4"]


class TestOwnership:
    async def test_W11_bob_sees_nothing_of_alices_and_does_nothing_to_it(self, web, alice, bob):
        async with Tab(web, alice) as hers, Tab(web, bob) as his:
            conversation = await hers.create()
            await hers.open(conversation)
            await hers.message(conversation, "a secret")
            for cursor in ({}, {"cursor": hers.all("synced")[0]["cursor"]}):
                await his.say(type="open", conversation=conversation, **cursor)
                await eventually(lambda: his.all("gone", conversation=conversation), 5, "gone")
                his.frames.clear()
            bodies = (
                {"kind": "send", "message": str(uuid.uuid4()), "text": "hello"},
                {"kind": "stop"},
                {"kind": "rename", "title": "mine"},
                {"kind": "delete"},
                {"kind": "settle", "call": "000000000", "decision": "happened"},
                {"kind": "approve", "call": "000000000", "digest": "d", "decision": "approve"},
                {"kind": "create", "agent": "", "title": "mine"},
            )
            for body in bodies:
                result = await his.command(conversation, **body)
                assert (result["status"], result["code"], result["cursor"]) == ("rejected", "not_found", None)
            await hers.message(conversation, "still here")
            await his.hears("heartbeat")
            assert not [frame for frame in his.frames if frame["type"] not in ("result", "heartbeat", "list")]
            assert "secret" not in json.dumps(his.frames)
            nowhere = await his.command(str(uuid.uuid4()), kind="stop")
            assert (nowhere["status"], nowhere["code"]) == ("rejected", "not_found")


class TestBadFrames:
    async def test_W11_bad_frames_get_errors_and_the_socket_lives_on(self, web, alice):
        async with Tab(web, alice) as tab:
            bad = [
                "nonsense",
                "{}",
                "[" * 5_000,
                b"\x00\xff",
                "字" * 50_000,
                '{"type":"open","conversation":"x"}',
            ]
            for number, data in enumerate(bad, start=1):
                await tab.send(data)
                await eventually(lambda number=number: len(tab.all("error")) == number, 5, "an error")
            assert [frame["code"] for frame in tab.all("error")] == ["bad_frame"] * 4 + [
                "too_large",
                "bad_frame",
            ]
            await tab.say(type="ping")
            await tab.hears("pong")
        assert "Traceback" not in web.process("web").output(100_000)

    async def test_W11_a_flood_is_refused_and_then_closed(self, web, alice):
        async with Tab(web, alice) as tab:
            for _ in range(400):
                try:
                    await tab.say(type="ping")
                except Exception:
                    break
            await eventually(lambda: tab.close_code == CLOSE_POLICY, 10, "the flood to be cut off")
            assert {frame["code"] for frame in tab.all("error")} == {"too_fast"}
        async with Tab(web, alice) as tab:
            await tab.say(type="ping")
            await tab.hears("pong")


class TestGoaway:
    async def test_W11_logging_out_ends_the_sockets_of_that_login(self, web, alice):
        other_login = await log_in(web, "alice")
        async with Tab(web, alice) as here, Tab(web, other_login) as there:
            async with httpx.AsyncClient(base_url=web.address, cookies=alice) as client:
                token = (await client.get("/api/boot")).json()["csrf"]
                answer = await client.post("/accounts/logout/", data={"csrfmiddlewaretoken": token})
                assert answer.status_code == 302
            assert (await here.hears("goaway"))["reason"] == "logged_out"
            await eventually(lambda: here.close_code == 4401, 5, "the socket to be closed with 4401")
            await there.say(type="ping")
            await there.hears("pong")
            assert there.all("goaway") == []

    async def test_W11_a_deactivated_user_is_cut_off_within_three_heartbeats(self, web, bob):
        async with Tab(web, bob) as tab:
            web.sql("UPDATE auth_user SET is_active = ? WHERE username = 'bob'", False)
            try:
                assert (await tab.hears("goaway"))["reason"] == "logged_out"
            finally:
                web.sql("UPDATE auth_user SET is_active = ? WHERE username = 'bob'", True)

    async def test_W9_a_server_that_stops_says_when_to_come_back(self, database_template):
        with Stack(template=database_template) as stack:
            stack.start("web")
            alice = await log_in(stack, "alice")
            async with Tab(stack, alice) as tab:
                conversation = await tab.create()
                await tab.open(conversation)
                stack.process("web").signal(signal.SIGTERM)
                goaway = await tab.hears("goaway")
                assert goaway["reason"] == "restart" and 0 <= goaway["after_ms"] <= 5_000
                await eventually(lambda: tab.close_code is not None, 5, "the socket to be closed")
            assert stack.process("web").stop() in (0, -15)
            assert "Traceback" not in stack.process("web").output(100_000)


class TestStoreAway:
    async def test_W9_while_redis_is_away_an_opening_is_unavailable_and_works_again_later(
        self, database_template
    ):
        with Stack(template=database_template, env={"HOLDFAST_HEARTBEAT_MS": "400"}) as stack:
            stack.start("web")
            alice = await log_in(stack, "alice")
            async with Tab(stack, alice) as tab:
                conversation = await tab.create()
                await tab.message(conversation, "Hello")
                stack.valkey.kill()
                await tab.say(type="open", conversation=conversation)
                error = await tab.hears("error", conversation=conversation)
                assert (error["code"], error["retry"]) == ("unavailable", True)
                result = await tab.message(conversation, "while away")
                assert (result["status"], result["code"], result["retry"]) == (
                    "rejected",
                    "unavailable",
                    True,
                )
                await tab.hears("heartbeat")
                with pytest.raises(InvalidStatus, match="HTTP 403"):
                    async with Tab(stack, alice):
                        pass
                assert "Exception inside application" not in stack.process("web").output(100_000)
                stack.valkey.start()

                async def opens():
                    await tab.say(type="open", conversation=conversation)
                    await asyncio.sleep(0.3)
                    return tab.all("synced", conversation=conversation)

                await eventually(opens, 20, "the conversation to open again")
                assert tab.all("snapshot")[-1]["state"]["items"][0]["text"] == "Hello"
                async with Tab(stack, alice) as other:
                    await other.open(conversation)
