"""Log lines have one format and never carry a secret."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import sys

import pytest
from django.conf import settings
from django.core.exceptions import RequestAborted

from agents import context
from chat.support.database import ask
from config.logs import JsonFormatter, LineFormatter, redact, refusal_in_one_line


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


#: What a stranger may have logged: a line of their own, a red screen, a text that is read backwards.
FORGED = "a\r\n2026-01-01T00:00:00.000Z ERROR chat all is lost\x1b[31m\x00\x85\u2028\u202egnp.exe\x9b2J"


@pytest.mark.parametrize("name", ["line", "json"])
def test_no_text_of_a_stranger_ends_a_line_or_moves_the_cursor(name: str) -> None:
    formatter = {"line": LineFormatter, "json": JsonFormatter}[name](
        settings.LOGGING["formatters"][name].get("format")
    )
    try:
        raise ValueError(FORGED)
    except ValueError as problem:
        trace = (type(problem), problem, problem.__traceback__)
    plain = formatter.format(
        logging.LogRecord("django", logging.WARNING, "f", 1, "No host: %s", (FORGED,), None)
    )
    assert plain.isprintable() and len(plain.splitlines()) == 1
    assert "all is lost" in plain and ("\\u202e" in plain)
    traced = formatter.format(logging.LogRecord("django", logging.ERROR, "f", 1, "broke", (), trace))
    assert all(line.isprintable() for line in traced.split("\n")) and "ValueError: a" in traced


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


def as_json(message: str, *args: object, **extra: object) -> dict[str, object]:
    """A line as a program reads it."""
    logger = logging.getLogger("chat.test")
    record = logger.makeRecord("chat.test", logging.WARNING, "f", 1, message, args, None, extra=extra or None)
    record.created, record.msecs = 0.0, 0.0
    text = JsonFormatter().format(record)
    assert "\n" not in text
    found: dict[str, object] = json.loads(text)
    return found


def test_a_json_line_says_what_it_is_about_where_that_is_known() -> None:
    assert as_json("it is %s", "so") == {
        "time": "1970-01-01T00:00:00.000Z",
        "level": "WARNING",
        "logger": "chat.test",
        "message": "it is so",
    }

    def at_work() -> dict[str, object]:
        context.begin("conv", "run-1")
        context.begin(call="call-1")
        return as_json("x")

    told = contextvars.copy_context().run(at_work)
    assert (told["conversation"], told["run"], told["call"]) == ("conv", "run-1", "call-1")
    assert "run" not in as_json("x"), "what is known in one task is not known in another"
    with context.at_work_on("conv"):
        assert as_json("x")["conversation"] == "conv"
    assert "conversation" not in as_json("x")


def test_every_line_of_a_worker_names_it() -> None:
    context.be_worker("host-1-ab")
    try:
        assert as_json("x")["worker"] == "host-1-ab"
    finally:
        context.be_worker("")


def test_what_a_line_is_given_besides_is_told() -> None:
    told = as_json("refused", kind="E1", digest="abc", status=400, thing={"a": 1})
    assert (told["kind"], told["digest"], told["status"], told["thing"]) == ("E1", "abc", 400, "{'a': 1}")


def test_secrets_are_masked_in_every_part_of_a_json_line() -> None:
    try:
        raise ConnectionError("redis://:s3cret@host/0 refused")
    except ConnectionError:
        record = logging.LogRecord(
            "chat", logging.ERROR, "f", 1, "lost %s", ("Bearer s3cret",), sys.exc_info()
        )
    record.address = "postgres://me:s3cret@db/x"
    text = JsonFormatter().format(record)
    told = json.loads(text)
    assert "s3cret" not in text and "\n" not in text
    assert told["exception"].endswith("ConnectionError: redis://:***@host/0 refused")


@pytest.mark.django_db(transaction=True)
def test_what_the_database_is_asked_for_is_known_in_its_thread() -> None:
    async def work() -> tuple[str, str]:
        context.begin("conv", "run-1")
        return await ask(context.RUN.get), await ask(context.CONVERSATION.get)

    assert asyncio.run(work()) == ("run-1", "conv")


def test_whoever_works_for_a_call_says_so() -> None:
    async def work() -> dict[str, object]:
        context.begin("conv", "run-1")

        async def call() -> dict[str, object]:
            context.begin(call="call-1")
            return as_json("x")

        told = await asyncio.create_task(call())
        assert "call" not in as_json("x"), "the call's task alone"
        return told

    assert asyncio.run(work())["call"] == "call-1"
