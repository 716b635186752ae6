"""Mistral's own validator as a witness: it accepts every Mistral request that the generated histories give."""

from random import Random

import pytest
from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode, get_validator
from mistral_common.tokens.tokenizers.base import TokenizerVersion

from agents.dialects.requests import render, render_text_only
from agents.profiles import get
from agents.transcript.room import ModelSettings
from tests.support.wild import Teller, tools_of

#: Which of our profiles must satisfy which of their tokenizers.
VERSIONS = {
    "mistral-v3": ("v3",),
    "mistral-v3-template": ("v3",),
    "mistral": ("v7", "v11", "v13", "v15"),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_every_rendering_is_accepted(name: str) -> None:
    validators = [get_validator(TokenizerVersion(one), ValidationMode.serving) for one in VERSIONS[name]]
    for seed in range(120):
        random = Random(seed)
        history = Teller(random).tell(random.choice((0, 1, 3, 6)))
        ask = ModelSettings(
            "m", random.choice(("", "You help.")), tools_of(random), random.choice((800, 5_000, 2_000_000))
        )
        for make in (render, render_text_only):
            body = make(history, get(name), ask)
            for validator in validators:
                try:
                    accept(body, validator)
                except MistralCommonException as refused:
                    raise AssertionError(f"seed {seed}, {make.__name__}, {validator}: {refused}") from None


def accept(body: dict, validator: object) -> None:  # type: ignore[type-arg]
    request = ChatCompletionRequest.from_openai(messages=body["messages"], tools=body.get("tools"), model="m")
    validator.validate_request(request)  # type: ignore[attr-defined]


def test_the_witness_can_say_no() -> None:
    validator = get_validator(TokenizerVersion("v13"), ValidationMode.serving)
    orphan = {"role": "tool", "tool_call_id": "aaaaaaaaa", "content": "x"}
    body = {"messages": [{"role": "user", "content": "hello"}, orphan]}
    with pytest.raises(MistralCommonException):
        accept(body, validator)
