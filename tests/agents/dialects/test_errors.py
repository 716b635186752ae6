"""Refusals and failures of providers, in their own words."""

import re
from datetime import UTC, datetime

import pytest

from agents import extensions
from agents.dialects.errors import classify, excerpt, message_of, retry_after
from agents.profiles import refusal_kind

#: As the providers write them; ids and numbers made up.
WORDS = {
    "E1": ["No tool call found for function call output with call_id call_f6db199d."],
    "E2": ["No tool output found for function call call_9."],
    "E3": [
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
        "'tool_call_id'. The following tool_call_ids did not have response messages: Read:158",
        'an assistant message with "tool_calls" must be followed by tool messages responding to each "tool_call_id"',
    ],
    "E4": [
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
        "'tool_call_id'. (insufficient tool messages following tool_calls message)"
    ],
    "E5": [
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
        "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'",
        '<400> InternalError.Algo.InvalidParameter: messages with role "tool" must be a response to a preceeding '
        'message with "tool_calls".',
    ],
    "E6": ["Duplicate value for 'tool_call_id' of 'call_1' in messages[7] and messages[8]."],
    "E7": ["Duplicate item found with id fc_123. Remove duplicate items.", "Duplicate 'call_id' in input"],
    "E8": ["tool_call_id  is not found", "Invalid request: tool_call_id call_1 is not found"],
    "E9": [
        "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40, "
        "but got a string with length 53 instead.",
        '{"code": "string_above_max_length"}',
    ],
    "E10": ["Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9."],
    "E11": [
        "Not the same number of function calls and responses",
        "Unexpected tool call id abc in tool results",
        "Duplicate tool call id in assistant message",
    ],
    "E12": [
        '{"message": "Unexpected role \'user\' after role \'tool\'", "type": "invalid_request_message_order", '
        '"code": "3230"}'
    ],
    "E13": [
        "messages.3: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. Each "
        "`tool_use` block must have a corresponding `tool_result` block in the next message."
    ],
    "E14": [
        "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1. Each `tool_result` "
        "block must have a corresponding `tool_use` block in the previous message."
    ],
    "E15": ["each tool_use must have a single result. Found multiple `tool_result` blocks with id: toolu_1"],
    "E16": ["messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"],
    "E17": ["messages: text content blocks must be non-empty"],
    "E18": [
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        "each thinking block must contain thinking",
    ],
    "E19": [
        "Invalid request: the message at position 3 with role 'assistant' must not be empty",
        "Invalid request: text content is empty",
    ],
    "E20": ["Invalid value for 'content': expected a string, got null."],
    "E21": ['The "function.arguments" parameter of the code model must be in JSON format.'],
    "E22": ["Failed to parse tool call arguments as JSON: [json.exception.parse_error.101]"],
    "E23": ["invalid tool call arguments", "invalid message content type: <nil>"],
    "E24": [
        "invalid params, tool call result does not follow tool call (2013)",
        "invalid params, tool result's tool id(call_1) not found (2013)",
        "invalid params, invalid function arguments json string (2013)",
    ],
    "E25": [
        '{"code": "1214", "message": "messages 参数非法。请检查文档。"}',
        "The messages parameter is illegal.",
    ],
    "E26": [
        "Item 'fc_1' of type 'function_call' was provided without its required 'reasoning' item: 'rs_1'.",
        "Item 'rs_1' of type 'reasoning' was provided without its required following item.",
    ],
    "E27": ["Invalid 'input[2].id': 'call_x'. Expected an ID that begins with 'fc'."],
    "E28": ["thinking is enabled but reasoning_content is missing in assistant tool call message at index 2"],
    "E29": [
        "The reasoning_content in the thinking mode must be passed back to the API.",
        "Missing `reasoning_content` field in the assistant message at message index 4",
    ],
    "E30": [
        "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
        "Please ensure that the number of function response parts is equal to the number of function call parts of "
        "the function call turn.",
    ],
    "E31": ["Function call is missing a thought_signature in functionCall parts."],
}


def test_every_kind_has_its_words() -> None:
    assert list(WORDS) == [f"E{number}" for number in range(1, 32)]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in WORDS.items() for text in texts])
def test_T5_each_text_is_known_and_never_retried(kind: str, text: str) -> None:
    assert refusal_kind(text) == kind
    error = classify(500 if kind == "E22" else 400, text)
    assert not error.retry
    assert error.code == "model_rejected"
    assert kind in error.detail


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in WORDS.items() for text in texts])
def test_T5_no_text_is_two_kinds_so_that_the_order_of_providers_does_not_matter(kind: str, text: str) -> None:
    lowered = text.lower()
    found = {
        refusal.kind
        for provider in extensions.providers
        for refusal in provider.refusals
        if any(re.search(pattern, lowered) for pattern in refusal.patterns)
    }
    assert found == {kind}


def test_everyday_errors_are_no_refused_transcripts() -> None:
    for text in (
        "Rate limit reached",
        "The server had an error",
        "Invalid schema for function 'x'",
        "",
        "tool",
    ):
        assert refusal_kind(text) == ""


def test_a_provider_may_ask_for_a_pause_in_three_ways() -> None:
    now = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}) == 1.5
    assert retry_after({"retry-after": "2"}) == 2.0
    assert retry_after({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT"}, now) == 30.0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            '{"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}}',
            "Content Exists Risk",
        ),
        ('{"message": "Content Exists Risk", "code": "400"}', "Content Exists Risk"),
        (
            '{"error": {"message": "Bad role.", "code": "invalid_value", "param": "messages[3].role"}}',
            "Bad role. (invalid_value, messages[3].role)",
        ),
        (
            '[{"error": {"code": 400, "message": "Unable to process input image."}}]',
            "Unable to process input image.",
        ),
        ('{"error": {"message": "{\\"error\\": {\\"message\\": \\"Within.\\"}}"}}', "Within."),
        ('{"detail": [{"loc": ["body"], "msg": "Field required"}]}', "Field required"),
        ('{"error": "no"}', "no"),
        ('{"error": {"code": "E_4711"}}', '{"error": {"code": "E_4711"}}'),
        ("plain words", "plain words"),
        ('"a string"', "a string"),
        ("", ""),
        ("[" * 100_000, "[" * 100_000),
        ('{"error": ' * 50 + '"deep"' + "}" * 50, '{"error": ' * 50 + '"deep"' + "}" * 50),
    ],
)
def test_people_read_the_sentence_of_an_errors_body_and_not_its_json(body: str, said: str) -> None:
    assert message_of(body) == said


def test_what_a_filter_says_is_told_without_its_json() -> None:
    body = '{"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}}'
    assert classify(400, body).detail == "Content Exists Risk"


def test_a_persons_excerpt_is_short_on_one_line_and_without_keys() -> None:
    text = excerpt("Wrong key\n sk-proj-abcdefghijk and Bearer abc.def  " + "x" * 1_000)
    assert "abcdefghijk" not in text and "abc.def" not in text
    assert "\n" not in text and len(text) == 300
