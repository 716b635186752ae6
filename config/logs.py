"""The one format of log lines, with what is secret taken out."""

from __future__ import annotations

import logging
import re

# The password of an address, a bearer token, and keys in the shape that model providers give out.
SECRETS = re.compile(
    r"(?P<url>://[^:/@\s]*:)[^@/\s]+(?=@)|(?P<bearer>\bBearer\s+)[\w.~+/=-]+|(?P<key>\bsk-)[\w-]{8,}",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """`text` with passwords in addresses, bearer tokens and provider keys replaced by `***`."""
    return SECRETS.sub(lambda found: "".join(filter(None, found.groups())) + "***", text)


class LineFormatter(logging.Formatter):
    """ISO time in UTC, level, logger, message; tracebacks follow; secrets are masked in all of it."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"
    converter = staticmethod(__import__("time").gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
