"""What the demo model understands, and what it makes of results."""

import json
import time
from typing import Any

import pytest

from agents.extensions import toolbox
from agents.results import REFUSED, refused_by_person
from demo.requests import find
from demo.rules import check
from demo.script import AnswerPlan, decide

TOOLS = toolbox().schemas(toolbox().names)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def turn(messages: list[dict[str, Any]], *results: str) -> tuple[AnswerPlan, list[dict[str, Any]]]:
    """The next plan; if it has calls, they are added to the messages with these results."""
    check({"model": "demo", "messages": messages, "tools": TOOLS})
    plan = decide(messages, TOOLS)
    if not plan.calls:
        return plan, [*messages, {"role": "assistant", "content": plan.text}]
    assert len(results) == len(plan.calls)
    ids = [f"call_{len(messages)}_{place}" for place in range(len(results))]
    calls = [
        {"id": id, "type": "function", "function": {"name": c.name, "arguments": json.dumps(c.arguments)}}
        for id, c in zip(ids, plan.calls, strict=True)
    ]
    answers = [
        {"role": "tool", "tool_call_id": id, "content": result}
        for id, result in zip(ids, results, strict=True)
    ]
    return plan, [*messages, {"role": "assistant", "content": plan.text, "tool_calls": calls}, *answers]


def calls(text: str) -> list[tuple[str, dict[str, Any]]]:
    return [(call.name, call.arguments) for call in decide([user(text)], TOOLS).calls]


CLOCK, SUM, RESEARCH = "current_time", "calculator", "slow_research"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("time in Tokyo", [(CLOCK, {"place": "Tokyo"})]),
        ("What time is it in New York?", [(CLOCK, {"place": "New York"})]),
        ("What time is it now?", [(CLOCK, {"place": "UTC"})]),
        ("time in Europe/Berlin please", [(CLOCK, {"place": "Europe/Berlin"})]),
        ("东京现在几点？", [(CLOCK, {"place": "东京"})]),
        ("北京和东京现在几点", [(CLOCK, {"place": "北京"}), (CLOCK, {"place": "东京"})]),
        ("12*7", [(SUM, {"expression": "12*7"})]),
        ("what is (3+4)*2?", [(SUM, {"expression": "(3+4)*2"})]),
        ("12 乘以 7 等于多少", [(SUM, {"expression": "12 * 7"})]),
        ("time in Tokyo and 12*7", [(CLOCK, {"place": "Tokyo"}), (SUM, {"expression": "12*7"})]),
        (
            "What's the time in Tokyo and Paris, and what is 12 times 7?",
            [(CLOCK, {"place": "Tokyo"}), (CLOCK, {"place": "Paris"}), (SUM, {"expression": "12 * 7"})],
        ),
        ("research solar power", [(RESEARCH, {"topic": "solar power"})]),
        (
            "Please research cats and dogs for 3 seconds.",
            [(RESEARCH, {"topic": "cats and dogs", "seconds": 3})],
        ),
        ("研究一下量子计算，用3秒", [(RESEARCH, {"topic": "量子计算", "seconds": 3})]),
        (
            "research tea for 2 seconds and tell me the time in London",
            [(RESEARCH, {"topic": "tea", "seconds": 2}), (CLOCK, {"place": "London"})],
        ),
        ("use the failing tool", [("unreliable", {})]),
        ("使用会失败的工具", [("unreliable", {})]),
        (
            "remember that we meet on Friday at 12*7",
            [("notes", {"action": "add", "text": "we meet on Friday at 12*7"})],
        ),
        ("记住周五开会。", [("notes", {"action": "add", "text": "周五开会"})]),
        ("list my notes", [("notes", {"action": "list"})]),
        ("delete note 3", [("notes", {"action": "delete", "number": 3})]),
        ("fetch https://example.com/a?b=1.", [("fetch_url", {"url": "https://example.com/a?b=1"})]),
        ("读取 https://example.com。", [("fetch_url", {"url": "https://example.com"})]),
        ("We met on 2026-11-22.", []),
        ("I have 3 cats", []),
    ],
)
def test_requests(text: str, expected: list[tuple[str, dict[str, Any]]]):
    assert calls(text) == expected


def test_every_planned_call_passes_the_tools_own_validation():
    box = toolbox()
    for text in (
        "time in Tokyo and 12*7",
        "research a for 99 seconds",
        "list my notes",
        "delete note 3",
        "记住 a",
    ):
        for name, arguments in calls(text):
            assert box.check(name, json.dumps(arguments)) is None


@pytest.mark.parametrize(
    ("text", "word"), [("hello", "demo model"), ("你好", "演示模型"), ("What can you do?", "reload")]
)
def test_a_greeting_is_answered_with_what_can_be_tried(text: str, word: str):
    answer = decide([user(text)], TOOLS).text
    assert word.lower() in answer.lower()


@pytest.mark.parametrize(
    ("text", "word"), [("Why is the sky blue?", "not in my script"), ("天空为什么是蓝的", "照着脚本")]
)
def test_what_is_not_in_the_script_is_said_so(text: str, word: str):
    assert word in decide([user(text)], TOOLS).text


def test_every_suggestion_of_the_menu_is_understood():
    for greeting, expected in (("hi", 8), ("你好", 8)):
        menu = decide([user(greeting)], TOOLS).text
        tried = [line.split("**")[1::2] for line in menu.splitlines() if line.startswith("- **")]
        assert len(tried) == expected
        for suggestion in (text for line in tried for text in line):
            assert find(suggestion), suggestion


def test_a_long_text_has_the_length_and_the_forms_that_it_promises():
    text = decide([user("write a long text about rivers")], TOOLS).text
    assert 1_200 < len(text.split()) < 1_800
    assert text.startswith("# On rivers")
    assert all(form in text for form in ("\n## 1. ", "\n1. Write", "\n|---|", "\n```python\n"))
    assert len(decide([user("写一篇关于河流的长文")], TOOLS).text) > 1_500


def test_results_are_written_up_in_one_answer():
    plan, messages = turn(
        [user("time in Tokyo and 12*7")], "Tokyo: 2026 (Asia/Tokyo, UTC+09:00)", "12*7 = 84"
    )
    assert "at the same time" in plan.text
    answer, messages = turn(messages)
    assert answer.text == "**Tokyo**: 2026 (Asia/Tokyo, UTC+09:00)\n\n`12*7` = **84**"
    assert turn([*messages, user("list my notes")], "#1 a")[0].calls[0].name == "notes"


def test_a_failed_tool_does_not_end_the_answer():
    _, messages = turn([user("use the failing tool and 1+1")], "This tool always fails.", "1+1 = 2")
    text = turn(messages)[0].text
    assert "> This tool always fails." in text
    assert "**2**" in text


@pytest.mark.parametrize(
    ("said", "words"), [("remember that tea is hot", "not allowed"), ("记住茶是烫的", "没有得到允许")]
)
def test_W8_a_refusal_is_told_with_its_reason_and_not_with_the_words_for_the_model(said: str, words: str):
    for reason in ("", "I know that."):
        _, messages = turn([user(said)], refused_by_person(reason))
        answer, _ = turn(messages)
        assert words in answer.text and reason in answer.text
        assert REFUSED not in answer.text


def test_R6_a_message_that_came_meanwhile_is_answered_together_with_the_first():
    _, messages = turn([user("research tea")], "Findings on tea (invented):\n1. a")
    plan, messages = turn([*messages, user("and 2+2")], "2+2 = 4")
    assert [call.name for call in plan.calls] == ["calculator"]
    text = turn(messages)[0].text
    assert "Findings on tea" in text
    assert "**4**" in text


def test_R7_what_was_stopped_can_be_asked_for_again():
    _, messages = turn([user("research tea")], "The user stopped this call while it was running.")
    plan, _ = turn([*messages, user("research tea")], "Findings on tea:\n1. a")
    assert plan.calls


def test_a_tool_that_the_agent_lacks_is_named():
    assert "`calculator`" in decide([user("1+1")], []).text


def test_the_script_is_deterministic():
    messages = [user("time in Tokyo and 12*7")]
    assert decide(messages, TOOLS) == decide(messages, TOOLS)


@pytest.mark.parametrize(
    "piece",
    ["time in ", "1-", "(", "- ", "1 ", "((1+", "和", "sqrt(", "研究", "a and ", " ", "现在几点", "\n"],
)
def test_a_hostile_message_does_not_keep_it_busy(piece: str):
    started = time.process_time()
    find(piece * 5_000)
    assert time.process_time() - started < 1
