"""Chat templates as servers run them: self-hosted models refuse by their template, not by the server's own rules.

Each template here is our own and holds one rule; `make templates` has hundreds that others wrote.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from jinja2 import TemplateError

from agents.dialects.requests import render, render_text_only, validate
from agents.profiles import all_profiles, get
from agents.transcript.room import ModelSettings
from tests.support.broken import A, call, done, say, step
from tests.support.templates import RULES, WITHOUT_TOOLS, shown
from tests.support.wild import Teller, tools_of
from tests.witnesses.stories import STORIES, told, tools

#: Any address may lead to any model.
PROFILES = tuple(profile.name for profile in all_profiles().values() if profile.dialect == "chat")
#: What a profile is for, and so sends to nobody's template but that of its own model.
OWN: dict[str, tuple[str, ...]] = {
    "ids are nine letters or digits": ("kimi-template",),
    "no fields of another provider": ("kimi-thinking", "deepseek-thinking", "gemini"),
    "content is never empty": ("mistral-v3", "mistral-v3-template"),
}
ASK = ModelSettings("m", "You help.", tools(), 2_000_000)
HISTORIES = {name: told(events) for name, events in STORIES.items()}


@functools.cache
def requests_of(name: str) -> list[tuple[str, str, str]]:
    """Each story as this profile's request: what it is, the form, and the body as JSON. Each is valid."""
    made = []
    for story, history in HISTORIES.items():
        for make in (render, render_text_only):
            body = make(history, get(name), ASK)
            assert validate(body, get(name)) == []
            made.append((story, make.__name__, json.dumps(body)))
    return made


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", PROFILES)
def test_V8_V9_V11_every_story_is_taken(name: str, rule: str) -> None:
    if name in OWN.get(rule, ()):
        return
    for story, form, body in requests_of(name):
        if form == "render" and rule in WITHOUT_TOOLS:
            continue
        try:
            text = shown(json.loads(body), RULES[rule])
        except Exception as error:
            pytest.fail(f"{story}, {form}: {error}")
        assert "None" not in text


def _of(role: str, messages: list[Any]) -> Any:
    return next(message for message in messages if message["role"] == role)


#: What breaks each rule, done to the request of a stop in the middle of a call.
BROKEN: dict[str, Callable[[list[Any]], Any]] = {
    "users and plain answers take turns": lambda m: m.remove([x for x in m if x["role"] == "assistant"][-1]),
    "a system message only at the beginning": lambda m: m.append({"role": "system", "content": "x"}),
    "the first one is a user's": lambda m: m.pop(1),
    "somebody has asked something": lambda m: [m.remove(one) for one in list(m) if one["role"] == "user"],
    "a result follows a call": lambda m: m.remove(_of("assistant", m)),
    "ids are nine letters or digits": lambda m: _of("tool", m).update(tool_call_id="call_1"),
    "content is never null": lambda m: _of("assistant", m).update(content=None),
    "content is never empty": lambda m: _of("assistant", m).update(content=""),
    "arguments are an object": lambda m: _of("assistant", m)["tool_calls"][0]["function"].update(arguments="[1]"),
    "no fields of another provider": lambda m: _of("assistant", m).update(reasoning_content=" "),
    "no roles but the four": lambda m: m[0].update(role="developer"),
    "strictly taking turns, without tools": lambda m: None,
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_the_witness_can_say_no(rule: str) -> None:
    body = copy.deepcopy(render(HISTORIES["a stop during a call, then a message"], get("compatible"), ASK))
    BROKEN[rule](body["messages"])
    with pytest.raises(Exception):  # noqa: B017 - a template may fail in any way
        shown(body, RULES[rule])


def test_V8_the_fault_as_it_was() -> None:
    """A stop during a call, then any message: refused without a bridge, and so was every request after it."""
    history = told([say("m1"), *step("r.1", call(A)), done("r.1", A), say("m2")])
    bare = render(history, replace(get("compatible"), bridge=False), ModelSettings("m"))
    with pytest.raises(TemplateError, match="must alternate"):
        shown(bare)
    assert "[user]" in shown(render(history, get("compatible"), ModelSettings("m")))


@pytest.mark.parametrize("name", PROFILES)
def test_V8_V11_whatever_happened_is_taken(name: str) -> None:
    for seed in range(60):
        random = Random(seed)
        history = Teller(random).tell(random.choice((0, 1, 3, 6)))
        ask = ModelSettings(
            "m", random.choice(("", "You help.")), tools_of(random), random.choice((800, 2_000_000))
        )
        for make in (render, render_text_only):
            try:
                shown(make(history, get(name), ask))
            except TemplateError as error:
                pytest.fail(f"seed {seed}, {make.__name__}: {error}")
