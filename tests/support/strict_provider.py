"""Providers that mean it: the request rules of each, and their own words when one is broken.

Written from the reference and from nothing of ours: it imports neither the profiles nor the validator. `refusal`
judges a body; `strict` wraps an answer so that a real HTTP server refuses what the provider would refuse.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import demo.rules
from tests.support import strict_native
from tests.support.provider import Answer, Json, Reply, json_reply
from tests.support.refusals import Refusal, Refused


def refusal(provider: str, body: Json) -> Refusal | None:
    """Why this provider refuses the body, or None if it takes it."""
    try:
        JUDGES[provider](body)
    except Refused as refused:
        return refused.refusal
    return None


def strict(provider: str, answer: Answer) -> Answer:
    """`answer`, but a body that the provider refuses gets the refusal."""

    def judged(path: str, body: Json) -> Any:
        expected = PATHS.get(provider, "/chat/completions")
        if not path.endswith(expected):
            return json_reply(404, {"error": {"message": f"Unknown path {path}"}})
        found = refusal(provider, body)
        if found is None:
            return answer(path, body)
        if provider in NATIVE:
            return json_reply(found.status, strict_native.error_body(provider, found.status, found.text))
        error = {"message": found.text, "type": "invalid_request_error", "code": found.code or None}
        return json_reply(found.status, {"error": error})

    return judged


#: The providers that speak an API of their own, and where each takes its requests.
NATIVE = ("anthropic-messages", "anthropic-messages-plain", "gemini-native")
PATHS = {
    "openai-responses": "/responses",
    "anthropic-messages": "/v1/messages",
    "anthropic-messages-plain": "/v1/messages",
    "gemini-native": ":streamGenerateContent?alt=sse",
}


# OpenAI's form of the rules, with the words of each provider that has taken it over


@dataclass(frozen=True)
class Words:
    """How a provider words the common refusals. `{ids}`, `{id}`, `{i}`: filled in."""

    missing: str = (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
        "'tool_call_id'. The following tool_call_ids did not have response messages: {ids}"
    )
    orphan: str = (
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
        "'tool_calls'."
    )
    duplicate: str = "Duplicate value for 'tool_call_id' of '{id}' in messages[{i}]"
    same_id: str = "Duplicate value for 'tool_call_id' of '{id}' in messages[{i}]"
    empty_id: str = "Missing required parameter: 'messages[{i}].tool_calls[0].id'."
    long_id: str = (
        "Invalid 'messages[{i}].tool_calls[0].id': string too long. Expected a string with maximum length 40"
    )
    #: Azure's limit is 40; OpenAI's own texts name 40 or 64, and 51 was taken in a live test.
    id_length: int = 64
    no_content: str = "Invalid value for 'content': expected a string, got null."
    empty_assistant: str = ""
    arguments: str = ""
    status: int = 400
    #: Null is refused beside calls, too (xAI, Gemini in 2025).
    never_null: bool = False
    code: str = ""


OPENAI = Words()
MOONSHOT = Words(
    missing=OPENAI.missing.replace("An assistant", "an assistant"),
    orphan="Invalid request: tool_call_id {id} is not found",
    empty_id="Invalid request: tool_call_id  is not found",
    empty_assistant="Invalid request: the message at position {i} with role 'assistant' must not be empty",
)
DEEPSEEK = Words(
    missing="An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. (insufficient tool messages following tool_calls message)",
    orphan="Messages with role 'tool' must be a response to a preceding message with 'tool_calls'",
)
QWEN = Words(
    missing="<400> InternalError.Algo.InvalidParameter: " + OPENAI.missing.replace("'", '"'),
    orphan='<400> InternalError.Algo.InvalidParameter: messages with role "tool" must be a response to a preceeding '
    'message with "tool_calls".',
    arguments='<400> InternalError.Algo.InvalidParameter: The "function.arguments" parameter of the code model must '
    "be in JSON format.",
)
MINIMAX = Words(
    missing="invalid params, tool call result does not follow tool call (2013)",
    orphan="invalid params, tool result's tool id({id}) not found (2013)",
    duplicate="invalid params, tool result's tool id({id}) not found (2013)",
    arguments="invalid params, invalid function arguments json string (2013)",
    empty_id="invalid params, tool result's tool id() not found (2013)",
)
_ILLEGAL = "messages 参数非法。请检查文档。"
GLM = Words(
    missing=_ILLEGAL, orphan=_ILLEGAL, duplicate=_ILLEGAL, same_id=_ILLEGAL, empty_id=_ILLEGAL, no_content=_ILLEGAL,
    empty_assistant=_ILLEGAL, code="1214",
)  # fmt: skip
OLLAMA = Words(no_content="invalid message content type: <nil>", arguments="invalid tool call arguments")
LLAMA = Words(arguments="Failed to parse tool call arguments as JSON: [json.exception.parse_error.101]")
AZURE = Words(id_length=40)


def _openai(
    words: Words, extra: Callable[[list[Json]], None] | None = None, *, objects: bool = False
) -> Callable[[Json], None]:
    def judge(body: Json) -> None:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise Refused("[] is too short - 'messages'")
        _schema(body, messages, words)
        _pairs(messages, words)
        if words.arguments or objects:
            _json_arguments(messages, words, objects)
        if not any(message["role"] == "user" for message in messages):
            raise Refused(_ILLEGAL if words.code == "1214" else "There is no user message.", code=words.code)
        if extra is not None:
            extra(messages)

    return judge


def _refuse(words: Words, text: str, i: int = 0, id: Any = "", ids: str = "") -> None:
    raise Refused(text.format(i=i, id=id, ids=ids), words.status, words.code)


def _schema(body: Json, messages: list[Json], words: Words) -> None:
    """Types and lengths, as a server checks them before it looks at the conversation."""
    known = {"role", "content", "tool_calls", "tool_call_id", "name", "reasoning_content"}
    for i, message in enumerate(messages):
        role = message.get("role")
        if role not in ("system", "user", "assistant", "tool"):
            raise Refused(
                f"Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user', and 'tool'."
            )
        if unknown := set(message) - known:
            raise Refused(f"Unrecognized request argument supplied: messages[{i}].{sorted(unknown)[0]}")
        content = message.get("content")
        if content is None and (words.never_null or role != "assistant" or not message.get("tool_calls")):
            _refuse(words, words.no_content, i)
        if words.empty_assistant and role == "assistant" and not message.get("tool_calls") and not content:
            _refuse(words, words.empty_assistant, i)
        if isinstance(content, list):
            _parts(role, content, words)
        if "tool_calls" in message and not message["tool_calls"]:
            raise Refused(
                f"Invalid 'messages[{i}].tool_calls': empty array. Expected an array with minimum length 1"
            )
        for call in message.get("tool_calls", ()):
            if not call.get("id"):
                _refuse(words, words.empty_id, i)
            if len(call["id"]) > words.id_length:
                _refuse(words, words.long_id, i)
            if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", call["function"]["name"]):
                raise Refused(
                    f"Invalid 'messages[{i}].tool_calls[0].function.name': string does not match pattern."
                )
            if not isinstance(call["function"]["arguments"], str):
                raise Refused(
                    f"Invalid type for 'messages[{i}].tool_calls[0].function.arguments': expected a string"
                )
    if "tools" in body and not body["tools"]:
        raise Refused(
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array."
        )


def _parts(role: str, parts: list[Json], words: Words) -> None:
    """Text anywhere; pictures from users only, as data URLs, and only where the provider's models see."""
    for part in parts:
        if part["type"] == "text":
            if not part["text"]:
                raise Refused("Invalid request: text content is empty")
        elif part["type"] != "image_url" or words is DEEPSEEK:
            raise Refused(
                f"Failed to deserialize the JSON body into the target type: unknown variant `{part['type']}`, "
                "expected `text`"
            )
        elif role != "user":
            raise Refused(f"Invalid 'messages': '{role}' messages cannot contain images.")
        else:
            _picture(part["image_url"]["url"])


def _picture(url: str) -> None:
    found = re.fullmatch(r"data:image/(png|jpeg|webp|gif);base64,([A-Za-z0-9+/]+={0,2})", url)
    if found is None or len(found[2]) % 4:
        raise Refused("Invalid base64 image_url.")


def _pairs(messages: list[Json], words: Words) -> None:
    """Every call answered before anything else is said, once, and every answer to a call of the block before it."""
    i = 0
    while i < len(messages):
        message = messages[i]
        if message["role"] == "tool":
            _refuse(words, words.orphan, i, id=message.get("tool_call_id", ""))
        i += 1
        calls = message.get("tool_calls")
        if not calls:
            continue
        asked = [call["id"] for call in calls]
        if len(set(asked)) < len(asked):
            _refuse(words, words.same_id, i - 1, id=asked[0])
        answered: set[str] = set()
        while i < len(messages) and messages[i]["role"] == "tool":
            id = messages[i].get("tool_call_id", "")
            if id in answered:
                _refuse(words, words.duplicate, i, id=id)
            if id not in asked:
                _refuse(words, words.orphan, i, id=id)
            answered.add(id)
            i += 1
        if open_ids := [id for id in asked if id not in answered]:
            _refuse(words, words.missing, i, ids=", ".join(open_ids))


def _json_arguments(messages: list[Json], words: Words, objects: bool) -> None:
    for i, message in enumerate(messages):
        for call in message.get("tool_calls", ()):
            try:
                value = json.loads(call["function"]["arguments"], parse_constant=_no_constant)
            except ValueError:
                value = None
            if value is None or (objects and not isinstance(value, dict)):
                _refuse(words, words.arguments, i)


def _no_constant(constant: str) -> None:
    raise ValueError(constant)


# What single providers add


def _kimi_thinking(messages: list[Json]) -> None:
    for i, message in enumerate(messages):
        if message.get("tool_calls") and not message.get("reasoning_content"):
            raise Refused(
                f"thinking is enabled but reasoning_content is missing in assistant tool call message at index {i}"
            )


def _kimi_template(messages: list[Json]) -> None:
    """The K2 template prints ids only: a foreign one loses the call's name, and a counter that jumps back its place."""
    last = -1
    for message in messages:
        for call in message.get("tool_calls", ()):
            found = re.fullmatch(r"functions\.([a-zA-Z0-9_-]+):(\d+)", call["id"])
            whole = found is not None and found[1] == call["function"]["name"]
            cut = (
                found is not None and len(call["id"]) == 64 and call["function"]["name"].startswith(found[1])
            )
            if found is None or not (whole or cut) or int(found[2]) <= last:
                raise Refused(f"the template cannot tell the tool of call {call['id']}")
            last = int(found[2])
    _alternating(messages)


def _deepseek_thinking(messages: list[Json]) -> None:
    for message in messages:
        if message["role"] == "assistant" and not message.get("reasoning_content"):
            raise Refused("The reasoning_content in the thinking mode must be passed back to the API.")


def _alternating(messages: list[Json]) -> None:
    """Many chat templates raise when two messages of the user, or of the assistant, follow each other."""
    talk = [message["role"] for message in messages if message["role"] != "system"]
    if any(first == second != "tool" for first, second in itertools.pairwise(talk)):
        raise Refused("Conversation roles must alternate user/assistant/user/assistant/...", 500)


def _counting(messages: list[Json]) -> None:
    """Templates of the Mistral family and of Gemma count users and plain answers only; results are not in between."""
    _alternating(messages)
    talk = [message for message in messages if message["role"] in ("user", "assistant")]
    roles = [message["role"] for message in talk if not message.get("tool_calls")]
    if any(first == second for first, second in itertools.pairwise(roles)):
        raise Refused("After the optional system message, conversation roles must alternate", 500)


def _mistral(messages: list[Json]) -> None:
    follows = {
        "": {"system", "user"},
        "system": {"system", "user"},
        "user": {"user", "assistant"},
        "assistant": {"user", "assistant", "tool"},
        "tool": {"tool", "assistant"},
    }
    previous = ""
    asked: list[str] = []
    for message in messages:
        role = message["role"]
        if previous == "tool" and role != "tool" and asked:
            raise Refused("Not the same number of function calls and responses")
        if role not in follows[previous]:
            raise Refused(f"Unexpected role '{role}' after role '{previous}'", code="3230")
        for call in message.get("tool_calls", ()):
            if not re.fullmatch(r"[a-zA-Z0-9]{9}", call["id"]):
                raise Refused(f"Tool call id was {call['id']} but must be a-z, A-Z, 0-9, with a length of 9.")
            asked.append(call["id"])
        if role == "tool":
            if message["tool_call_id"] not in asked:
                raise Refused(f"Unexpected tool call id {message['tool_call_id']} in tool results")
            asked.remove(message["tool_call_id"])
        elif role == "user" and asked:
            raise Refused("Not the same number of function calls and responses")
        if role == "assistant" and not message.get("content") and not message.get("tool_calls"):
            raise Refused("Assistant message must have either content or tool_calls, but not none.")
        previous = role
    if previous not in ("user", "tool"):
        raise Refused(
            f"Expected last role User or Tool (or Assistant with prefix True) for serving but got {previous}"
        )


def _not_both(messages: list[Json]) -> None:
    if any(message.get("content") and message.get("tool_calls") for message in messages):
        raise Refused("Assistant message must have either content or tool_calls, but not both.")
    _alternating(messages)


def _anthropic(body: Json) -> None:
    """As its compatibility layer sees it: messages become blocks, and blocks are checked."""
    known: list[str] = []
    turns: list[tuple[str, list[Json]]] = []
    for message in body["messages"]:
        role = message["role"]
        if role == "system":
            continue
        side = "assistant" if role == "assistant" else "user"
        blocks: list[Json] = []
        if role == "tool":
            if not isinstance(message["content"], str) or not message["content"]:
                raise Refused("messages: text content blocks must be non-empty")
            blocks.append({"type": "tool_result", "id": message["tool_call_id"]})
        elif message.get("content") is not None:
            content = message["content"]
            parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
            if any(part["type"] == "text" and not part["text"].strip() for part in parts):
                raise Refused("messages: text content blocks must be non-empty")
            blocks += [{"type": part["type"]} for part in parts]
        for call in message.get("tool_calls", ()):
            if not re.fullmatch(r"[a-zA-Z0-9_-]+", call["id"]):
                raise Refused(
                    "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
                )
            if not isinstance(json.loads(call["function"]["arguments"]), dict):
                raise Refused("messages.1.content.0.tool_use.input: Input should be a valid dictionary")
            known.append(call["function"]["name"])
            blocks.append({"type": "tool_use", "id": call["id"]})
        if turns and turns[-1][0] == side:
            turns[-1][1].extend(blocks)
        else:
            turns.append((side, blocks))
    if not turns or turns[0][0] != "user":
        raise Refused('messages: first message must use the "user" role')
    asked: list[str] = []
    for side, blocks in turns:
        if side == "assistant":
            if not blocks:
                raise Refused("messages: all messages must have non-empty content")
            asked = [block["id"] for block in blocks if block["type"] == "tool_use"]
            continue
        results = [block["id"] for block in blocks if block["type"] == "tool_result"]
        leading = [block["type"] == "tool_result" for block in blocks[: len(results)]]
        if len(set(results)) < len(results):
            raise Refused(
                f"each tool_use must have a single result. Found multiple `tool_result` blocks with id: {results[0]}"
            )
        if stray := [id for id in results if id not in asked]:
            raise Refused(f"unexpected `tool_use_id` found in `tool_result` blocks: {stray[0]}")
        if set(asked) != set(results) or not all(leading):
            raise Refused(
                "`tool_use` ids were found without `tool_result` blocks immediately after: "
                + ", ".join(asked)
            )
        asked = []
    if asked:
        raise Refused(
            "`tool_use` ids were found without `tool_result` blocks immediately after: " + ", ".join(asked)
        )
    if turns[-1][0] != "user":
        raise Refused("This model does not support assistant message prefill.")
    if known and not body.get("tools"):
        raise Refused("Requests which include `tool_use` or `tool_result` blocks must define tools.")


def _gemini(body: Json) -> None:
    turn = ""
    asked = 0
    for message in body["messages"]:
        role = message["role"]
        if role == "system":
            continue
        calls = message.get("tool_calls", ())
        if not message["content"]:
            raise Refused("Unable to submit request because it has an empty text parameter.")
        if asked and role != "tool":
            raise Refused(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        if role == "tool":
            if not asked:
                raise Refused(
                    "Please ensure that function response turn comes immediately after a function call turn."
                )
            asked -= 1
        if calls:
            if turn not in ("user", "tool"):
                raise Refused(
                    "Please ensure that function call turn comes immediately after a user turn or after a function "
                    "response turn."
                )
            asked = len(calls)
            first = calls[0].get("extra_content", {}).get("google", {}).get("thought_signature")
            if not first:
                raise Refused("Function call is missing a thought_signature in functionCall parts.")
            for call in calls:
                if not isinstance(json.loads(call["function"]["arguments"]), dict):
                    raise Refused("Invalid value at 'contents[1].parts[0].function_call.args'")
        turn = role
    if asked:
        raise Refused(
            "Please ensure that the number of function response parts is equal to the number of function call parts"
        )
    if turn not in ("user", "tool"):
        raise Refused("Please ensure that single turn requests end with a user role or a function response.")


def _responses(body: Json) -> None:
    if "messages" in body or not isinstance(body.get("input"), list) or not body["input"]:
        raise Refused("Missing required parameter: 'input'.")
    items: list[Json] = body["input"]
    calls: dict[str, int] = {}
    outputs: set[str] = set()
    ids: set[str] = set()
    prefixes = {"function_call": "fc", "reasoning": "rs", "message": "msg"}
    for i, item in enumerate(items):
        kind = item.get("type", "message")
        id = item.get("id")
        if id is not None:
            if not id.startswith(prefixes.get(kind, "fc")):
                raise Refused(
                    f"Invalid 'input[{i}].id': '{id}'. Expected an ID that begins with '{prefixes.get(kind)}'."
                )
            if id in ids:
                raise Refused(
                    f"Duplicate item found with id {id}. Remove duplicate items from your input and try again."
                )
            ids.add(id)
        if kind == "message":
            content = item["content"]
            parts = content if isinstance(content, list) else []
            pictures = [part for part in parts if part["type"] == "input_image" and item["role"] == "user"]
            texts = [part for part in parts if part not in pictures]
            if not content or not all(part.get("text") for part in texts):
                raise Refused(f"Invalid 'input[{i}].content': empty string.")
            known = "output_text" if item["role"] == "assistant" else "input_text"
            if wrong := [part["type"] for part in texts if part["type"] != known]:
                raise Refused(f"Invalid value: '{wrong[0]}'. Supported values are: '{known}', 'input_image'.")
            for picture in pictures:
                _picture(picture["image_url"])
        elif kind == "function_call":
            call = item["call_id"]
            if not call or len(call) > 64:
                raise Refused(
                    f"Invalid 'input[{i}].call_id': string too long. Expected a string with maximum length 64"
                )
            if call in calls:
                raise Refused(f"Duplicate 'call_id' {call}")
            calls[call] = i
            if not isinstance(item["arguments"], str):
                raise Refused(f"Invalid type for 'input[{i}].arguments': expected a string")
        elif kind == "function_call_output":
            call = item["call_id"]
            if call not in calls:
                raise Refused(f"No tool call found for function call output with call_id {call}.")
            if call in outputs:
                raise Refused(f"Duplicate 'call_id' {call}")
            outputs.add(call)
    for call in calls:
        if call not in outputs:
            raise Refused(f"No tool output found for function call {call}.")
    _reasoning(items)


def _reasoning(items: list[Json]) -> None:
    """A reasoning item and what it produced come together, or neither has a server id."""
    thought = ""
    for i, item in enumerate(items):
        kind = item.get("type", "message")
        if kind == "reasoning":
            after = items[i + 1] if i + 1 < len(items) else {}
            if (
                after.get("type") not in ("reasoning", "function_call", "message")
                or after.get("role") == "user"
            ):
                raise Refused(
                    f"Item '{item['id']}' of type 'reasoning' was provided without its required following item."
                )
            thought = item["id"]
        elif kind in ("function_call", "message") and item.get("id"):
            if not thought:
                raise Refused(
                    f"Item '{item['id']}' of type '{kind}' was provided without its required 'reasoning' item: 'rs_?'."
                )
        else:
            thought = ""


def _with_extra_content(judge: Callable[[Json], None]) -> Callable[[Json], None]:
    """Gemini's own field is no stranger there."""

    def judged(body: Json) -> None:
        bare = [
            {
                **m,
                "tool_calls": [{k: v for k, v in c.items() if k != "extra_content"} for c in m["tool_calls"]],
            }
            if "tool_calls" in m
            else m
            for m in body["messages"]
        ]
        judge({**body, "messages": bare})

    return judged


def _both(*judges: Callable[[Json], None]) -> Callable[[Json], None]:
    def judged(body: Json) -> None:
        for judge in judges:
            judge(body)

    return judged


def _demo(body: Json) -> None:
    """The demo model's own gate."""
    try:
        demo.rules.check(body)
    except demo.rules.ProviderRefusal as refused:
        raise Refused(refused.message, refused.status, refused.code or "") from None


def _no_reasoning(messages: list[Json]) -> None:
    for i, message in enumerate(messages):
        if "reasoning_content" in message:
            raise Refused(f"Unrecognized request argument supplied: messages[{i}].reasoning_content")


JUDGES: dict[str, Callable[[Json], None]] = {
    "openai-chat": _openai(OPENAI, _no_reasoning),
    "openai-responses": _responses,
    "azure": _openai(AZURE, _no_reasoning),
    "anthropic-messages": strict_native.anthropic_messages,
    "anthropic-messages-plain": strict_native.anthropic_messages,
    "gemini-native": strict_native.gemini_contents,
    "anthropic": _both(_openai(Words(), _no_reasoning), _anthropic),
    "gemini": _both(_with_extra_content(_openai(Words(never_null=True))), _gemini),
    "kimi": _openai(MOONSHOT),
    "kimi-thinking": _openai(MOONSHOT, _kimi_thinking),
    "kimi-template": _openai(Words(id_length=64), _kimi_template),
    "deepseek": _openai(DEEPSEEK),
    "deepseek-thinking": _openai(DEEPSEEK, _deepseek_thinking),
    "qwen": _openai(QWEN),
    "glm": _openai(GLM),
    "mistral": _openai(Words(orphan="Unexpected role 'tool' after role 'user'"), _mistral),
    "mistral-v3": _both(
        _openai(Words(orphan="Unexpected role 'tool' after role 'user'"), _mistral),
        _openai(Words(), _not_both),
    ),
    "mistral-v3-template": _both(_openai(Words(), _counting), _openai(Words(), _not_both)),
    "minimax": _openai(MINIMAX),
    "compatible": _openai(Words(never_null=True), _counting, objects=True),
    "vllm": _openai(Words(), _counting),
    "ollama": _openai(OLLAMA, _counting, objects=True),
    "demo": _demo,
    "llama.cpp": _openai(Words(arguments=LLAMA.arguments, status=500), _counting, objects=True),
}


def providers() -> Iterator[str]:
    """The names of all providers that can be strict."""
    yield from JUDGES


__all__ = ["Refusal", "Reply", "providers", "refusal", "strict"]
