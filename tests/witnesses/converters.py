"""Public converters as witnesses: read bodies as lines of JSON, convert each, say what was refused.

Run by `make templates` in the environment of requirements-witnesses.txt; it imports nothing of ours. A line is
`{"name": …, "body": {…}, "mistral": ["v7", …]}`; a refusal is printed as `{"name": …, "converter": …, "said": …}`.
What is converted is also held to the pairing rule of the API that it is converted to.
"""

from __future__ import annotations

import copy
import json
import os
import sys
from collections.abc import Callable
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # asks no server

from litellm import AnthropicConfig, MistralConfig
from litellm.litellm_core_utils.prompt_templates.factory import (
    _bedrock_converse_messages_pt,
    cohere_messages_pt_v2,
)
from litellm.llms.ollama.chat.transformation import OllamaChatConfig
from litellm.llms.vertex_ai.gemini.transformation import _gemini_convert_messages_with_history
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode, get_validator
from mistral_common.tokens.tokenizers.base import TokenizerVersion

Json = dict[str, Any]


class Unpaired(Exception):
    """What came of a conversion lacks a result, or has one too many."""


def anthropic(body: Json) -> None:
    made = AnthropicConfig().transform_request(
        "claude-sonnet-4-5", body["messages"], {"max_tokens": 9}, {}, {}
    )
    _paired(
        [message["content"] for message in made["messages"]], "tool_use", "tool_result", "id", "tool_use_id"
    )
    if made["messages"][0]["role"] != "user" or made["messages"][-1]["role"] != "user":
        raise Unpaired("does not begin and end with a user")


def bedrock(body: Json) -> None:
    made = _bedrock_converse_messages_pt(
        _without_system(body["messages"]), "anthropic.claude-sonnet-4-5", "bedrock_converse"
    )
    blocks = [
        [{"type": kind, **value} for block in m["content"] for kind, value in block.items() if isinstance(value, dict)]
        for m in made
    ]  # fmt: skip
    _paired(blocks, "toolUse", "toolResult", "toolUseId", "toolUseId")


def gemini(body: Json) -> None:
    asked = 0
    for content in _gemini_convert_messages_with_history(
        _without_system(body["messages"]), model="gemini-2.5-pro"
    ):
        parts = content["parts"]
        answers = sum("function_response" in part for part in parts)
        if content["role"] != "model" and answers != asked:
            raise Unpaired(f"{answers} function responses to {asked} calls")
        asked = sum("function_call" in part for part in parts)
        if any(part.get("text", "-") == "" for part in parts):
            raise Unpaired("an empty text part")
    if asked:
        raise Unpaired("ends on a call")


def cohere(body: Json) -> None:
    cohere_messages_pt_v2(_without_system(body["messages"]), "command-a", "cohere_chat")


def mistral(body: Json) -> None:
    MistralConfig()._transform_messages(body["messages"], "mistral-large-latest", is_async=False)


def ollama(body: Json) -> None:
    OllamaChatConfig().transform_request("llama3.1", body["messages"], {"tools": body.get("tools")}, {}, {})


CONVERTERS: dict[str, Callable[[Json], None]] = {
    "litellm, Anthropic": anthropic,
    "litellm, Bedrock": bedrock,
    "litellm, Gemini": gemini,
    "litellm, Cohere": cohere,
    "litellm, Mistral": mistral,
    "litellm, Ollama": ollama,
}


def _without_system(messages: list[Json]) -> list[Json]:
    return [message for message in messages if message["role"] != "system"]


def _paired(turns: list[Any], asks: str, answers: str, id: str, to: str) -> None:
    """Every call answered in the turn that follows, once, and nothing answered that was not asked."""
    asked: list[str] = []
    for blocks in turns:
        blocks = blocks if isinstance(blocks, list) else []
        answered = [block[to] for block in blocks if block.get("type") == answers]
        if sorted(answered) != sorted(asked):
            raise Unpaired(f"results of {answered} after calls of {asked}")
        asked = [block[id] for block in blocks if block.get("type") == asks]
    if asked:
        raise Unpaired(f"no results of {asked}")


def validate(body: Json, version: str) -> None:
    """Mistral's own validator, for one of its tokenizers."""
    request = ChatCompletionRequest.from_openai(messages=body["messages"], tools=body.get("tools"), model="m")
    get_validator(TokenizerVersion(version), ValidationMode.serving).validate_request(request)


def main() -> None:
    count = 0
    for line in sys.stdin:
        sent = json.loads(line)
        judges: dict[str, Callable[[Json], None]] = dict(CONVERTERS)
        for version in sent["mistral"]:
            judges[f"mistral-common, {version}"] = lambda body, version=version: validate(body, version)
        for name, judge in judges.items():
            count += 1
            try:
                judge(copy.deepcopy(sent["body"]))
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                print(json.dumps({"name": sent["name"], "converter": name, "said": said[:300]}), flush=True)
    print(json.dumps({"conversions": count}))


if __name__ == "__main__":
    main()
