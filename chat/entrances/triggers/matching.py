"""What a trigger looks for: a value in JSON (RFC 9535), and words in a text. Pure.

Paths and patterns come from people and agents, and are run on what strangers send, so what they may cost is settled
before they run, and nothing here depends on a clock (docs/decisions/0020-work-that-others-choose.md):

    paths      a budget of steps (`paths`)
    patterns   RE2, whose worst case is program × text: large programs are refused when they are written, and the
               larger the program, the less of a very long text is looked through
"""

import json
from functools import lru_cache
from typing import Any

import re2

from chat.entrances.triggers import paths
from chat.entrances.triggers.path_syntax import BadPath, Query
from chat.support.steps import Steps, TooManySteps

MAX_PATTERN = 300
#: Values that one path may find, and steps that it may take on one document: about 20 ms.
MAX_FOUND = 1_000
MAX_STEPS = 60_000
#: Instructions of a pattern's program. `.{0,50}` has 450, `\\pL+` 1,200: most of it is how UTF-8 is read.
MAX_PROGRAM = 2_000
#: Instructions times bytes that one pattern may take on one text. RE2's slowest engine takes about 1.6 ns for each.
#: Programs of up to 300 instructions look through 64 KiB, the largest ones through 10,000 bytes.
MAX_WORK = 20_000_000


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
        pattern = re2.compile(text, _options)
    except (re2.error, UnicodeError) as problem:
        raise UnusablePattern(
            f"This is no pattern ({problem}). Back-references and look-around are not known."
        ) from None
    if pattern.programsize > MAX_PROGRAM:
        raise UnusablePattern(
            "This pattern would take too long. Repeat less in braces: {0,1000} counts as a thousand pieces."
        )
    return pattern


def path_of(text: str) -> Query:
    """A path, ready for use. Raises UnusablePattern."""
    try:
        return paths.compiled(text)
    except BadPath as problem:
        raise UnusablePattern(str(problem)) from None


def value_at(path: str, document: Any) -> Any:
    """What a path finds in a JSON document: the value, a list if there are several, None if there is none. An empty
    path is the whole document. Raises UnusablePattern, also if it takes too many steps on this document."""
    if not path:
        return document
    found: list[Any] = []
    try:
        for value in paths.find(path_of(path), document, Steps(MAX_STEPS)):
            found.append(value)
            if len(found) >= MAX_FOUND:
                break
    except TooManySteps:
        raise UnusablePattern("The path takes too many steps on what came. Name more of its places.") from None
    if len(found) == 1:
        return found[0]
    return found or None


def as_text(value: Any) -> str:
    """A value as words are looked for in it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def matches(mode: str, pattern: str, value: Any) -> bool:
    """Whether a value is one that is looked for. `contains` and `equals` do not care about case and blanks around.
    Raises UnusablePattern."""
    if mode == "any":
        return True
    if value is None:
        return False
    text = as_text(value)
    if mode == "regex":
        return _searched(pattern_of(pattern), text)
    text, wanted = text.casefold(), pattern.strip().casefold()
    return wanted in text if mode == "contains" else wanted == text.strip()


def _searched(pattern: Any, text: str) -> bool:
    most = MAX_WORK // max(1, pattern.programsize)
    # As bytes: RE2 reads UTF-8, and would otherwise work out where each character begins. What is cut off in the
    # middle of a character matches nothing.
    return pattern.search(text[:most].encode("utf-8", "replace")[:most]) is not None
