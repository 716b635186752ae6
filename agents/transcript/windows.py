"""How much of what a model can read a request may take, where the model's name tells.

The figures are the providers' (`Window` in their files), tokens of request and answer together. A server of one's own
may have been started with less, never with more. What is not known gets the window of its agent, and a request that
turns out too long is halved (`agents/retrying.py`).
"""

from agents.profiles import context_window

#: The share of a context window that a request may take: the rest is for the answer, and for the error of the estimate.
SHARE = 0.75


def window_for(model: str, wanted: int, told: int | None = None) -> int:
    """The window of a request: what the agent wants, if its model has that much. `told`: the model's context window, if
    somebody knows it better than its name."""
    known = told or context_window(model)
    return wanted if known is None else min(wanted, int(known * SHARE))
