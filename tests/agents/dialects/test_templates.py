"""Chat templates as servers run them: self-hosted models refuse by their template, not by the server's own rules.

The template here is our own and holds one rule, that of the Mistral family and of Gemma with tools: only messages of
users and those of the assistant without calls are counted, and two of a kind in that count are refused.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agents import events as e
from agents.dialects.requests import render, render_text_only, validate
from agents.history import empty, fold
from agents.profiles import all_profiles, get
from agents.transcript.room import ModelSettings
from tests.support.broken import A, call, done, say, step
from tests.support.wild import Teller, tools_of

COUNTING = """
{%- if messages[0].role == "system" %}{% set talk = messages[1:] %}[SYSTEM]{{ messages[0].content }}
{%- else %}{% set talk = messages %}{% endif %}
{%- set seen = namespace(count=0) %}
{%- for message in talk %}
  {%- if message.role == "user" or (message.role == "assistant" and not message.tool_calls) %}
    {%- if (message.role == "user") != (seen.count % 2 == 0) %}
      {{- raise_exception("After the optional system message, conversation roles must alternate") }}
    {%- endif %}
    {%- set seen.count = seen.count + 1 %}
  {%- endif %}
  {%- if message.tool_calls %}[CALLS]{{ message.tool_calls | tojson }}
  {%- elif message.role == "tool" %}[RESULT]{{ message.content }}
  {%- else %}[{{ message.role }}]{{ message.content }}{% endif %}
{%- endfor %}
"""
#: Any address may lead to a model of that family.
PROFILES = tuple(profile.name for profile in all_profiles().values() if profile.dialect == "chat")


def shown(body: dict[str, Any]) -> str:
    """What the model would read. Raises TemplateError as the server would."""

    def raise_exception(words: str) -> None:
        raise TemplateError(words)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = raise_exception
    return environment.from_string(COUNTING).render(messages=body["messages"], tools=body.get("tools"))


def told(*events: e.Event) -> Any:
    history = empty("c")
    for seq, event in enumerate(events, start=1):
        history = fold(history, event, seq)
    return history


@pytest.mark.parametrize("name", PROFILES)
def test_V8_a_message_after_results_is_taken(name: str) -> None:
    """After a stop in the middle of a call, and whatever else puts a user's message behind results."""
    history = told(say("m1"), *step("r.1", call(A)), done("r.1", A), say("m2"))
    for make in (render, render_text_only):
        body = make(history, get(name), ModelSettings("mistral-nemo", "You help.", (), 60_000))
        assert validate(body, get(name)) == []
        assert "[user]" in shown(body)


def test_V8_the_template_refuses_what_has_no_bridge() -> None:
    """The witness can say no: the same history as OpenAI would take it."""
    history = told(say("m1"), *step("r.1", call(A)), done("r.1", A), say("m2"))
    with pytest.raises(TemplateError, match="must alternate"):
        shown(render(history, replace(get("openai-chat"), bridge=False), ModelSettings("m")))


@pytest.mark.parametrize("name", PROFILES)
def test_V8_V11_whatever_happened_is_taken(name: str) -> None:
    for seed in range(150):
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
