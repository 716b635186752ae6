"""Which conversations the words of a search are about: exact ids first, by indexes; then texts, within bounds.

A word that is an id of something (a call, in our words or in the provider's, a run, a message, a digest of a request)
is about that and nothing else. Any other word is looked for in titles, usernames, messages, answers, what tools were
given and gave, and in what providers refused; several words must all be found. Of a whole sentence in which there are
such ids, an error message that somebody has pasted, only these count.

To look for a word among everybody means to read all texts. So what is likely to be rare comes first, and the others are
looked for in the few conversations that it has left. A word that has more matches than are read comes last: beside a
rare one it is found however old that is, and of words that are all frequent the newest matches count.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import Q, QuerySet

from chat.models import Call, Conversation, Fault, Message, Run, Step

#: Words of a search; more than that with an id among them are a sentence that was pasted.
MAX_WORDS, MAX_TYPED = 6, 3
#: Words of a sentence that are tried as ids.
MAX_TRIED = 40
#: Conversations that a word is looked for in: newest first.
MAX_FOUND = 500
MAX_WORD = 200
#: The fields of an item in which somebody says something.
SAID = ("text", "reasoning", "detail", "code")
#: What stands around an id that somebody has copied out of a sentence.
AROUND = ".,;:!?\"'`()[]{}<>“”‘’，。；：！？（）「」"
#: What may be an id: one of our calls, or anything with a digit or a mark in it.
_ID = re.compile(r"(?=.*[\d_:.-])[^\s]{6,200}|[0-9A-Za-z]{9}")


def find(rows: "QuerySet[Conversation]", typed: str) -> "QuerySet[Conversation]":
    """Those of `rows` that what was typed is about."""
    words, everybody = words_of(typed), rows
    single = dict.fromkeys(one.strip(AROUND)[:MAX_WORD] for one in typed.replace("\0", "").split())
    known = {word: set(_by_id(word)) for word in list(single)[:MAX_TRIED] if named(word)}
    known = {word: ids for word, ids in known.items() if ids}
    for ids in known.values():
        rows = rows.filter(pk__in=ids)
    others = sorted([word for word in words if word not in known][:MAX_WORDS], key=_guessed_rarity)
    if not others or (known and len(single) > MAX_TYPED):
        return rows
    _look_with_all_cores(connections[rows.db])
    left = _newest(rows) if known else None
    frequent = []
    for word in others:
        # What is left stands for all that was asked before: to ask that again reads all conversations.
        rows = rows if left is None else everybody.filter(pk__in=left)
        ids, all_of_them = _said(word, left)
        if left is None and not all_of_them:
            frequent.append(word)
            continue
        rows = rows.filter(_about(word, ids))
        left = _few(rows) if left is None else _newest(rows)
    if left is None and 0 < len(frequent) < len(others):
        left = _newest(rows)
    for place, word in enumerate(frequent):
        rows = rows if left is None else everybody.filter(pk__in=left)
        rows = rows.filter(_about(word, _said(word, left, enough=False)[0]))
        left = _newest(rows) if place < len(frequent) - 1 else left
    return rows


def _look_with_all_cores(connection: Any) -> None:
    """Have PostgreSQL read texts with several processes, as its settings allow, for the rest of this transaction. By
    itself it takes a text for as cheap to look through as a number, and lets one process do it."""
    if connection.vendor == "postgresql" and connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL cpu_operator_cost = 0.05")


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


def _guessed_rarity(word: str) -> tuple[bool, int]:
    """First what is likely to be rare, so that fewer conversations are left to the others: numbers, then long words."""
    return not any(one.isdecimal() for one in word), -len(word)


def _few(rows: "QuerySet[Conversation]") -> list[UUID] | None:
    """All of these conversations, if they are few enough to be looked through one by one."""
    keys = list(rows.order_by().values_list("pk", flat=True)[: MAX_FOUND + 1])
    return keys if len(keys) <= MAX_FOUND else None


def _newest(rows: "QuerySet[Conversation]") -> list[UUID]:
    return list(rows.order_by("-updated_at").values_list("pk", flat=True)[:MAX_FOUND])


def _said(word: str, within: list[UUID] | None, *, enough: bool = True) -> tuple[set[UUID], bool]:
    """Conversations in which a text has this word, of all or `within` these; and whether they are all that there are,
    or those of the newest matches. `enough`: when that is known of one kind of text, the others are not looked through.
    """
    found, all_of_them = set[UUID](), True
    for ids, many in _by_text(word, within):
        found.update(ids)
        all_of_them = all_of_them and many < MAX_FOUND
        if enough and within is None and not all_of_them:
            break
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
    """Conversations in which a text has this word, of each kind the newest; and how many rows were read for them. What
    is quickly looked through comes first."""
    # Items are kept as JSON: what has to be escaped there is escaped in the word, too.
    inside = json.dumps(word, ensure_ascii=False)[1:-1]
    among = Q() if within is None else Q(conversation__in=within)
    for rows in (
        Fault.objects.filter(Q(text__icontains=word) | Q(kind=word) | Q(model=word)),
        Run.objects.filter(Q(detail__icontains=word) | Q(code=word) | Q(worker=word)),
        Call.objects.filter(
            Q(result__icontains=word) | Q(arguments__icontains=word) | Q(code=word) | Q(name=word)
        ),
    ):
        newest = _of(rows.filter(among))
        yield newest, len(newest)
    yield _saying(Message.objects.filter(among, body__icontains=inside), word)
    yield _saying(Step.objects.filter(among, body__icontains=inside), word)


def _saying(rows: "QuerySet[Any]", word: str) -> tuple[list[UUID], int]:
    """Of the newest of these items those that say the word, and do not only have it in the name of a field."""
    lowered = word.casefold()
    newest = list(rows.order_by("-pk").values_list("conversation_id", "body")[:MAX_FOUND])
    said = [id for id, body in newest if any(lowered in str(body.get(field)).casefold() for field in SAID)]
    return said, len(newest)


def _of(rows: "QuerySet[Any]") -> list[UUID]:
    return list(rows.order_by("-pk").values_list("conversation_id", flat=True)[:MAX_FOUND])
