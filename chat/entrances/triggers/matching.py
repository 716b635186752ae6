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
from chat.entrances.triggers.path_reader import BadPath
from chat.entrances.triggers.path_syntax import Query
from chat.support.steps import Steps, TooManySteps

MAX_PATTERN = 300
#: Values that one path may find, and steps that it may take on one document: about 15 ms, 35 on a machine that is busy.
MAX_FOUND = 1_000
#: Characters, as JSON, of several values that one path finds: a path may find the same large one many times.
MAX_FOUND_CHARS = 200_000
MAX_STEPS = 18_000
#: Instructions of a pattern's program. `.{0,50}` has 450, `\\pL+` 1,200: most of it is how UTF-8 is read.
MAX_PROGRAM = 2_000
#: Instructions times bytes that one pattern may take on one text. RE2's slowest engine takes 1.5 to 6 ns for each, and
#: up to 11 on a machine that is busy. Programs of up to 53 instructions look through 64 KiB, the largest ones through
#: 1,750 bytes.
MAX_WORK = 3_500_000


TOO_LARGE = "This pattern would take too long. Repeat less in braces: {0,1000} counts as a thousand pieces."


class UnusablePattern(ValueError):
    """A path or a pattern that cannot be used; the text says why."""


def _options(encoding: Any, memory: int) -> Any:
    made = re2.Options()
    made.log_errors = False
    made.max_mem = memory
    # Groups only group: to note where each begins would take several times as long.
    made.never_capture = True
    made.encoding = encoding
    return made


_ENCODINGS = re2.Options.Encoding
_UTF8, _LATIN1 = _options(_ENCODINGS.UTF8, 1 << 20), _options(_ENCODINGS.LATIN1, 1 << 20)
#: For a first look: RE2 gives up early what does not fit into this memory. Programs of up to MAX_PROGRAM
#: instructions do; of 6,000 generated ones three did not, in which nothing was repeated a thousand times. With more
#: memory, RE2 takes 130 ms over `((a?)*){1,1000}` before it can say how large it is: where each of many pieces may be
#: empty, it writes down for each of them which ones may follow.
_SMALL = _options(_ENCODINGS.UTF8, 36_000)


@lru_cache(maxsize=500)
def pattern_of(text: str, ascii: bool = False) -> Any:
    """A pattern, ready for use on any text, or only on one of ASCII: for that its program is smaller, and finds the
    same. Raises UnusablePattern."""
    if len(text) > MAX_PATTERN:
        raise UnusablePattern(f"A pattern has at most {MAX_PATTERN} characters.")
    try:
        if re2.compile(text, _SMALL).programsize > MAX_PROGRAM:
            raise UnusablePattern(TOO_LARGE)
        return (_narrow(text) if ascii else None) or re2.compile(text, _UTF8)
    except (re2.error, UnicodeError) as problem:
        said = _said(problem)
        if "too large" in said or "repetition size" in said:
            raise UnusablePattern(TOO_LARGE) from None
        raise UnusablePattern(
            f"This is no pattern ({said}). Back-references and look-around are not known."
        ) from None


def _narrow(text: str) -> Any:
    """The pattern over bytes of Latin-1; None if it names characters that are not among them."""
    try:
        return re2.compile(text.encode("ascii"), _LATIN1)
    except (re2.error, UnicodeError):
        return None


def _said(problem: Exception) -> str:
    told = problem.args[0] if problem.args else ""
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)


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
    room = MAX_FOUND_CHARS
    try:
        for value in paths.find(path_of(path), document, Steps(MAX_STEPS)):
            found.append(value)
            room -= len(as_text(value)) if len(found) > 1 else 0
            if room < 0:
                raise UnusablePattern("The path finds too much. Name more of its places.")
            if len(found) >= MAX_FOUND:
                break
    except TooManySteps:
        raise UnusablePattern(
            "The path takes too many steps on what came. Name more of its places."
        ) from None
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
        return _searched(pattern_of(pattern, text.isascii()), text)
    text, wanted = text.casefold(), pattern.strip().casefold()
    return wanted in text if mode == "contains" else wanted == text.strip()


def _searched(pattern: Any, text: str) -> bool:
    most = MAX_WORK // max(1, pattern.programsize)
    # As bytes: RE2 reads UTF-8, and would otherwise work out where each character begins. What is cut off in the
    # middle of a character matches nothing.
    return pattern.search(text[:most].encode("utf-8", "replace")[:most]) is not None
