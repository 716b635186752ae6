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


# What would end a line, move a terminal's cursor or turn the direction of writing: whoever can have a text of theirs
# logged (a host, a path, a field's name) could write lines of their own, or hide what follows.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSEEN_IN_TRACEBACKS = re.compile(_UNSEEN.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))


def in_one_line(text: str) -> str:
    r"""`text` with everything that nobody would see written out, as `\\n` and `\\x1b`."""
    return _UNSEEN.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def redact(text: str) -> str:
    """`text` with passwords in addresses, bearer tokens, provider keys and webhook tokens replaced by `***`."""
    return SECRETS.sub(lambda found: "".join(filter(None, found.groups())) + "***", text)


class LineFormatter(logging.Formatter):
    """ISO time in UTC, level, logger, message, all in one line; tracebacks follow; secrets are masked in all of it."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"
    converter = staticmethod(__import__("time").gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        return in_one_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        return _UNSEEN_IN_TRACEBACKS.sub(_written_out, super().formatException(ei))


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
        # JSON has no signs but these that it would not write out itself; it is read line by line, too.
        return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(masked, ensure_ascii=False))


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
