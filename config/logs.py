"""The two formats of log lines, for people and for programs, with what is secret taken out of both."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from django.core.exceptions import DisallowedHost, RequestAborted

from agents import context

# The password of an address, a bearer token, keys in the shape that model providers give out, and the secret part of a
# webhook's address (Django writes the path of every refused request).
SECRETS = re.compile(
    r"(?P<url>://[^:/@\s]*:)[^@/\s]+(?=@)|(?P<bearer>\bBearer\s+)[\w.~+/=-]+|(?P<key>\bsk-)[\w-]{8,}"
    r"|(?P<hook>/hooks/[0-9a-f-]{36}/)[\w-]+",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """`text` with passwords in addresses, bearer tokens, provider keys and webhook tokens replaced by `***`."""
    return SECRETS.sub(lambda found: "".join(filter(None, found.groups())) + "***", text)


class LineFormatter(logging.Formatter):
    """ISO time in UTC, level, logger, message; tracebacks follow; secrets are masked in all of it."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"
    converter = staticmethod(__import__("time").gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonFormatter(LineFormatter):
    """One JSON object on each line: time, level, logger and message; conversation, run, call and worker where they are
    known (`agents/context.py`); what the line was given besides, and its traceback. Secrets are masked in all of it."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        given = {name: value for name, value in vars(record).items() if name not in _USUAL}
        told |= {
            name: value if isinstance(value, int | float | None) else str(value)
            for name, value in given.items()
        }
        told |= context.known()
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            told["stack"] = record.stack_info
        masked = {name: redact(value) if isinstance(value, str) else value for name, value in told.items()}
        return json.dumps(masked, ensure_ascii=False)


#: What every record has. The names that a line gives besides are in none of ours; Django's request is no text.
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request", "socket"}


def unless_a_visitor_left(record: logging.LogRecord) -> bool:
    """False for what asyncio says of a visitor who went away before the answer: Django 5.2 leaves the exception that
    means this (`ASGIHandler.listen_for_disconnect`) to nobody if both happen at once. It is no error of anybody's."""
    return not (record.exc_info and isinstance(record.exc_info[1], RequestAborted))


def name_in_one_line(record: logging.LogRecord) -> bool:
    """Always True. Says in one line, with the setting's name, that somebody asked for a host that we do not go by:
    Django logs it with a traceback, and scanners ask all day."""
    if record.exc_info and isinstance(record.exc_info[1], DisallowedHost):
        host = str(record.exc_info[1]).partition("You may need")[0].strip()
        record.msg, record.args = f"{host} Add the name to DJANGO_ALLOWED_HOSTS if people use it.", ()
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def refusal_in_one_line(record: logging.LogRecord) -> bool:
    """Always True. Says in one line that a request was refused for what it holds: Django logs it with a traceback, as
    an error where it suspects something, and whoever likes to could fill the log."""
    refused = record.name.startswith("django.security.") or (
        record.name == "django.request" and getattr(record, "status_code", 500) < 500
    )
    if refused and record.exc_info:
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True
