"""What providers say when they refuse a request for another reason than the shape of its transcript (E1 to E31).

Data, a file per meaning, and where each wording was read. `meaning_of` tells them apart, whoever says them: gateways
pass on the words of others. A pattern is searched in the answer in lower case, with single spaces; the first table in
which one is found counts, and within a table the first row.

    too_long    the request is longer than the model can read, or than one minute's allowance: it is shortened
    busy        too many requests or tokens a minute: asked again, when the provider says so
    quota       no credit, or a quota that no minute brings back: nobody is asked again
    filtered    a content filter refuses what somebody wrote, or what a tool gave: that is left out
    image       a picture cannot be read: that is left out
    form        a template or a server that takes no such form: asked again in another one
"""

import re
from dataclasses import dataclass

from agents.refusals import content, forms, lengths, limits
from agents.refusals.wording import Meaning, Wording

__all__ = ["TABLES", "Meaning", "Wording", "find", "meaning_of"]


@dataclass(frozen=True)
class Table:
    """The wordings of one meaning, and the statuses with which they are believed: a body that merely repeats what
    somebody wrote must not decide. 0: the error came inside a stream that had begun with 200."""

    meaning: Meaning
    wordings: tuple[Wording, ...]
    statuses: frozenset[int]


_REQUEST = frozenset({0, 400, 413, 422, 429, 500, 503})
_LIMITS = frozenset({0, 400, 402, 403, 413, 429, 503})

#: In the order in which they are asked: "request too large … tokens per minute" is no matter of waiting, and a
#: provider's words for a limit per minute may be those for an empty account and a little more.
TABLES: tuple[Table, ...] = (
    Table("too_long", lengths.TOO_LONG, _REQUEST),
    Table("quota", limits.PER_DAY, _LIMITS),
    Table("busy", limits.PER_MINUTE, _LIMITS),
    Table("quota", limits.NO_CREDIT, _LIMITS),
    Table("filtered", content.FILTERED, frozenset({0, 400, 403, 422, 451, 500})),
    Table("image", content.IMAGE, frozenset({0, 400, 413, 422, 500})),
    Table("form", forms.REFUSED, frozenset({0, 400, 404, 422, 500, 501, 503})),
)


def find(status: int, text: str) -> tuple[Meaning, Wording] | None:
    """The meaning of an answer and the row that tells it, or None if its words are not known."""
    lowered = " ".join(text.lower().replace("’", "'").split())
    for table in TABLES:
        if status in table.statuses:
            for wording in table.wordings:
                if re.search(wording.pattern, lowered):
                    return table.meaning, wording
    return None


def meaning_of(status: int, text: str) -> str:
    """The meaning of an answer, or an empty string if its words are not known."""
    found = find(status, text)
    return found[0] if found else ""
