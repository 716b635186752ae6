"""Results as text: what a tool returned, fit for the model, the journal and a card."""

import codecs
from typing import Any

from pydantic_core import to_json

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Charsets that are said where a broader one is meant, as browsers read them.
_BROADER = {
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii"), "cp1252"),
    **dict.fromkeys(("gb2312", "gb_2312-80", "gbk", "x-gbk"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis"), "cp932"),
    # Python's own, which are no charsets.
    **dict.fromkeys(("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"), "utf-8"),
}


def result_text(value: Any) -> str:
    """What a tool returned as text: a string as it is, anything else as JSON, None as "Done."

    Characters that cannot be stored are replaced: NUL (PostgreSQL refuses it) and lone surrogates (they
    are no UTF-8). Raises what pydantic raises for a value that is no JSON.
    """
    if value is None:
        return "Done."
    text = value if isinstance(value, str) else to_json(value).decode()
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def fit(text: str, limit: int) -> str:
    """The text if it has at most `limit` characters; otherwise its beginning and a mark that says how much
    is missing, together not longer than `limit`.

    >>> fit("abc" * 100, 90)[-51:]
    '\\n[cut here: 261 of 300 characters are not shown]'
    """
    if len(text) <= limit:
        return text
    keep = max(0, limit - len(_mark(len(text), len(text))))
    return text[:keep] + _mark(len(text) - keep, len(text))


def _mark(missing: int, size: int) -> str:
    return f"\n[cut here: {missing:,} of {size:,} characters are not shown]"


def media_type(header: str) -> tuple[str, str]:
    """The media type and the charset of a Content-Type header, both in lower case.

    >>> media_type('Text/HTML; Charset="GBK"')
    ('text/html', 'gbk')
    """
    kind, *parameters = (piece.strip() for piece in header.lower().split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return kind, value.strip().strip("\"'")
    return kind, ""


def decoded(body: bytes, charset: str) -> str:
    """A body as text: by its byte order mark, which is no part of the text, or else by the charset that was said. Where
    that is none or unknown, it is UTF-8; what cannot be read is U+FFFD."""
    for mark, named in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(named, "replace")
    try:
        return body.decode(_BROADER.get(charset, charset) or "utf-8", "replace")
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")
