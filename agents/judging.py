"""What a response is worth once it has come: an answer, half of one that is kept as such, or none (rules R5, R14).

Pure. Whoever asked tries again on ModelError; everything else becomes a step, with the reason why it is not whole.
"""

from agents.dialects.assembler import Response
from agents.dialects.errors import broken_off, excerpt
from agents.dialects.finishing import kind_of
from agents.errors import EmptyAnswer, ModelError
from agents.events import Incomplete


def judge(response: Response, *, patient: bool) -> Incomplete | None:
    """Why a response is not whole, None if it is. Raises ModelError for what is no answer and may be one next time.

    `patient`: none of this step was cut before. It is asked for once more then; the second time it is kept as it is,
    for that may be the habit of its server. What ended at a limit or a filter is never asked for again: it would end
    there again, and be paid for twice.
    """
    kind = kind_of(response.finish)
    said = bool(response.text.strip() or response.calls)
    if is_cut(response):
        if patient or not said:
            raise broken_off(_how(response)) if said or not response.ended else _empty(response)
        return "interrupted"
    if kind == "length":
        return "length" if said else "length_before_answer"
    if kind == "content_filter":
        return "content_filter"
    if not said:
        if response.reasoning.strip() and kind != "other":
            return "thinking_only"
        raise _empty(response)
    return "other" if kind == "other" else None


def is_cut(response: Response) -> bool:
    """Whether the end is missing, or the provider broke off before it."""
    kind = kind_of(response.finish)
    return not response.ended or kind == "interrupted" or (kind == "calls" and not response.calls)


def _how(response: Response) -> str:
    if not response.ended:
        return "the stream ended in the middle"
    if kind_of(response.finish) == "calls":
        return "it announced a tool call, and none came"
    return f"the provider ended it with {_word(response)}"


def _empty(response: Response) -> ModelError:
    if not response.finish or kind_of(response.finish) == "whole":
        return EmptyAnswer()
    return EmptyAnswer(f"The model gave no answer: the provider ended it with {_word(response)}.")


def _word(response: Response) -> str:
    return f"“{excerpt(response.finish)[:100]}”"
