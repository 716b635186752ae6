"""How much a model can read, where its name tells: an upper bound for the window that an agent is given.

The figures are the providers' published context windows, tokens of request and answer together, taken low where
versions of one name differ. A server of one's own may have been started with less, never with more. What is not
here gets the window of its agent, and a request that turns out too long is halved (`agents/answering.py`).
"""

import re

#: Patterns of model names (lower case, without the part before a slash), first match counts.
WINDOWS: tuple[tuple[str, int], ...] = (
    (r"^gpt-5", 272_000),
    (r"^gpt-4\.1", 1_000_000),
    (r"^gpt-4(o|-turbo|-1106|-0125)|^chatgpt-4o", 128_000),
    (r"^gpt-4-32k", 32_768),
    (r"^gpt-4", 8_192),
    (r"^gpt-3\.5-turbo-instruct", 4_096),
    (r"^gpt-3\.5", 16_385),
    (r"^gpt-oss", 131_072),
    (r"^o1-(mini|preview)", 128_000),
    (r"^o[134](-|$)", 200_000),
    (r"^claude", 200_000),
    (r"^gemini-[2-9]|^gemini-1\.5", 1_000_000),
    (r"^gemini-1\.0|^gemini-pro", 30_720),
    (r"^deepseek", 64_000),
    (r"^moonshot-v1-8k", 8_192),
    (r"^moonshot-v1-32k", 32_768),
    (r"^moonshot-v1|^kimi", 128_000),
    (r"^qwen-(plus|turbo|flash)|^qwen3-(max|coder|next)|^qwen-long", 128_000),
    (r"^qwen|^qwq|^qvq", 32_000),
    (r"^glm-4\.[5-9]|^glm-[5-9]|^glm-4-(plus|air|flash)", 128_000),
    (r"^glm-4v", 2_000),
    (r"^glm", 128_000),
    (r"^(open-)?mixtral-8x22b", 64_000),
    (r"^(open-)?(mistral-7b|mixtral)|^mistral-tiny", 32_000),
    (r"^(mistral-(large|medium|small)|ministral|pixtral|devstral|open-mistral-nemo)", 32_000),
    (r"^(codestral|magistral)", 32_000),
    (r"^minimax|^abab", 200_000),
)
_WINDOWS = tuple((re.compile(pattern), tokens) for pattern, tokens in WINDOWS)

#: The share of a context window that a request may take: the rest is for the answer, and for the error of the estimate.
SHARE = 0.75


def context_window(model: str) -> int | None:
    """Tokens that a model of this name can read and write together, or None if the name tells nothing."""
    name = model.lower().rpartition("/")[2]
    return next((tokens for pattern, tokens in _WINDOWS if pattern.search(name)), None)


def window_for(model: str, wanted: int) -> int:
    """The window of a request: what the agent wants, if its model has that much."""
    known = context_window(model)
    return wanted if known is None else min(wanted, int(known * SHARE))
