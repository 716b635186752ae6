"""The gate: each rule by its negative vectors, and mutants of the renderer that it has to catch."""

import copy
import sys
import types
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agents.dialects.chat import request
from agents.dialects.requests import validate
from agents.profiles import all_profiles, get
from agents.transcript import calls, layout, wording
from agents.transcript.room import ModelSettings
from tests.support.strict_provider import refusal
from tests.support.wild import Teller

Body = dict[str, Any]
CHAT = get("openai-chat")


def user(text: str = "hello") -> Body:
    return {"role": "user", "content": text}


def call(id: str, name: str = "clock", arguments: Any = "{}") -> Body:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def asks(*calls: Body, **more: Any) -> Body:
    return {"role": "assistant", "content": "…", "tool_calls": list(calls), **more}


def result(id: str, content: Any = "ok") -> Body:
    return {"role": "tool", "tool_call_id": id, "content": content}


def says(text: Any = "hi") -> Body:
    return {"role": "assistant", "content": text}


A, B = "aaaaaaaaa", "bbbbbbbbb"
GOOD = [user(), asks(call(A), call(B)), result(A), result(B), says(), user("bye")]


def body(*messages: Body) -> Body:
    return {"model": "m", "messages": list(messages)}


def rules(sent: Body, profile: str = "openai-chat") -> set[str]:
    return {violation.rule for violation in validate(sent, get(profile))}


def test_a_good_request_has_no_violations() -> None:
    assert validate(body(*GOOD), CHAT) == []


@pytest.mark.parametrize(
    ("rule", "messages"),
    [
        ("V1", [user(), asks(call(A), call(B)), result(A), user()]),
        ("V1", [user(), asks(call(A))]),
        ("V1", [user(), {**says(), "tool_calls": []}, user()]),
        ("V2", [user(), result("z" * 9), user()]),
        ("V2", [user(), asks(call(A)), result(A), result(B), user()]),
        ("V2", [user(), asks(call(A)), result(A), says(), user(), result(A)]),
        ("V3", [user(), asks(call(A)), user(), result(A)]),
        ("V3", [user(), asks(call(A)), says("progress"), result(A)]),
        ("V4", [user(), asks(call(A), call(A)), result(A), result(A)]),
        ("V4", [user(), asks(call(A)), result(A), result(A)]),
        ("V4", [user(), asks(call(A)), result(A), asks(call(A)), result(A)]),
        ("V5", [user(), asks(call("")), result("")]),
        ("V5", [user(), asks(call("null")), result("null")]),
        ("V6", [user(), asks(call("call_abc")), result("call_abc")]),
        ("V6", [user(), asks(call("fc_" + "0" * 50)), result("fc_" + "0" * 50)]),
        ("V7", [user(), asks(call(A), call(B)), result(B), result(A)]),
        ("V8", [user(), {"role": "system", "content": "x"}, user()]),
        ("V9", [user(), says(""), user()]),
        ("V9", [user(), says(None), user()]),
        ("V9", [user(), asks(call(A), content=None), result(A)]),
        ("V9", [user(), asks(call(A), content=""), result(A)]),
        ("V9", [user(), asks(call(A)), result(A, None)]),
        ("V9", [user(), asks(call(A)), result(A, "")]),
        ("V9", [user(), asks(call(A)), result(A, [{"type": "text", "text": "x"}])]),
        ("V9", [user(), asks(call(A), content=[{"type": "text", "text": ""}]), result(A)]),
        ("V9", [user(" ")]),
        ("V9", [{"role": "user"}]),
        ("V9", [{"role": "tool_call", "content": "{}"}, user()]),
        ("V9", [user("\ud800")]),
        ("V9", ["what"]),
        ("V10", [user(), asks(call(A, arguments='{"x":')), result(A)]),
        ("V10", [user(), asks(call(A, arguments="")), result(A)]),
        ("V10", [user(), asks(call(A, arguments="[1]")), result(A)]),
        ("V10", [user(), asks(call(A, arguments={})), result(A)]),
        ("V10", [user(), asks(call(A, arguments='{"x": NaN}')), result(A)]),
        ("V11", [asks(call(A)), result(A), user()]),
        ("V11", [user(), says()]),
        ("V11", [{"role": "system", "content": "x"}]),
        ("V11", []),
        ("V16", [user(), asks(call(A, name="")), result(A)]),
        ("V16", [user(), asks(call(A, name="f f")), result(A)]),
        ("V14", [user(), {**says(), "reasoning_content": "hm"}, user()]),
    ],
)
def test_each_rule_has_its_negative_vectors(rule: str, messages: list[Any]) -> None:
    assert rule in rules(body(*messages))


@pytest.mark.parametrize(
    ("profile", "rule", "messages"),
    [
        ("mistral-v3", "V9", [user(), asks(call(A), content="Look."), result(A)]),
        ("mistral", "V8", [user(), asks(call(A)), result(A), user()]),
        ("kimi-thinking", "V12", [user(), asks(call(A)), result(A)]),
        ("kimi-thinking", "V12", [user(), asks(call(A), reasoning_content=""), result(A)]),
        ("deepseek-thinking", "V12", [user(), says(), user()]),
        ("gemini", "V14", [user(), asks(call(A)), result(A)]),
        ("kimi-template", "V6", [user(), asks(call(A)), result(A)]),
        ("vllm", "V11", [user(), user()]),
        ("vllm", "V11", [user(), says(), says(), user()]),
        ("anthropic", "V16", [user(), asks(call(A)), result(A)]),
    ],
)
def test_rules_of_single_profiles(profile: str, rule: str, messages: list[Body]) -> None:
    assert rule in rules(body(*messages), profile)


def responses(*items: Body, **more: Any) -> Body:
    named = [{"type": "message", **item} if "role" in item else item for item in items]
    return {"model": "m", "input": named, "store": False, **more}


def asked(id: str, /, **more: Any) -> Body:
    return {"type": "function_call", "call_id": id, "name": "clock", "arguments": "{}", **more}


def output(id: str, text: Any = "ok") -> Body:
    return {"type": "function_call_output", "call_id": id, "output": text}


THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}


@pytest.mark.parametrize(
    ("rule", "items"),
    [
        ("V1", [user(), asked(A), user()]),
        ("V1", [user(), asked(A)]),
        ("V2", [user(), output(A)]),
        ("V3", [user(), asked(A), user(), output(A)]),
        ("V4", [user(), asked(A), asked(A), output(A)]),
        ("V8", [user(), asked(A), output(A), user()]),
        ("V11", [user(), user()]),
        ("V11", [user(), says(), says(), user()]),
        ("V4", [user(), asked(A), output(A), output(A)]),
        ("V5", [user(), asked(""), output("")]),
        ("V6", [user(), asked("call_1"), output("call_1")]),
        ("V7", [user(), asked(A), asked(B), output(B), output(A)]),
        ("V9", [user(), asked(A), output(A, "")]),
        ("V9", [user(), {"role": "assistant", "content": ""}, user()]),
        ("V10", [user(), asked(A, arguments="")]),
        ("V11", [asked(A), output(A)]),
        ("V11", [user(), says()]),
        ("V13", [user(), THOUGHT, user()]),
        ("V13", [user(), asked(A, id="fc_1"), output(A)]),
        ("V14", [user(), {**THOUGHT, "encrypted_content": ""}, asked(A), output(A)]),
        ("V15", [user(), THOUGHT, asked(A, id=A), output(A)]),
        ("V15", [user(), {**output(A), "id": "fc_1"}]),
    ],
)
def test_the_rules_in_the_responses_dialect(rule: str, items: list[Body]) -> None:
    assert rule in rules(responses(*items), "openai-responses")


def test_V13_reasoning_with_what_it_produced_is_fine() -> None:
    sent = responses(user(), THOUGHT, asked(A, id="fc_1"), asked(B, id="fc_2"), output(A), output(B))
    assert validate(sent, get("openai-responses")) == []
    assert refusal("openai-responses", sent) is None


def test_V9_an_item_says_what_it_is() -> None:
    bare = {"model": "m", "input": [user(), says(), user()], "store": False}
    assert "V9" in rules(bare, "openai-responses")


def test_V15_a_request_that_leans_on_the_servers_memory_is_refused() -> None:
    assert "V15" in rules(responses(user(), previous_response_id="resp_1"), "openai-responses")
    assert "V15" in rules({"model": "m", "input": [user()]}, "openai-responses")


@pytest.mark.parametrize("tools", [[], [{"type": "function", "function": {"name": "a b"}}]])
def test_V16_tools_are_checked_too(tools: list[Body]) -> None:
    assert "V16" in rules({**body(*GOOD), "tools": tools})


def test_it_never_raises() -> None:
    requests: list[Body] = [
        {},
        {"messages": 5},
        {"messages": [None]},
        {"messages": [{}]},
        {"messages": [{"role": []}]},
    ]
    for broken in requests:
        assert validate(broken, CHAT)


RETURN = "return [*ahead, _assistant(message, step, room), *results]"
#: Ten and more ways to break the renderer: what is replaced in its source, and by what.
MUTANTS = {
    "a result is dropped": (RETURN, RETURN.replace("*results", "*results[1:]")),
    "results are reversed": (RETURN, RETURN.replace("*results", "*results[::-1]")),
    "a result comes before its call": (RETURN, "return [*results, *ahead, _assistant(message, step, room)]"),
    "a result is sent twice": (RETURN, RETURN.replace("*results", "*results, *results[:1]")),
    "the call is lost": (RETURN, "return results"),
    "something stands between": (
        RETURN,
        RETURN.replace("*results", "{'role': 'user', 'content': 'wait'}, *results"),
    ),
    "history is cut by count": (
        "_prefaced(_ordered(messages, profile, form), ask)",
        "_prefaced(_ordered(messages[-3:], profile, form), ask)",
    ),
    "the provider's id is the key": (
        "id, salt = call.id, 0\n    while not _NINE.fullmatch(id) or id in room.ids:",
        "id, salt = call.provider_id, 0\n    while False:",
    ),
    "ids are not made unique": ("or id in room.ids:", "or False:"),
    "an open call has no text": (
        "        return NOT_STARTED if call.attempt == 0 else INTERRUPTED",
        "        return call.result",
    ),
    "an empty result stays empty": ("        return NO_OUTPUT", "        return text"),
    "malformed arguments are sent": (
        '    if not is_object(text):\n        return "{}"',
        "    if not is_object(text):\n        return text",
    ),
    "an empty message stays empty": (
        "if not is_blank(message.text) else EMPTY_MESSAGE",
        "if True else EMPTY_MESSAGE",
    ),
    "names are sent as they came": (
        'return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64] or "unnamed"',
        "return name",
    ),
    "it may end on the assistant": ('    if ordered[-1]["role"] == "assistant":', "    if False:"),
    "it may open with the assistant": (
        '    if not ordered or ordered[0]["role"] != "user":',
        "    if not ordered:",
    ),
    "steps that stream are sent": (
        'text = clean(step.text) if step.committed and step.text.strip() else ""',
        "text = clean(step.text)",
    ),
    "the bridge is forgotten": ("if profile.bridge and", "if False and"),
    "reasoning is forgotten": ("if demanded else message", "if False else message"),
    "signatures are forgotten": ("    if room.profile.signatures:", "    if False:"),
    "neighbours are not joined": (
        "if profile.alternates and before is not None and _as_one",
        "if False and _as_one",
    ),
}


#: What makes a Chat Completions body, in the order in which they import each other.
RENDERER = (wording, calls, layout, request)


def mutant(old: str, new: str) -> Callable[..., Body]:
    """The renderer with one piece of its source replaced: its modules are read again, under other names."""
    sources = {module.__name__: Path(module.__file__ or "").read_text() for module in RENDERER}
    times = sum(source.count(old) for source in sources.values())
    assert times == 1, f"{times} times in the source: {old}"
    renamed = {name: f"mutant_{name.replace('.', '_')}" for name in sources}
    made: dict[str, types.ModuleType] = {}
    try:
        for name, source in sources.items():
            broken = source.replace(old, new)
            for original, copied in renamed.items():
                broken = broken.replace(f"from {original} import", f"from {copied} import")
            module = types.ModuleType(renamed[name])
            sys.modules[module.__name__] = made[name] = module
            exec(compile(broken, name, "exec"), module.__dict__)
    finally:
        for module in made.values():
            del sys.modules[module.__name__]
    found: Callable[..., Body] = made[request.__name__].render
    return found


@pytest.mark.parametrize("name", MUTANTS)
def test_T1_a_broken_renderer_is_caught(name: str) -> None:
    """A renderer that does this would send it: the gate is what stands between."""
    broken = mutant(*MUTANTS[name])
    caught = 0
    for seed in range(200):
        history = Teller(Random(seed)).tell(4)
        for profile in all_profiles().values():
            if profile.dialect == "chat":
                sent = broken(history, profile, ModelSettings("m", "You help.", (), 2_000_000))
                caught += bool(validate(copy.deepcopy(sent), profile))
        if caught:
            break
    assert caught, f"nothing was found wrong with a renderer in which {name}"


def test_the_renderer_that_is_not_broken_is_not_caught() -> None:
    whole = mutant("GO_ON = ", "GO_ON  = ")
    history = Teller(Random(1)).tell(4)
    for profile in (one for one in all_profiles().values() if one.dialect == "chat"):
        assert validate(whole(history, profile, ModelSettings("m")), profile) == []
