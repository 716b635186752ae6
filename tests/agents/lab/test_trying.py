"""The lab against a fake provider of each kind, over real HTTP: what it tells of each, and what it may take."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from agents.dialects.http import close_clients
from agents.dialects.opening import open_model
from agents.lab.meter import Budget
from agents.lab.report import table
from agents.lab.stories import STORIES
from agents.lab.trying import Report, try_agent
from agents.profiles import all_profiles
from agents.spec import AgentSpec, Prices
from tests.support.obedient import obedient
from tests.support.provider import Json, Provider, Reply, completion, event, json_reply
from tests.support.strict_provider import JUDGES, strict

#: Providers whose models see no pictures: one is refused, which says nothing against a profile.
BLIND = {"deepseek", "deepseek-thinking"}


@pytest.fixture(autouse=True)
async def _closed_clients() -> AsyncIterator[None]:
    yield
    await close_clients()


async def tried(
    answer: Any, *, profile: str = "", model: str = "m", **options: Any
) -> tuple[Report, Provider]:
    """The report on a provider that answers so."""
    prices = options.pop("prices", None)
    async with Provider(answer) as provider:
        agent = AgentSpec("lab", "Lab", model=model, base_url=provider.url, profile=profile, prices=prices)
        async for progress in try_agent(agent, lambda spec: open_model(spec, "k"), **options):
            report = progress.report
            assert len(report.told) == progress.done <= progress.total
        return report, provider


@pytest.mark.parametrize("kind", [name for name in JUDGES if name in all_profiles()])
async def test_a_provider_of_each_kind_takes_every_story_in_its_own_profile(kind: str):
    report, provider = await tried(strict(kind, obedient), profile=kind)
    assert [(one.story, one.words) for one in report.told if not one.fine] == []
    assert report.fits == report.first == kind and len(report.told) == len(STORIES)
    assert all(one.own_calls for one in report.told if one.story != "broken_arguments")
    assert {one.story for one in report.told if one.verdict != "taken"} <= (
        {"picture"} if kind in BLIND else set()
    )
    assert report.requests == len(provider.requests)


@pytest.mark.parametrize(("kind", "plain"), [("kimi-thinking", "kimi"), ("deepseek-thinking", "deepseek")])
async def test_a_profile_that_is_refused_is_found_out_and_one_that_fits_is_found(kind: str, plain: str):
    report, provider = await tried(strict(kind, obedient), profile=plain)
    refused = {one.story for one in report.of(plain) if not one.fine}
    assert {"tool_loop", "limit_after_result", "failed_run"} <= refused
    assert all(one.words for one in report.of(plain) if not one.fine)
    assert report.fits not in ("", plain)
    again, _ = await tried(strict(kind, obedient), profile=report.fits)
    assert again.fits == report.fits and all(one.fine for one in again.told)
    assert len(provider.requests) <= Budget().requests
    assert f"The profile that fits: {report.fits}." in table(report) and "stop during a call" in table(report)


async def test_a_model_that_never_calls_has_its_calls_invented():
    report, _ = await tried(strict("openai-chat", lambda path, body: completion("OK")), profile="openai-chat")
    assert report.fits == "openai-chat"
    assert {one.story for one in report.told if not one.own_calls} >= {"stop_in_call", "parallel_calls"}
    assert "the model made no call" in table(report)


async def test_nothing_fits_where_every_tool_message_is_refused():
    def adversary(path: str, body: Json) -> Reply:
        if any(message["role"] == "tool" for message in body["messages"]):
            return json_reply(400, {"error": {"message": "tools are not for us"}})
        return obedient(path, body)

    report, _ = await tried(adversary, profile="openai-chat")
    assert report.fits == "" and not report.ended
    assert "No profile was found" in table(report) and "tools are not for us" in table(report)
    assert report.goes_on and report.form == ("text_only",) and report.rescued[0].verdict == "rescued"
    assert "what is refused is taken with tool exchanges as plain text." in table(report)


async def test_where_no_form_helps_either_the_lab_says_so_and_does_not_go_on_asking():
    def adversary(path: str, body: Json) -> Reply:
        if any(message["role"] == "assistant" for message in body["messages"]):
            return json_reply(400, {"error": {"message": "we hear nobody out"}})
        return obedient(path, body)

    report, provider = await tried(adversary, profile="openai-chat")
    assert report.fits == "" and not report.ended and not report.goes_on
    assert [one.verdict for one in report.rescued] == ["refused"]
    assert len(provider.requests) < Budget().requests
    assert "Not every conversation goes on in another form, either." in table(report)


async def test_what_the_rescue_does_is_not_made_out_where_the_budget_ends_first():
    def adversary(path: str, body: Json) -> Reply:
        if any(message["role"] == "tool" for message in body["messages"]):
            return json_reply(400, {"error": {"message": "tools are not for us"}})
        return obedient(path, body)

    whole, _ = await tried(adversary, profile="openai-chat", others=False)
    spent = sum(one.requests for one in whole.told) + whole.rescued[0].requests
    report, _ = await tried(adversary, profile="openai-chat", others=False, budget=Budget(requests=spent))
    assert [one.verdict for one in report.rescued] == ["rescued", "not_told"]
    assert not report.goes_on and "could not be found out" in table(report)


async def test_a_refused_story_costs_one_refused_request_while_a_profile_is_looked_for():
    refused = 0

    def adversary(path: str, body: Json) -> Reply:
        nonlocal refused
        if any(message["role"] == "tool" for message in body["messages"]):
            refused += 1
            return json_reply(400, {"error": {"message": "Conversation roles must alternate"}})
        return obedient(path, body)

    report, _ = await tried(adversary, profile="openai-chat", others=False)
    looked_for = [one for one in report.told if one.verdict == "refused"]
    rescued = sum(len(one.words) for one in report.rescued)
    assert looked_for and all(one.requests <= 2 and len(one.words) == 1 for one in looked_for)
    assert refused >= len(looked_for) + rescued > len(looked_for)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "refused the key"), (402, "no credit"), (404, "does not know the model")]
)
async def test_what_stands_in_the_way_of_everything_ends_it_at_once(status: int, words: str):
    report, provider = await tried(lambda path, body: json_reply(status, {"error": {"message": "no"}}))
    assert len(provider.requests) == 1 and words in report.ended and report.fits == ""
    assert {one.verdict for one in report.told[1:]} == {"not_told"}


async def test_a_server_that_is_not_there():
    agent = AgentSpec("lab", "Lab", model="m", base_url="http://127.0.0.1:9/v1")
    async for progress in try_agent(agent, lambda spec: open_model(spec, ""), stories=STORIES[:2]):
        report = progress.report
    assert "cannot be reached" in report.ended


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(requests=5), "5 requests"),
        (Budget(tokens=40), "40 tokens"),
        (Budget(dollars=0.0001), "0.0001 US dollars"),
        (Budget(seconds=0.5), "0.5 seconds"),
    ],
)
async def test_it_keeps_to_its_budget(budget: Budget, words: str):
    def slow(path: str, body: Json) -> Reply:
        reply = obedient(path, body)
        reply.pause = 0.06 if budget.seconds < 1 else 0
        return reply

    report, provider = await tried(slow, budget=budget, prices=Prices(Decimal(1), Decimal(1)))
    assert words in report.ended and report.fits == ""
    assert len(provider.requests) < 15
    assert "It ended before it was known" in table(report)


async def test_an_answer_without_end_is_not_listened_to_for_long():
    def endless(path: str, body: Json) -> Reply:
        words = event({"choices": [{"index": 0, "delta": {"content": "word " * 200}, "finish_reason": None}]})
        return Reply(pieces=[words] * 100_000, hang=True)

    report, provider = await tried(endless, profile="openai-chat", stories=STORIES[:1])
    assert report.told[0].verdict in ("taken", "trouble") and len(provider.requests) <= 4
    assert report.seconds < 20


async def test_no_key_is_in_a_report():
    secret = "sk-canary-0123456789"
    answer = json_reply(400, {"error": {"message": f"bad key {secret} in the request"}})
    report, _ = await tried(lambda path, body: answer, profile="openai-chat", others=False)
    assert secret not in table(report) and secret not in json.dumps(report.data())
