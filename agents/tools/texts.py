"""Results as text: what a tool returned, fit for the model, the journal and a card."""

from typing import Any

from pydantic_core import to_json


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
