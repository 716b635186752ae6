"""Invalid requests are refused in OpenAI's words (rules V1 to V11 as far as every provider has them)."""

import re
from typing import Any

import pytest

from demo.rules import ProviderRefusal, check

USER = {"role": "user", "content": "hi"}


def call(*ids: str, arguments: str = "{}", name: str = "f", content: Any = None) -> dict[str, Any]:
    calls = [{"id": id, "type": "function", "function": {"name": name, "arguments": arguments}} for id in ids]
    return {"role": "assistant", "content": content, "tool_calls": calls}


def result(id: str, content: Any = "ok") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": content}


def said(text: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def request(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"model": "demo", "messages": list(messages), **more}


@pytest.mark.parametrize(
    "messages",
    [
        [USER],
        [{"role": "system", "content": "be kind"}, USER],
        [USER, call("a"), result("a")],
        [USER, call("a", "b", content="wait"), result("b"), result("a"), USER],
        [USER, call("a"), result("a"), call("b"), result("b"), said("done"), USER],
        [{"role": "user", "content": [{"type": "text", "text": "parts"}]}],
    ],
)
def test_valid(messages: list[dict[str, Any]]):
    check(request(*messages))


@pytest.mark.parametrize(
    ("rule", "text", "messages"),
    [
        ("V1", "did not have response messages: b", [USER, call("a", "b"), result("a"), USER]),
        ("V1", "did not have response messages: a", [USER, call("a")]),
        ("V2", "must be a response to a preceeding message", [USER, result("z")]),
        ("V2", "'tool_call_id' of 'z' not found", [USER, call("a"), result("z")]),
        (
            "V2",
            "must be a response to a preceeding",
            [USER, call("a"), result("a"), said("x"), USER, result("a")],
        ),
        ("V3", "did not have response messages: a", [USER, call("a"), USER, result("a")]),
        ("V4", "Duplicate value for 'tool_call_id' of 'a'", [USER, call("a", "a"), result("a"), result("a")]),
        ("V4", r"of 'a' in messages\[2\] and messages\[3\]", [USER, call("a"), result("a"), result("a")]),
        ("V4", "Duplicate value", [USER, call("a"), result("a"), said("x"), USER, call("a"), result("a")]),
        ("V5", "Missing required parameter", [USER, call(""), result("")]),
        ("V5", "Missing required parameter", [USER, call("null"), result("null")]),
        (
            "V6",
            "string too long. Expected a string with maximum length 40",
            [USER, call("x" * 41), result("x" * 41)],
        ),
        ("V9", "expected a string, got null", [USER, said(None), USER]),
        ("V9", "must be non-empty", [USER, said(""), USER]),
        ("V9", "must be non-empty", [USER, call("a", content=[{"type": "text", "text": ""}]), result("a")]),
        ("V9", "must be non-empty", [USER, call("a"), result("a", "")]),
        ("V9", "expected a string, got null", [USER, call("a"), result("a", None)]),
        ("V10", "JSON format", [USER, call("a", arguments='{"x":'), result("a")]),
        ("V10", "JSON format", [USER, call("a", arguments="[1]"), result("a")]),
        ("V10", "JSON format", [USER, call("a", arguments=""), result("a")]),
        ("V11", "must have the role 'user'", [said("hi"), USER]),
        ("V11", "must have the role 'user' or 'tool'", [USER, said("hi")]),
        ("V11", "must have the role 'user'", [{"role": "system", "content": "x"}]),
        ("V16", "does not match pattern", [USER, call("a", name="f f"), result("a")]),
        ("", "Invalid value: 'bot'", [{"role": "bot", "content": "x"}]),
        ("", "Invalid value: 'None'", ["text"]),
        ("", "empty array", [USER, {"role": "assistant", "content": "x", "tool_calls": []}, USER]),
        ("", "empty array", []),
    ],
)
def test_invalid(rule: str, text: str, messages: list[Any]):
    with pytest.raises(ProviderRefusal) as refused:
        check(request(*messages))
    assert refused.value.status == 400
    assert re.search(text, refused.value.message), refused.value.message


@pytest.mark.parametrize(
    "body", [None, [], "x", {}, {"model": 5}, {"model": "demo"}, {"model": "demo", "messages": "x"}]
)
def test_what_is_no_request_is_refused(body: Any):
    with pytest.raises(ProviderRefusal):
        check(body)


@pytest.mark.parametrize(
    "tools",
    [[], "x", [{}], [{"type": "function", "function": {"name": "a b"}}], [{"function": {"name": "a"}}] * 2],
)
def test_bad_tools_are_refused(tools: Any):
    with pytest.raises(ProviderRefusal):
        check(request(USER, tools=tools))
