"""Small chat templates of our own that hold one rule each, as the templates of real models hold them, and a server that
renders one before it answers.

Each rule was met in templates out of public packages (`make templates`), the names of some that hold it beside it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, Literal

from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tests.support.provider import Json, Reply, json_reply

#: Mistral's, and Gemma's with tools: only users and answers without calls are counted, and must take turns.
COUNTING = """
{%- set talk = messages[1:] if messages[0].role == "system" else messages %}
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

_EACH = "{%- for message in messages %}<RULE>[{{ message.role }}]{{ message.content }}{%- endfor %}"


def _each(rule: str) -> str:
    return _EACH.replace("<RULE>", rule)


RULES: dict[str, str] = {
    "users and plain answers take turns": COUNTING,
    # Qwen 3.5, Hermes
    "a system message only at the beginning": _each(
        "{%- if message.role == 'system' and not loop.first %}{{ raise_exception('System message must be at the "
        "beginning.') }}{% endif %}"
    ),
    # Gemma, Llama 2
    "the first one is a user's": (
        "{%- set talk = messages[1:] if messages[0].role == 'system' else messages %}"
        "{%- if talk[0].role != 'user' %}{{ raise_exception('Conversation must start with a user') }}{% endif %}"
    ),
    # Qwen 3: it looks for the last question and fails if there is none
    "somebody has asked something": (
        "{%- set found = namespace(query=false) %}"
        "{%- for message in messages %}{% if message.role == 'user' and message.content is string and "
        "not message.content.startswith('<tool_response>') %}{% set found.query = true %}{% endif %}{% endfor %}"
        "{%- if not found.query %}{{ raise_exception('No user query found in messages.') }}{% endif %}"
    ),
    # gpt-oss
    "a result follows a call": (
        "{%- set last = namespace(calls=0) %}{%- for message in messages %}"
        "{%- if message.tool_calls %}{% set last.calls = message.tool_calls | length %}"
        "{%- elif message.role == 'tool' %}{% if not last.calls %}{{ raise_exception('Message has tool role, but there "
        "was no previous assistant message with a tool call!') }}{% endif %}{% set last.calls = last.calls - 1 %}"
        "{%- elif last.calls %}{{ raise_exception('Not the same number of function calls and responses') }}{% endif %}"
        "{%- endfor %}"
    ),
    # Mistral Nemo, Mistral 7B v0.3
    "ids are nine letters or digits": _each(
        "{%- for call in message.tool_calls or [] %}{% if call.id is not defined or call.id | length != 9 %}"
        "{{ raise_exception('Tool call IDs should be alphanumeric strings with length 9!') }}{% endif %}{% endfor %}"
        "{%- if message.role == 'tool' and message.tool_call_id | length != 9 %}"
        "{{ raise_exception('Tool call IDs should be alphanumeric strings with length 9!') }}{% endif %}"
    ),
    # most of them: content is put together with other text
    "content is never null": _each(
        "{{- '<' + message.content + '>' if message.content is not iterable or "
        "message.content is string else '' }}"
    ),
    # SmolVLM
    "content is never empty": _each(
        "{%- if message.content[0] is undefined %}{{ message.content[0].x }}{% endif %}"
    ),
    # vLLM and llama.cpp parse arguments before the template sees them; GLM, MiniMax, Qwen3-Coder take them apart
    "arguments are an object": _each(
        "{%- for call in message.tool_calls or [] %}"
        "{% for name, value in (call.function.arguments | from_json).items() %}{{ name }}={{ value }}{% endfor %}"
        "{% endfor %}"
    ),
    # GigaChat, older Granite
    "no fields of another provider": _each(
        "{%- if message.reasoning_content is defined or message.extra_content is defined %}"
        "{{ raise_exception('Reasoning role obtained') }}{% endif %}"
    ),
    # Command R, Phi 3, Yi and others
    "no roles but the four": _each(
        "{%- if message.role not in ['system', 'user', 'assistant', 'tool'] %}"
        "{{ raise_exception('Only user, assistant, system and tool roles are supported') }}{% endif %}"
    ),
    # Gemma 2, Llama 2: models without tools; what the text-only form is for
    "strictly taking turns, without tools": (
        "{%- set talk = messages[1:] if messages[0].role == 'system' else messages %}"
        "{%- for message in talk %}{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
        "{%- endfor %}"
    ),
}
#: The rules that only a request without tool messages can keep.
WITHOUT_TOOLS = ("strictly taking turns, without tools",)


@functools.cache
def _compiled(template: str) -> Template:
    def raise_exception(words: str) -> None:
        raise TemplateError(words)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = raise_exception
    environment.filters["from_json"] = json.loads
    return environment.from_string(template)


def shown(body: Json, template: str = COUNTING) -> str:
    """What the model would read of a Chat Completions body. Raises TemplateError, or what else a template may raise, as
    the server would."""
    return _compiled(template).render(messages=body["messages"], tools=body.get("tools"))


#: How servers word what their template raised, and what they say of themselves.
Server = Literal["vLLM", "llama.cpp"]


class Templated:
    """An answer for `Provider` that renders every request before it gives the one of `model`, and refuses as the server
    does when the template raises. `refused`: what the template said."""

    def __init__(self, server: Server, model: Callable[[Json], Reply], template: str = COUNTING) -> None:
        self.server, self.model, self.template = server, model, template
        self.refused: list[str] = []
        self.rendered: list[str] = []

    def __call__(self, path: str, body: Json) -> Reply:
        match path:
            case "/v1/models":
                owner = {"vLLM": "vllm", "llama.cpp": "llamacpp"}[self.server]
                return json_reply(200, {"object": "list", "data": [{"id": "ours", "owned_by": owner}]})
            case "/props" if self.server == "llama.cpp":
                return json_reply(200, {"chat_template": self.template})
            case "/v1/chat/completions":
                return self._completion(body)
        return json_reply(404, {"error": {"message": "Not Found"}})

    def _completion(self, body: Json) -> Reply:
        try:
            self.rendered.append(shown(body, self.template))
        except TemplateError as error:
            self.refused.append(str(error))
            return _refusal(self.server, str(error))
        return self.model(body)


def _refusal(server: Server, words: str) -> Reply:
    if server == "vLLM":
        error: dict[str, Any] = {"message": words, "type": "BadRequestError", "param": None, "code": 400}
        return json_reply(400, {"error": error})
    return json_reply(500, {"error": {"code": 500, "message": words, "type": "server_error"}})
