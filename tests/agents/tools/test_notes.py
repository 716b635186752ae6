"""Notes: written once per call, kept per owner, and findable after a crash."""

import json

import pytest

from agents.extensions import toolbox
from agents.models import Note
from agents.tools import Probed, ToolContext, ToolResult
from agents.tools.notes.store import NoteStorage
from chat.support.database import ask

pytestmark = pytest.mark.django_db(transaction=True)


def context(owner, key: str = "k1") -> ToolContext:
    return ToolContext(
        call="abcdefghi", key=key, conversation="c", owner=str(owner.pk), storage=NoteStorage(ask)
    )


async def use(owner, key: str = "k1", **arguments) -> ToolResult:
    return await toolbox().run("notes", json.dumps(arguments), context(owner, key))


async def looked(owner, key: str = "k1", **arguments) -> Probed:
    return await toolbox().probe("notes", json.dumps(arguments), context(owner, key))


async def test_notes_are_added_listed_and_deleted(alice):
    assert (await use(alice, action="list")).text == "There are no notes."
    assert (await use(alice, "k1", action="add", text=" milk ")).text == "Noted as #1."
    assert (await use(alice, "k2", action="add", text="bread")).text == "Noted as #2."
    assert (await use(alice, action="list")).text == "#1 milk\n#2 bread"
    assert (await use(alice, action="delete", number=1)).text == "Note #1 is deleted."
    assert (await use(alice, action="list")).text == "#2 bread"


async def test_T3_the_same_key_writes_one_note_however_often_the_call_runs(alice):
    first = await use(alice, "same", action="add", text="milk")
    again = await use(alice, "same", action="add", text="milk")
    assert first == again
    assert await Note.objects.acount() == 1


async def test_a_number_is_not_given_twice_and_a_deleted_text_is_gone(alice):
    await use(alice, "k1", action="add", text="secret")
    await use(alice, action="delete", number=1)
    assert (await use(alice, "k2", action="add", text="next")).text == "Noted as #2."
    assert not await Note.objects.filter(text="secret").aexists()


async def test_nobody_sees_or_deletes_the_notes_of_others(alice, bob):
    await use(alice, "k1", action="add", text="mine")
    assert (await use(bob, action="list")).text == "There are no notes."
    refused = await use(bob, action="delete", number=1)
    assert (refused.ok, refused.code) == (False, "tool_error")
    assert (await use(alice, action="list")).text == "#1 mine"
    assert (await use(bob, "k1", action="add", text="also first")).text == "Noted as #1."


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"action": "add"}, "nothing to remember"),
        ({"action": "delete"}, "which note"),
        ({"action": "delete", "number": 9}, "no note #9"),
        ({"action": "add", "text": "x" * 2_001}, "at most 2000"),
        ({"action": "burn"}, "'add', 'list' or 'delete'"),
    ],
)
async def test_what_cannot_be_done_says_what_would_work(alice, arguments, why):
    result = await use(alice, **arguments)
    assert not result.ok
    assert why in result.text


async def test_R4_a_note_in_doubt_can_be_looked_up(alice):
    assert await looked(alice, "k1", action="add", text="milk") == Probed("not_happened")
    await use(alice, "k1", action="add", text="milk")
    assert await looked(alice, "k1", action="add", text="milk") == Probed("happened", "Noted as #1.")
    assert await looked(alice, action="delete", number=1) == Probed("not_happened")
    await use(alice, action="delete", number=1)
    assert await looked(alice, action="delete", number=1) == Probed("happened", "Note #1 is deleted.")
    assert await looked(alice, action="list") == Probed("not_happened")


async def test_without_storage_it_says_so(alice):
    bare = ToolContext(call="c", key="k", conversation="c", owner=str(alice.pk))
    assert (await toolbox().run("notes", '{"action": "list"}', bare)).text == "Notes cannot be kept here."
