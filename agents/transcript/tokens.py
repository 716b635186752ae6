"""An estimate of tokens that needs no tokenizer: rather too high, for prose and for dense text such as JSON and ids.

Real tokenizers differ between models and most load their tables from the network at the first use, which a
worker must not do. So characters are counted by kind, at what the least generous tokenizers make of them (many
give each digit a token of its own). `tests/agents/transcript/test_tokens.py` holds it against a real one; what it
may be short by is within the share of a context window that `windows.py` leaves free.
"""

from typing import Final

#: Tokens per character: of small letters and blanks; of what is dearer by its kind, on top of that.
_ASCII: Final = 0.26
_CAPITAL: Final = 0.6
_DIGIT: Final = 0.8
_SIGN: Final = 0.3
#: Tokens per byte beyond the first of any other character (so about 1.0 for a Chinese one), and on top of that per
#: character of four bytes (emoji).
_EXTRA_BYTE: Final = 0.36
_RARE: Final = 2.6
#: What the frame of one message costs.
MESSAGE = 6

_CAPITALS: Final = bytes(range(0x41, 0x5B))
_DIGITS: Final = b"0123456789"
_SIGNS: Final = bytes(c for c in range(0x21, 0x7F) if not chr(c).isalnum())
_LEADS: Final = bytes(range(0xF0, 0xF8))


#: Estimates that are kept, by what identifies their texts; the texts themselves are not. Every request asks for those
#: of all its items again.
_MOST_KEPT: Final = 50_000
_kept: dict[tuple[int, int], int] = {}


def estimate(text: str) -> int:
    """About how many tokens `text` is."""
    mark = (hash(text), len(text))
    if (known := _kept.get(mark)) is not None:
        return known
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[mark] = counted = _estimate(text)
    return counted


def _estimate(text: str) -> int:
    coded = text.encode("utf-8", "replace")
    size = len(text)
    spent = size * _ASCII + (len(coded) - size) * _EXTRA_BYTE
    spent += _count(coded, _CAPITALS) * _CAPITAL + _count(coded, _DIGITS) * _DIGIT
    spent += _count(coded, _SIGNS) * _SIGN
    if not text.isascii():
        spent += _count(coded, _LEADS) * _RARE
    return int(spent) + 1


def _count(coded: bytes, these: bytes) -> int:
    return len(coded) - len(coded.translate(None, these))


def characters(tokens: int) -> int:
    """How many characters of plain prose fit into `tokens`; dense text is more tokens than its length tells."""
    return int(tokens / _ASCII)
