"""Words of deleted texts leave SQLite's index, whose segments keep them until they are merged."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from chat.models import Conversation
from chat.retention.purge import purge
from chat.search.fields import FTS
from chat.search.squeezing import squeeze
from tests.chat.search.test_index import catch_up, found, say
from tests.support import rows

pytestmark = pytest.mark.django_db(transaction=True)
WORD = "zqxjkvw"


def segments_with(word: str) -> int:
    """Pages of the index in which a word is; its beginning is shared with the word before it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {FTS}_data WHERE instr(block, CAST(%s AS BLOB)) > 0", [word[1:]]
        )
        return int(cursor.fetchone()[0])


def test_the_words_of_a_conversation_that_is_gone_are_in_no_page_of_the_index(alice: Any) -> None:
    if connection.vendor != "sqlite":
        assert not squeeze("default", first=True), "PostgreSQL's index is cleaned by autovacuum"
        return
    gone, stays = rows.conversation(alice), rows.conversation(alice)
    for number in range(40):
        say(gone, f"{WORD} {number}")
        say(stays, f"other words {number}")
        catch_up(gone)
        catch_up(stays)
    purge(Conversation.objects.filter(pk=gone.pk))
    assert not found(alice, WORD) and segments_with(WORD), "deleted, and its words are there all the same"
    steps = 1
    while squeeze("default", first=steps == 1):
        steps += 1
        assert steps < 1_000, "it does not come to an end"
    assert not segments_with(WORD)
    assert found(alice, "other"), "what stays is found as before"
