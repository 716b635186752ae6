"""Histories that are kept between runs: only what came since is read, and nothing that the journal does not have."""

from typing import Any
from uuid import UUID

import pytest

from agents.history import UserMessage, empty
from chat import models as m
from chat.journal.journal import Journal
from chat.journal.kept import KeptHistories, KeptHistory
from chat.session.errors import NoConversation
from chat.session.state import EMPTY
from tests.chat.journal.test_journal import CREATED, ZERO, archive, begin, message
from tests.support.databases import in_thread
from tests.support.histories import START


def said(kept: KeptHistory) -> list[str]:
    return [item.text for item in kept.history.items if isinstance(item, UserMessage)]


async def test_only_what_came_since_is_read(journal: Journal, owner: Any) -> None:
    conversation = await begin(journal, owner)
    state, at = await archive(journal, conversation, EMPTY, ZERO, [CREATED, message("one")])
    first = await journal.kept_history(conversation)
    assert said(first) == ["one"] and (first.seq, first.tag) == (at.seq, at.tag)
    state, at = await archive(journal, conversation, state, at, [message("two")])

    def spoil() -> None:
        m.Event.objects.using(journal.using).filter(conversation_id=UUID(conversation), seq=2).update(
            text="{}"
        )

    in_thread(spoil)  # what was read already is not read again
    again = await journal.kept_history(conversation)
    assert said(again) == ["one", "two"] and (again.seq, again.tag) == (at.seq, at.tag)


async def test_a_journal_with_another_past_is_read_anew(journal: Journal, owner: Any) -> None:
    conversation = await begin(journal, owner)
    await archive(journal, conversation, EMPTY, ZERO, [CREATED, message("one")])
    found = await journal.kept_history(conversation)
    journal.kept.put(conversation, KeptHistory(empty(conversation), found.seq, "another", found.chars))
    assert said(await journal.kept_history(conversation)) == ["one"]
    journal.kept.put(conversation, KeptHistory(empty(conversation), 9, "later", 1))  # it was set back
    assert said(await journal.kept_history(conversation)) == ["one"]


async def test_a_deleted_conversation_is_not_there(journal: Journal, owner: Any) -> None:
    conversation = await begin(journal, owner)
    await archive(journal, conversation, EMPTY, ZERO, [CREATED, message("one")])
    await journal.kept_history(conversation)
    await journal.delete(conversation, START)
    with pytest.raises(NoConversation):
        await journal.kept_history(conversation)


def test_what_was_used_longest_ago_is_let_go() -> None:
    kept = KeptHistories(most=100)
    for name, chars in (("a", 40), ("b", 40)):
        kept.put(name, KeptHistory(empty(name), 1, "t", chars))
    assert kept.get("a") is not None
    kept.put("c", KeptHistory(empty("c"), 1, "t", 40))
    assert kept.get("b") is None and kept.get("a") is not None and kept.get("c") is not None
    kept.went_on("c", empty("c"), 2, "u", 21)
    assert kept.get("a") is None, "it has grown beyond what is kept together"
    kept.put("d", KeptHistory(empty("d"), 1, "t", 101))
    assert kept.get("d") is None
