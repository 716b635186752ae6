"""Which conversations the words of a search are about: exact ids first, by indexes; then texts, within bounds.

A word that is an id of something (a call, in our words or in the provider's, a run, a message, a digest of a request)
is about that and nothing else. Any other word is looked for in titles, usernames, messages, answers, what tools were
given and gave, and in what providers refused; several words must all be found. Of a whole sentence in which there are
such ids, an error message that somebody has pasted, only these count.

A word that has more matches than are read is looked for once more in the conversations that the other words have left:
else a frequent word beside a rare one would keep what is older than its newest matches from being found.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from chat.models import Call, Conversation, Fault, Message, Run, Step

#: Words of a search; more than that with an id among them are a sentence that was pasted.
MAX_WORDS, MAX_TYPED = 6, 3
#: Words of a sentence that are tried as ids.
MAX_TRIED = 40
#: Conversations that a word is looked for in: newest first.
MAX_FOUND = 1_000
MAX_WORD = 200
#: The fields of an item in which somebody says something.
SAID = ("text", "reasoning", "detail", "code")
#: What stands around an id that somebody has copied out of a sentence.
AROUND = ".,;:!?\"'`()[]{}<>“”‘’，。；：！？（）「」"
#: What may be an id: one of our calls, or anything with a digit or a mark in it.
_ID = re.compile(r"(?=.*[\d_:.-])[^\s]{6,200}|[0-9A-Za-z]{9}")


def find(rows: "QuerySet[Conversation]", typed: str) -> "QuerySet[Conversation]":
    """Those of `rows` that what was typed is about."""
    words = words_of(typed)
    single = dict.fromkeys(one.strip(AROUND)[:MAX_WORD] for one in typed.replace("\0", "").split())
    known = {word: set(_by_id(word)) for word in list(single)[:MAX_TRIED] if named(word)}
    known = {word: ids for word, ids in known.items() if ids}
    for ids in known.values():
        rows = rows.filter(pk__in=ids)
    if known and len(single) > MAX_TYPED:
        return rows
    frequent = []
    for word in [word for word in words if word not in known][:MAX_WORDS]:
        ids, all_of_them = _said(word)
        if all_of_them:
            rows, known[word] = rows.filter(_about(word, ids)), ids
        else:
            frequent.append((word, ids))
    left = list(rows.order_by("-updated_at").values_list("pk", flat=True)[:MAX_FOUND]) if known else None
    for word, ids in frequent:
        rows = rows.filter(_about(word, ids if left is None else _said(word, left)[0]))
    return rows


def words_of(typed: str) -> list[str]:
    """The words to look for: quoted ones as one, each without what stands around it in a sentence.

    >>> words_of('No tool output found for function call "call_A1".')[-1]
    'call_A1'
    """
    found = re.findall(r'"([^"]+)"|(\S+)', typed.replace("\0", ""))
    words = [(quoted or word).strip(AROUND)[:MAX_WORD] for quoted, word in found]
    return list(dict.fromkeys(word for word in words if word))


def named(word: str) -> bool:
    """Whether a word may be an id."""
    return _ID.fullmatch(word) is not None


def _about(word: str, ids: set[UUID]) -> Q:
    """Conversations with these ids, and those whose title or owner it is."""
    return Q(pk__in=ids) | Q(title__icontains=word) | Q(owner__username__iexact=word)


def _said(word: str, within: list[UUID] | None = None) -> tuple[set[UUID], bool]:
    """Conversations in which a text has this word, of all or `within` these; and whether they are all that there are,
    or those of the newest matches."""
    found, all_of_them = set[UUID](), True
    for ids, many in _by_text(word, within):
        found.update(ids)
        all_of_them = all_of_them and many < MAX_FOUND
    return found, all_of_them


def _by_id(word: str) -> Iterator[UUID]:
    """Conversations of which something has exactly this id."""
    try:
        identity = UUID(word)
    except ValueError:
        pass
    else:
        yield from Conversation.objects.filter(pk=identity).values_list("pk", flat=True)
        yield from _of(Run.objects.filter(run=str(identity)))
        yield from _of(Message.objects.filter(message=str(identity)))
        return
    yield from _of(Call.objects.filter(call=word))
    yield from _of(Call.objects.filter(provider_id=word))
    yield from _of(Fault.objects.filter(digest=word))
    run, _, index = word.rpartition(".")
    if run and index.isdecimal():
        yield from _of(Step.objects.filter(step=word))


def _by_text(word: str, within: list[UUID] | None) -> Iterator[tuple[list[UUID], int]]:
    """Conversations in which a text has this word, of each kind the newest; and how many rows were read for them."""
    # Items are kept as JSON: what has to be escaped there is escaped in the word, too.
    inside = json.dumps(word, ensure_ascii=False)[1:-1]
    among = Q() if within is None else Q(conversation__in=within)
    yield _saying(Message.objects.filter(among, body__icontains=inside), word)
    yield _saying(Step.objects.filter(among, body__icontains=inside), word)
    for rows in (
        Call.objects.filter(
            Q(result__icontains=word) | Q(arguments__icontains=word) | Q(code=word) | Q(name=word)
        ),
        Fault.objects.filter(Q(text__icontains=word) | Q(kind=word) | Q(model=word)),
        Run.objects.filter(Q(detail__icontains=word) | Q(code=word) | Q(worker=word)),
    ):
        newest = _of(rows.filter(among))
        yield newest, len(newest)


def _saying(rows: "QuerySet[Any]", word: str) -> tuple[list[UUID], int]:
    """Of the newest of these items those that say the word, and do not only have it in the name of a field."""
    lowered = word.casefold()
    newest = list(rows.order_by("-pk").values_list("conversation_id", "body")[:MAX_FOUND])
    said = [id for id, body in newest if any(lowered in str(body.get(field)).casefold() for field in SAID)]
    return said, len(newest)


def _of(rows: "QuerySet[Any]") -> list[UUID]:
    return list(rows.order_by("-pk").values_list("conversation_id", flat=True)[:MAX_FOUND])
