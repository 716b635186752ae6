"""What triggers look for in what was said, answered before a transaction begins.

A pattern may take tens of milliseconds, and a conversation that is read has hundreds of texts and several triggers. On
SQLite a transaction holds the whole database, so within one the answers are only looked up.
"""

import logging
from collections.abc import Iterable

from chat.entrances.triggers import matching

log = logging.getLogger(__name__)

#: Characters that patterns may look through in one round; the rest of what was said waits for the next one.
MAX_LOOKED_THROUGH = 500_000

#: What is asked: how, for what, and about which text.
Question = tuple[str, str, str]


class Unanswered(Exception):
    """Nobody asked this before the transaction began: a trigger was changed in the meantime."""


class Answers:
    """The answers for one round. `full`: no more should be asked."""

    def __init__(self) -> None:
        self._known: dict[Question, bool] = {}
        self._left = MAX_LOOKED_THROUGH

    @property
    def full(self) -> bool:
        return self._left <= 0

    def ask(self, questions: Iterable[Question]) -> None:
        """Work out answers. A pattern that cannot be used (an earlier release took it) matches nothing."""
        for question in questions:
            if question not in self._known:
                self._left -= len(question[2])
                self._known[question] = answer(question)

    def of(self, question: Question) -> bool:
        """The answer to a question. Raises Unanswered."""
        if question[0] == "any":
            return True
        if question not in self._known:
            raise Unanswered
        return self._known[question]


def answer(question: Question) -> bool:
    """Whether a text is one that is looked for."""
    mode, pattern, text = question
    try:
        return matching.matches(mode, pattern, text)
    except matching.UnusablePattern as problem:
        log.warning("The pattern %r matches nothing: %s", pattern[:80], problem)
        return False
