"""What a request to Anthropic must say of its model: how long the answer may be, and how thinking is asked for.

The API wants both of the client, and refuses what a model does not take: a limit above its own, a budget where the
model decides by itself how long to think (from Claude 4.7 on), no budget where it does not (up to 4.5). Names are those
of the published models, in lower case; the numbers stand behind the family's name, or before it in the oldest.
"""

import re
from typing import Any

#: Tokens of an answer, thinking included: the published limit of the model, taken low. First match counts.
_OUTPUT = (
    (r"claude-3-(opus|sonnet|haiku)|claude-(2|instant)", 4_096),
    (r"claude-3-5", 8_192),
    (r"", 32_000),
)
#: Models without thinking, and those that are told how long to think. All later ones know best themselves.
_NEVER = re.compile(r"claude-3-(opus|sonnet|haiku|5)|claude-(2|instant)")
_BUDGETED = re.compile(
    r"claude-3-7|claude-(opus|sonnet|haiku)-4($|-[0-5]($|\D)|-20\d{6})|claude-4-(opus|sonnet)"
)
#: Tokens that the former may think, less than the answer has.
BUDGET = 8_000


def max_tokens(model: str) -> int:
    """How long an answer may be."""
    return next(tokens for pattern, tokens in _OUTPUT if re.search(pattern, model.lower()))


def thinking(model: str) -> dict[str, Any] | None:
    """How this model is asked to think, with a summary to show; None: it cannot, or nobody knows whether it can."""
    name = model.lower()
    if "claude" not in name or _NEVER.search(name):
        return None
    if _BUDGETED.search(name):
        return {"type": "enabled", "budget_tokens": BUDGET}
    return {"type": "adaptive", "display": "summarized"}
