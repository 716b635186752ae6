"""A conversation as server-sent events: from where one is, nothing twice and nothing missing (rules W1–W4)."""

from __future__ import annotations

import asyncio
import random
import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents.dialects.base import FinishDelta, TextDelta
from chat.entrances.api import stream
from chat.following import MAX_MISSED, Following
from chat.models import Event as Row
from chat.runtime import current
from chat.session.contract import Position
from chat.support.clock import now_ms
from chat.tokens import store
from chat.tokens.limits import MAX_OPEN, limits
from chat.tokens.models import ApiToken
from tests.support.program_house import Event, House, Program
from tests.support.scripted import Pause, ScriptedModel, asks, says
from tests.support.waiting import eventually


async def begun(program: Program, text: str = "Hi") -> str:
    made = await program.ask("POST", "/conversations", {"text": text}, 201)
    return str(made["conversation"])


def events_of(conversation: str) -> str:
    return f"/conversations/{conversation}/events"


async def journal(conversation: str) -> list[tuple[int, str]]:
    rows = Row.objects.filter(conversation_id=conversation).order_by("seq")
    return [(row.seq, row.tag) async for row in rows]


def place(event: Event) -> tuple[int, str]:
    found = Position.parse(event["id"])
    assert found is not None and event.json["cursor"] == event["id"]
    return found.seq, found.tag


class TestFollowing:
    async def test_W1_a_snapshot_first_then_every_event_and_the_text_that_streams(
        self, house: House, program: Program
    ) -> None:
        pause = Pause()
        house.model = ScriptedModel([TextDelta("Hel"), pause, TextDelta("lo!"), FinishDelta("stop")])
        conversation = await begun(program)
        async with program.stream(events_of(conversation)) as told:
            first = await told.until("snapshot")
            assert [item["text"] for item in first.json["items"]][:1] == ["Hi"]
            await pause.reached.wait()
            part = first.json["part"] or (await told.until("part")).json
            assert (part["kind"], part["offset"]) == ("text", 0) and part["text"]
            pause.release.set()
            finished = await told.until("event", "step.finished")
            assert finished.json["event"]["text"] == "Hello!"
            last = await told.until("event", "run.finished")
            assert place(last) == (await journal(conversation))[-1]

    async def test_W2_who_comes_back_gets_what_came_after_and_nothing_twice(
        self, house: House, program: Program
    ) -> None:
        house.working = False
        conversation = await begun(program)
        async with program.stream(events_of(conversation)) as told:
            cursor = (await told.until("snapshot"))["id"]
        for n in range(3):
            await program.ask("PATCH", f"/conversations/{conversation}", {"title": f"Title {n}"})
        async with program.stream(events_of(conversation), headers={"Last-Event-ID": cursor}) as told:
            seen = [await told.next() for _ in range(2)]
        assert [one.json["event"]["title"] for one in seen if one] == ["Title 0", "Title 1"]
        assert seen[-1] is not None
        async with program.stream(f"{events_of(conversation)}?cursor={seen[-1]['id']}") as told:
            third = await told.next()
        assert third is not None and third.json["event"]["title"] == "Title 2"

    async def test_W2_links_that_drop_at_any_moment_lose_nothing(
        self, house: House, program: Program
    ) -> None:
        """Twenty events, a reader that leaves after each few, and a store that is emptied in between."""
        rng = random.Random(15)
        house.working = False
        conversation = await begun(program)
        async with program.stream(events_of(conversation)) as told:
            snapshot = await told.until("snapshot")
        cursor, seen = snapshot["id"], [place(snapshot)]
        for n in range(20):
            await program.ask("PATCH", f"/conversations/{conversation}", {"title": f"Title {n}"})
        head = (await journal(conversation))[-1]
        while seen[-1] != head:
            if rng.random() < 0.4:
                house.sessions.store.flush()  # type: ignore[attr-defined]
            async with program.stream(events_of(conversation), headers={"Last-Event-ID": cursor}) as told:
                for _ in range(rng.randint(1, 4)):
                    one = await told.next()
                    assert one is not None and one["event"] == "event"
                    cursor = one["id"]
                    seen.append(place(one))
                    if seen[-1] == head:
                        break
        assert seen == (await journal(conversation))[seen[0][0] - 1 :]

    async def test_S6_a_store_that_is_lost_while_somebody_reads_costs_no_event(
        self, house: House, program: Program
    ) -> None:
        house.working = False
        conversation = await begun(program)
        async with program.stream(events_of(conversation)) as told:
            seen = [place(await told.until("snapshot"))]
            for n in range(4):
                house.sessions.store.flush()  # type: ignore[attr-defined]
                await program.ask("PATCH", f"/conversations/{conversation}", {"title": f"Title {n}"})
                seen.append(place(await told.until("event", "conversation.renamed")))
        assert seen == (await journal(conversation))[seen[0][0] - 1 :]

    @pytest.mark.parametrize(
        "cursor",
        ["x", "a:1:b", "a:3:ffffffffffffffff", "a:99999999999999999999:b", "9" * 100, "a:0:b", "²:1:a"],
    )
    async def test_W2_a_place_that_never_was_gets_a_snapshot(
        self, house: House, program: Program, cursor: str
    ) -> None:
        conversation = await begun(program)
        async with program.stream(
            events_of(conversation), headers={"Last-Event-ID": cursor.encode().decode("latin-1")}
        ) as told:
            first = await told.next()
            assert first is not None and first["event"] == "snapshot"

    async def test_who_missed_very_many_gets_a_snapshot(self, house: House, program: Program) -> None:
        house.working = False
        conversation = await begun(program)
        async with program.stream(events_of(conversation)) as told:
            cursor = (await told.until("snapshot"))["id"]

        def many(view: Any) -> list[Any]:
            from agents import events as e

            return [e.ConversationRenamed(at=now_ms(), title=f"T{n}") for n in range(50)]

        for _ in range(MAX_MISSED // 50 + 1):
            await house.sessions.append(conversation, many)
        async with program.stream(events_of(conversation), headers={"Last-Event-ID": cursor}) as told:
            first = await told.next()
            assert first is not None and first["event"] == "snapshot"

    async def test_a_deleted_conversation_is_gone_and_the_stream_ends(
        self, house: House, program: Program
    ) -> None:
        conversation = await begun(program)
        async with program.stream(events_of(conversation)) as told:
            await told.until("snapshot")
            await program.ask("DELETE", f"/conversations/{conversation}")
            assert (await told.rest())[-1]["event"] == "gone"

    async def test_R4_a_worker_that_dies_is_told_and_the_run_goes_on(
        self, house: House, program: Program
    ) -> None:
        pause = Pause()
        house.model = ScriptedModel(asks(("look", "{}")), [TextDelta("Hal"), pause], says("Hello again!"))
        conversation = await begun(program)
        async with program.stream(events_of(conversation)) as told:
            await pause.reached.wait()
            dead = house.tasks[-1]
            dead.cancel()
            await asyncio.wait({dead})
            house.pool = house.worker("w2")
            run = (await house.sessions.load(conversation)).state["run"]
            assert run is not None
            lease = await house.sessions.store.lease(conversation)
            if lease is not None:
                await house.sessions.store.release(conversation, lease)
            await house.enqueue(conversation, str(run["id"]))  # type: ignore[index]
            finished = await told.until("event", "run.finished")
        assert place(finished) == (await journal(conversation))[-1]


class TestReaders:
    async def test_a_token_that_ends_ends_its_streams(self, house: House, program: Program) -> None:
        conversation = await begun(program)
        row = await ApiToken.objects.afirst()
        assert row is not None
        bearer = await sync_to_async(store.again)(row.pk, now_ms())
        assert bearer is not None
        following = Following(current().feed, house.sessions.journal, conversation, quiet_s=0.05)
        told = stream.events(following, conversation, "", bearer, check_s=0.1)
        assert (await anext(told)).startswith("retry:") and "event: snapshot" in await anext(told)
        await sync_to_async(store.revoke)(row.pk, now_ms())
        assert [one async for one in told if not one.startswith((":", "id:", "event: part"))] == []

    async def test_silence_is_told(self, house: House, program: Program) -> None:
        house.working = False
        conversation = await begun(program)
        row = await ApiToken.objects.afirst()
        bearer = await sync_to_async(store.again)(row.pk if row else uuid.uuid4(), now_ms())
        assert bearer is not None
        following = Following(current().feed, house.sessions.journal, conversation, quiet_s=0.05)
        told = stream.events(following, conversation, "", bearer)
        lines = [await anext(told) for _ in range(4)]
        assert lines[2:] == [": still here\n\n"] * 2
        await told.aclose()

    async def test_W11_a_token_has_so_many_streams_and_they_are_given_back(
        self, house: House, program: Program
    ) -> None:
        conversation = await begun(program)
        row = await ApiToken.objects.afirst()
        assert row is not None
        opened = [limits.open(row.pk) for _ in range(MAX_OPEN - 1)]
        for one in opened:
            one.__enter__()
        async with program.stream(events_of(conversation)) as told:
            await told.until("snapshot")
            refused = await program.ask("GET", events_of(conversation), status=429)
            assert refused["code"] == "too_many_open"
        async with program.stream(events_of(conversation)) as told:
            await told.until("snapshot")
        for one in opened:
            one.__exit__(None, None, None)
        await eventually(lambda: current().feed.watched == 0, 5, "nothing to be watched any more")

    async def test_a_slow_reader_is_told_everything_all_the_same(
        self, house: House, program: Program
    ) -> None:
        house.working = False
        conversation = await begun(program)
        async with program.stream(events_of(conversation)) as told:
            seen = [place(await told.until("snapshot"))]
            for n in range(30):
                await program.ask("PATCH", f"/conversations/{conversation}", {"title": f"Title {n}"})
            await asyncio.sleep(0.2)
            for _ in range(30):
                seen.append(place(await told.until("event", "conversation.renamed")))
        assert seen == (await journal(conversation))[seen[0][0] - 1 :]
