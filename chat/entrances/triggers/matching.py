"""What a trigger looks for: a value in JSON (RFC 9535), and words in a text. Pure.

Paths and patterns come from people and agents, and are run on what strangers send, so both are bounded: patterns by
RE2, which takes time linear in the text, and paths by leaving out what lets a short path visit a document many times.
"""

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import re2

if TYPE_CHECKING:
    from jsonpath import JSONPath

MAX_PATTERN = 300
#: Values that one path may find.
MAX_FOUND = 1_000


class UnusablePattern(ValueError):
    """A path or a pattern that cannot be used; the text says why."""


_options = re2.Options()
_options.log_errors = False
_options.max_mem = 1 << 20


@lru_cache(maxsize=500)
def pattern_of(text: str) -> Any:
    """A pattern, ready for use. Raises UnusablePattern."""
    if len(text) > MAX_PATTERN:
        raise UnusablePattern(f"A pattern has at most {MAX_PATTERN} characters.")
    try:
        return re2.compile(text, _options)
    except re2.error as problem:
        raise UnusablePattern(
            f"This is no pattern ({problem}). Back-references and look-around are not known."
        ) from None


def path_of(text: str) -> "JSONPath":
    """A path, ready for use. Raises UnusablePattern."""
    # The library takes a fifth of a second, which only those pay who use triggers with paths.
    from chat.entrances.triggers import paths

    try:
        return paths.compiled(text)
    except ValueError as problem:
        raise UnusablePattern(str(problem)) from None


def value_at(path: str, document: Any) -> Any:
    """What a path finds in a JSON document: the value, a list if there are several, None if there is none. An empty
    path is the whole document."""
    if not path:
        return document
    found: list[Any] = []
    for match in path_of(path).finditer(document):
        found.append(match.obj)
        if len(found) >= MAX_FOUND:
            break
    if len(found) == 1:
        return found[0]
    return found or None


def as_text(value: Any) -> str:
    """A value as words are looked for in it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def matches(mode: str, pattern: str, value: Any) -> bool:
    """Whether a value is one that is looked for. `contains` and `equals` do not care about case and blanks around."""
    if mode == "any":
        return True
    if value is None:
        return False
    text = as_text(value)
    if mode == "regex":
        return pattern_of(pattern).search(text) is not None
    text, wanted = text.casefold(), pattern.strip().casefold()
    return wanted in text if mode == "contains" else wanted == text.strip()
