"""Log lines have one format and never carry a secret."""

from __future__ import annotations

import logging

import pytest
from django.conf import settings
from django.core.exceptions import RequestAborted

from config.logs import LineFormatter, redact, refusal_in_one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:s3cret@127.0.0.1:6380/0", "redis://:***@127.0.0.1:6380/0"),
        ("postgres://me:pa:ss@db/x", "postgres://me:***@db/x"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
        ("Incorrect API key provided: sk-proj-abcdefgh1234", "Incorrect API key provided: sk-***"),
        (
            "Unauthorized: /hooks/6590141b-d2b2-49bd-ad72-26b9b4b45124/0OCn6KSor138vct-3okD6qyRDuPTxN_OOVLrlpS_9MQ",
            "Unauthorized: /hooks/6590141b-d2b2-49bd-ad72-26b9b4b45124/***",
        ),
        ("https://example.com/a@b", "https://example.com/a@b"),
        ("at 12:30:01 mail me@example.com", "at 12:30:01 mail me@example.com"),
    ],
)
def test_secrets_are_masked_and_the_rest_is_kept(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_a_traceback_is_masked_too() -> None:
    formatter = LineFormatter(settings.LOGGING["formatters"]["line"]["format"])
    try:
        raise ConnectionError("redis://:s3cret@host/0 refused")
    except ConnectionError as problem:
        record = logging.LogRecord(
            "chat", logging.ERROR, "f", 1, "lost %s", ("it",), (type(problem), problem, None)
        )
    record.created, record.msecs = 0.0, 0.0
    text = formatter.format(record)
    assert text.startswith("1970-01-01T00:00:00.000Z ERROR chat lost it\n")
    assert "s3cret" not in text


@pytest.mark.parametrize(("problem", "shown"), [(RequestAborted(), False), (ValueError(), True)])
def test_a_visitor_who_left_is_no_error(problem: Exception, shown: bool) -> None:
    record = logging.LogRecord(
        "asyncio", logging.ERROR, "f", 1, "never retrieved", (), (type(problem), problem, None)
    )
    assert bool(logging.getLogger("asyncio").filter(record)) is shown


@pytest.mark.parametrize(
    ("name", "status", "told"),
    [
        *(("django.request", 400, False), ("django.request", 500, True), ("chat", None, True)),
        *(
            ("django.security.TooManyFieldsSent", 400, False),
            ("django.security.SuspiciousOperation", 400, False),
        ),
    ],
)
def test_what_a_client_sent_leaves_no_traceback(name: str, status: int | None, told: bool) -> None:
    problem = ValueError()
    record = logging.LogRecord(name, logging.ERROR, "f", 1, "refused", (), (ValueError, problem, None))
    if status is not None:
        record.status_code = status
    assert refusal_in_one_line(record)
    assert bool(record.exc_info) is told
    assert (record.levelname == "ERROR") is told
