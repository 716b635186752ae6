"""What comes in from outside, in a form that every layer after it takes. Pure.

Python's texts and its JSON hold values that others refuse: PostgreSQL has no U+0000, UTF-8 has no lone surrogates, JSON
has no NaN and no infinity. What one layer takes and the next cannot
becomes an error where nobody expects one. So each door brings what it is given into this form, once, and first.
"""

import json
import re
import unicodedata
from math import isinf
from typing import Any

#: How deep a document from outside may be nested.
MAX_NESTING = 100

REPLACED = "\N{REPLACEMENT CHARACTER}"
#: Categories of Unicode without a shape: controls, formats, halves of pairs, separators.
_NOT_DRAWN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
_BAD = re.compile("[\0\ud800-\udfff]")
#: Escapes that may stand for what is replaced. What only looks like one is read again for nothing.
_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
#: What may make a number too large for a float: an exponent, or this many digits.
_EXPONENT = re.compile(r"[eE]\+?0*[1-9][0-9]{2}")
_DIGITS = 300


class BadDocument(ValueError):
    """It is no JSON, or none that can be kept; the text says why."""


def text(value: str) -> str:
    """A text without U+0000 and lone surrogates: both are replaced. Halves of a pair that belong together are one
    character again."""
    if not _BAD.search(value):
        return value
    return _BAD.sub(REPLACED, value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


#: Drawn by nothing, though their category says "letter", "mark" or "symbol": fillers of Hangul, a blank of Braille,
#: joiners and selectors of variants.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def is_blank(value: str) -> bool:
    """Whether a person would see nothing: only spaces, controls, and characters that are not drawn (U+200B, U+2060 …).
    The browser judges alike (`isBlank` in frontend/src/sync/text.ts)."""
    return all(
        character.isspace() or unicodedata.category(character) in _NOT_DRAWN or _UNSEEN.match(character)
        for character in value
    )


def value(found: Any) -> Any:
    """A JSON value with every text in it, names too, as `text` makes it. It must not be nested too deeply."""
    if isinstance(found, str):
        return text(found)
    if isinstance(found, list):
        return [value(one) for one in found]
    if isinstance(found, dict):
        return {text(key): value(one) for key, one in found.items()}
    return found


def document(raw: str | bytes) -> Any:
    """The value of a JSON text. Raises BadDocument for what is no JSON, is nested deeper than MAX_NESTING, or holds a
    number that is none: NaN, 1e400."""
    try:
        source = raw if isinstance(raw, str) else raw.decode("utf-8-sig", "replace")
        # Each number is looked at only where one may be too large: Python's own reader is faster.
        parse_float = _float if _may_be_large(source) else None
        found = json.loads(source, parse_constant=_constant, parse_float=parse_float)
    except BadDocument:
        raise
    except (ValueError, RecursionError) as problem:
        raise BadDocument(f"It is no JSON: {problem}") from None
    if is_deep(found):
        raise BadDocument("It is nested too deeply.")
    return value(found) if _is_suspicious(source) else found


def json_text(raw: str) -> str:
    """A JSON text that stands for the same value as `document` reads; the same text, if nothing is to be replaced. What
    is no JSON stays none."""
    if not _is_suspicious(raw):
        return raw
    try:
        return json.dumps(document(raw), ensure_ascii=False)
    except BadDocument:
        return text(raw)


def _is_suspicious(source: str) -> bool:
    """Whether something in a JSON text may have to be replaced. A delivery has 25 MB: these ways are the fast ones."""
    if "\0" in source or ("\\u" in source and _ESCAPE.search(source)):
        return True
    try:
        source.encode()
    except UnicodeEncodeError:
        return True
    return False


def _may_be_large(source: str) -> bool:
    half = _DIGITS // 2  # a run of so many digits has one whole half that begins at a multiple of it
    return any(source[place : place + half].isdecimal() for place in range(0, len(source), half)) or bool(
        _EXPONENT.search(source)
    )


def is_deep(found: Any) -> bool:
    """Whether JSON is nested deeper than anything honest, so deep that writing it again might fail."""
    layer = [found]
    for _ in range(MAX_NESTING):
        layer = [
            inner
            for one in layer
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not layer:
            return False
    return True


def _constant(name: str) -> None:
    raise BadDocument(f"{name} is no number of JSON.")


def _float(written: str) -> float:
    number = float(written)
    if isinf(number):
        raise BadDocument(f"The number {written[:20]} is too large.")
    return number
