"""An estimate of tokens that needs no tokenizer: good to a fifth for prose and code, and rather too high.

Real tokenizers differ between models and most load their tables from the network at the first use, which a
worker must not do. The window an agent is given should leave that fifth free.
"""

#: Tokens per character of ASCII text, and per byte beyond the first of any other character (so 1.0 for a
#: Chinese character, 0.64 for a Cyrillic one).
_ASCII = 0.28
_EXTRA_BYTE = 0.36
#: What the frame of one message costs.
MESSAGE = 6


def estimate(text: str) -> int:
    """About how many tokens `text` is."""
    size = len(text)
    extra = 0 if text.isascii() else len(text.encode("utf-8", "replace")) - size
    return int(size * _ASCII + extra * _EXTRA_BYTE) + 1


def characters(tokens: int) -> int:
    """How many characters of ASCII text surely fit into `tokens`."""
    return int(tokens / _ASCII)
