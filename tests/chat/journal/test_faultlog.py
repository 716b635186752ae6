"""Refused requests, usage and summaries on their way from a run to SQL and the admin (T2, T5), over both stores."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents import events as e
from agents.dialects.base import FinishDelta, TextDelta, UsageDelta
from agents.errors import TranscriptRefused
from agents.history import Summary
from agents.models import Agent, ensure_default_agent
from agents.serving.keys import environment_keys
from agents.spec import Prices, RunLimits
from chat import models as m
from chat.commands import CreateBody
from chat.session.sessions import Sessions
from tests.chat.runs.test_runner import SPEC, House
from tests.support.scripted import Line, Pause, ScriptedModel, asks, says
from tests.support.waiting import eventually

KEY = "sk-very-secret-key-of-ours"
PRICES = Prices(Decimal(2), Decimal("0.5"), Decimal(1))


@pytest.fixture(autouse=True)
def secrets_and_bells(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.HOLDFAST_MODEL_KEYS = {"https://spare.example": KEY}


@pytest.fixture
async def house(sessions: Sessions, alice: Any) -> AsyncIterator[House]:
    await sync_to_async(ensure_default_agent)()
    made = House(sessions, alice.pk)
    made.bench.gate.set()
    await made.submit(CreateBody(kind="create", title="T"))
    yield made
    for task in made.tasks:
        task.cancel()


def used(text: str, tokens: tuple[int, int, int]) -> list[Line]:
    usage = e.Usage(input=tokens[0], output=tokens[1], cached=tokens[2])
    return [TextDelta(text), UsageDelta(usage), FinishDelta("stop")]


async def faults(house: House) -> list[m.Fault]:
    rows = m.Fault.objects.filter(conversation_id=house.conversation).order_by("id")
    return [row async for row in rows]


async def test_T5_a_refusal_leaves_a_row_with_what_was_sent_and_what_followed(house: House):
    await house.ask(f"my key is {KEY} \0")
    refused = TranscriptRefused("E8", f"tool_call_id  is not found ({KEY})", status=400)
    await house.finish(house.worker(ScriptedModel(asks(("look", "{}")), [refused], says("As text, then."))))
    (row,) = await faults(house)
    assert (row.kind, row.status, row.outcome, row.text_only) == ("E8", 400, "text_ok", False)
    assert "is not found" in row.text and row.model == "scripted" and row.address == SPEC.base_url
    sent = json.loads(row.request)
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "tool"]
    assert KEY not in row.request + row.text and "[key]" in row.request
    step = (await house.steps())[-1]
    assert step["id"] == row.step and step["text"] == "As text, then."
    assert (await house.run())["status"] == "finished"


async def test_T5_what_was_refused_once_is_not_sent_by_the_next_owner(house: House):
    """The first owner leaves while the text-only form is being answered; the journal tells the second one, who tries
    the forms in their order."""
    await house.ask()
    refused = TranscriptRefused("E8", "tool_call_id  is not found", status=400)
    pause = Pause()
    first = house.worker(model := ScriptedModel(asks(("look", "{}")), [refused], [TextDelta("As"), pause]))
    task = house.start(first)
    await eventually(pause.reached.is_set, 10, "the text-only answer to begin")
    first.leave()
    await task
    unlike = TranscriptRefused("E8", "tool_call_id  is not found", status=400)
    second = ScriptedModel([unlike], says("As text."))
    await house.finish(house.worker(second, "w2"))
    assert len(model.bodies) == 3 and second.bodies[0] != model.bodies[1]
    assert not any(message["role"] == "tool" for message in second.bodies[-1]["messages"])
    row, *_ = await faults(house)
    assert row.outcome == "", "nobody claims to know what followed for the owner that left"
    assert (await house.run())["status"] == "finished"


async def test_usage_is_added_up_for_step_run_and_conversation(house: House):
    assert house.spec is not None
    house.spec = replace(house.spec, prices=PRICES)
    for text in ("one", "two"):
        await house.ask(text)
        await house.finish(house.worker(ScriptedModel(used(text, (1000, 100, 400)))))
    cost = 600 * 2_000 + 400 * 1_000 + 100 * 500
    state = await house.state()
    once = {"input": 1000, "output": 100, "cached": 400, "cost": cost}
    assert state["run"]["usage"] == once
    assert state["info"]["usage"] == {name: 2 * value for name, value in once.items()}
    columns = ("input_tokens", "output_tokens", "cached_tokens", "cost")
    for kind, factor in ((m.Step, 1), (m.Run, 1)):
        rows = kind.objects.filter(conversation_id=house.conversation).values_list(*columns)
        assert [row async for row in rows] == [(1000 * factor, 100, 400, cost)] * 2
    row = await m.Conversation.objects.values_list(*columns).aget(id=house.conversation)
    assert row == (2000, 200, 800, 2 * cost)


async def test_without_prices_no_cost_is_made_up(house: House):
    await house.ask()
    await house.finish(house.worker(ScriptedModel(used("hi", (1000, 100, 0)))))
    assert (await house.state())["info"]["usage"]["cost"] is None


async def test_T2_a_summary_is_stored_and_the_next_owner_has_it(house: House):
    assert house.spec is not None
    house.spec = replace(house.spec, limits=RunLimits(window_tokens=2_000))

    class Model:
        """Answers, and summarises where it is asked to."""

        def stream(self, body: Any) -> Any:
            asked = str(body["messages"][0]["content"]).startswith("You summarise")
            return ScriptedModel(used("So far: tea.", (50, 5, 0)) if asked else says("ok")).stream(body)

    for number in range(14):
        await house.ask(f"question {number} " + "word " * 150)
        await house.finish(house.worker(Model(), f"w{number}"))
    assert "history.compacted" in await house.events()
    history = await house.sessions.history(house.conversation)
    assert [item.text for item in history.items if isinstance(item, Summary)] == ["So far: tea."]
    said = m.Message.objects.filter(conversation_id=house.conversation, kind="message")
    assert await said.acount() == 14, "people see everything"


class TestTheAdmin:
    @pytest.fixture
    def fault(self, alice: Any) -> m.Fault:
        from tests.support import rows

        row = rows.conversation(alice, "T", run_status="finished")
        return m.Fault.objects.create(
            conversation=row, run="r", step="r.1", kind="E8", status=400, text="<script>alert(1)</script>",
            model="m", profile="kimi", address="https://x/v1", digest="d" * 64, request='{"a": "<b>"}',
            outcome="text_ok", created_at=1,
        )  # fmt: skip

    def test_a_fault_is_shown_with_links_and_cannot_be_changed(
        self, client: Any, charlie: Any, fault: m.Fault
    ):
        client.force_login(charlie)
        listed = client.get("/admin/chat/fault/").content.decode()
        page = client.get(f"/admin/chat/fault/{fault.pk}/change/").content.decode()
        for html in (listed, page):
            assert "&lt;script&gt;" in html and "<script>alert" not in html
        assert f"/admin/chat/conversation/{fault.conversation_id}/change/" in page
        assert "q=r.1" in page and "answered" in page and 'name="_save"' not in page
        assert client.post(f"/admin/chat/fault/{fault.pk}/change/", {}).status_code == 403
        conversation = client.get(
            f"/admin/chat/conversation/{fault.conversation_id}/change/"
        ).content.decode()
        assert "Refused requests" in conversation and "0 in, 0 out" in conversation


@pytest.mark.django_db
def test_prices_come_as_a_pair_and_a_fallback_has_a_name():
    from django.core.exceptions import ValidationError

    fine = Agent(slug="a", name="A", price_input=Decimal("0.15"), price_output=Decimal("0.6"))
    fine.full_clean()
    assert fine.spec().prices == Prices(Decimal("0.15"), Decimal("0.6"), None)
    with pytest.raises(ValidationError, match="both prices"):
        Agent(slug="b", name="B", price_input=1).full_clean()
    with pytest.raises(ValidationError, match="Name the model"):
        Agent(slug="c", name="C", fallback_base_url="https://x.example/v1").full_clean()
    assert Agent(slug="d", name="D", price_input=None).spec().prices is None


def test_a_key_goes_to_its_own_server_only(settings: Any):
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = "https://main.example/v1", "main-key"
    keys = environment_keys()
    assert keys[("https", "spare.example")] == KEY and keys[("https", "main.example")] == "main-key"
    assert ("https", "evil.example") not in keys
