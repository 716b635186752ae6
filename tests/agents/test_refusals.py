"""What providers say, in the words in which they were read somewhere: each row of the tables has its source."""

import re

import pytest

from agents.dialects.errors import asked_to_wait, classify
from agents.errors import ContentRefused, ModelError, TooLong, TranscriptRefused
from agents.refusals import TABLES, Meaning, Wording, find
from agents.transcript.forms import TITLES
from tests.agents.dialects.test_errors import WORDS

ROWS = [(table.meaning, wording) for table in TABLES for wording in table.wordings]


def kind_of(error: ModelError) -> str:
    """What the loop does with an error, by the name of its meaning."""
    match error:
        case TooLong():
            return "too_long"
        case ContentRefused():
            return "image" if error.reason == "image" else "filtered"
        case TranscriptRefused():
            return "form"
    return {"model_busy": "busy", "model_quota": "quota"}.get(error.code, error.code)


@pytest.mark.parametrize(("meaning", "wording"), ROWS, ids=[f"{m} {w.said[:50]}" for m, w in ROWS])
def test_each_wording_means_what_its_table_says(meaning: Meaning, wording: Wording) -> None:
    error = classify(wording.status, wording.said)
    assert kind_of(error) == meaning
    assert error.retry == (meaning == "busy")
    if isinstance(error, TranscriptRefused):
        assert error.helps == wording.helps


@pytest.mark.parametrize("wording", [wording for _, wording in ROWS], ids=lambda one: one.said[:50])
def test_each_row_names_where_it_was_read(wording: Wording) -> None:
    assert re.match(r"https://\S+", wording.source) and wording.said
    assert wording.helps in ("", *TITLES)
    re.compile(wording.pattern)


def test_too_long_is_known_of_every_provider() -> None:
    """One wording of each, whoever serves it (14 of them were measured, and 2 known)."""
    said = " ".join(wording.said for meaning, wording in ROWS if meaning == "too_long")
    for words in (
        "maximum context length is 128000",  # OpenAI, DeepSeek, vLLM, OpenRouter
        "exceeds the context window",  # OpenAI Responses
        "prompt is too long",  # Anthropic
        "exceed context limit",  # Anthropic, with max_tokens
        "Input is too long",  # Bedrock
        "input token count",  # Gemini
        "model token limit",  # Moonshot
        "Range of input length",  # Qwen
        "Prompt exceeds max length",  # GLM
        "context window exceeds limit",  # MiniMax
        "maximum prompt length is",  # xAI
        "available context size",  # llama.cpp
        "tokens to keep from the initial prompt",  # LM Studio
        "too many tokens",  # Cohere
        "reduce the length of the messages",  # Groq
        "exceeds the context length",  # Ollama
    ):
        assert words in said


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in WORDS.items() for text in texts])
def test_no_refusal_of_a_transcript_is_taken_for_something_else(kind: str, text: str) -> None:
    for status in (400, 422, 500):
        error = classify(status, text)
        assert isinstance(error, TranscriptRefused) and error.kind == kind


def test_what_a_person_wrote_decides_nothing_where_the_status_says_otherwise() -> None:
    assert find(404, "the prompt is too long") is None
    assert classify(401, "Insufficient Balance").code == "model_auth"
    assert classify(529, "overloaded: could not process image").code == "model_busy"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please try again in 6m0s.", 360.0),
        ("Please try again in 1h2m3s.", 3723.0),
        ("Please try again in 174ms. Visit …", 0.174),
        ("Please try again in 9.816s. Visit …", 9.816),
        ("please try again after 1 seconds", 1.0),
        ("Please try again in 20 s", 20.0),
        ('{"@type": "…RetryInfo", "retryDelay": "26s"}', 26.0),
        ('{"raw": "{\\"retryDelay\\": \\"26s\\"}"}', 26.0),
        ("Please retry in 20.04466179s.", 20.04466179),
        ("Please try again later.", None),
        ("Rate limit reached", None),
    ],
)
def test_how_long_to_wait_is_read_from_words_where_no_header_says_it(
    text: str, seconds: float | None
) -> None:
    assert asked_to_wait({}, text) == seconds
    assert asked_to_wait({"retry-after": "7"}, text) == 7.0


def test_a_limit_per_minute_is_waited_for_and_an_empty_account_is_not() -> None:
    plan = "You exceeded your current quota, please check your plan and billing details."
    assert classify(429, plan).code == "model_quota"
    minute = classify(
        429, f'{plan} "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier" "retryDelay": "34s"'
    )
    assert (minute.code, minute.retry, minute.after) == ("model_busy", True, 34.0)
    day = classify(
        429, f'{plan} "quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier" "retryDelay": "34s"'
    )
    assert day.code == "model_quota"
