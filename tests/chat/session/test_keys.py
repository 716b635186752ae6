"""Each key of a conversation vanishes alone, evicted or deleted (S6): nothing acknowledged is lost, everybody goes on.

`KEYS` is held to what a used session really has in a Valkey, so a new key cannot be forgotten here.
"""

from __future__ import annotations

import os
import uuid
from random import Random
from typing import Any

import pytest

from agents import events as e
from chat.session.contract import KEYS, LOST, Batch, Command, LogEvent, LogPart, utf16
from chat.session.errors import PartGap
from chat.session.sessions import Sessions
from chat.session.state import EMPTY, merge, reduce
from tests.chat.session.test_recovery import CrashingJournal, crash_while_appending
from tests.chat.session.test_sessions import said, start
from tests.support.worlds import RedisWorld, World

pytestmark = pytest.mark.django_db(transaction=True)

LEASE_MS = 60_000
TEXT = "It is always the same moon, 🌙 and always another tide."
#: The long form: HOLDFAST_TEST_LOSSES=20000 .venv/bin/python -m pytest tests/chat/session/test_keys.py -k random
ACTS = int(os.environ.get("HOLDFAST_TEST_LOSSES", "150"))


class Reader:
    """Somebody who watches, as a browser does: a snapshot, then what follows it, then a snapshot whenever that is
    lost."""

    def __init__(self, sessions: Sessions, conversation: str) -> None:
        self._sessions = sessions
        self._conversation = conversation
        self.resyncs = 0

    async def open(self) -> Reader:
        view = await self._sessions.load(self._conversation)
        self.state = view.state
        self._seq = view.position.seq
        self._at = (view.position.epoch, view.loaded.log_id)
        self.part = (view.part.message, view.part.text) if view.part else ("", "")
        return self

    async def catch_up(self) -> None:
        """Read what there is, until there is no more."""
        while True:
            got = (await self._sessions.store.read({self._conversation: self._at}))[self._conversation]
            if got is LOST:
                self.resyncs += 1
                await self.open()
                continue
            assert isinstance(got, Batch)
            if not got.entries:
                return
            for entry in got.entries:
                await (self._event(entry) if isinstance(entry, LogEvent) else self._text(entry))
            self._at = (got.epoch, got.log_id)

    async def _event(self, entry: LogEvent) -> None:
        assert entry.seq == self._seq + 1
        self._seq = entry.seq
        event = e.from_json(entry.text)
        self.state = merge(self.state, reduce(self.state, event, entry.seq))
        if isinstance(event, e.StepStarted | e.StepFinished):
            self.part = ("", "")

    async def _text(self, entry: LogPart) -> None:
        had = self.part[1] if self.part[0] == entry.message else ""
        have = utf16(had)
        assert entry.offset <= have, "a gap that only another snapshot can close"
        rest = entry.text.encode("utf-16-le")[2 * (have - entry.offset) :].decode("utf-16-le")
        self.part = (entry.message, had + rest)


async def show(sessions: Sessions, conversation: str, fence: int, step: str, shown: int, text: str) -> None:
    """Stream what `text` has beyond `shown` characters as an owner does: what the store lost is sent again."""
    try:
        await sessions.part(conversation, fence, step, utf16(text[:shown]), text[shown:])
    except PartGap:
        await sessions.part(conversation, fence, step, 0, text)


async def is_whole(sessions: Sessions, conversation: str, *said: str) -> None:
    """These are the messages, in Redis and in SQL, and both say the same."""
    view = await sessions.load(conversation)
    base = await sessions.journal.base(conversation)
    assert (base.seq, base.tag, base.state) == (view.position.seq, view.position.tag, view.state)
    assert [text for text in texts_said(view) if text] == list(said)


def texts_said(view: Any) -> list[str]:
    return [
        item["text"]
        for item in view.state.values()
        if isinstance(item, dict) and item.get("kind") == "message"
    ]


@pytest.fixture
def owned(world: World, sqlite_journal: Any) -> Sessions:
    """Sessions that know how long leases last, as in production."""
    return Sessions(world.store, sqlite_journal, lease_ms=LEASE_MS)


@pytest.fixture
def crashing(world: World, transactional_db: None) -> Any:
    journal = CrashingJournal()
    yield Sessions(world.store, journal, lease_ms=LEASE_MS)
    journal.close()


async def streaming(sessions: Sessions, owner: Any) -> tuple[str, int]:
    """A conversation with a message, whose run streams text and has a lease; and its fence."""
    conversation = await start(sessions, owner)
    await sessions.append(conversation, lambda view: [said("1")], command=Command("c1", "d", '"one"'))
    fence = await sessions.take(conversation, "owner", LEASE_MS)
    assert fence is not None
    run = str(uuid.uuid4())
    begun = [
        e.RunQueued(at=1, run=run, cause="m"),
        e.RunStarted(at=1, run=run, attempt=1, fence=fence, worker="owner"),
        e.StepStarted(at=1, run=run, step="r.1"),
    ]
    await sessions.append(conversation, lambda view: begun, fence=fence)
    await sessions.part(conversation, fence, "r.1", 0, TEXT[:10])
    return conversation, fence


async def test_S6_these_are_the_keys_of_a_conversation(owned: Sessions, world: World, alice: Any) -> None:
    conversation, _ = await streaming(owned, alice)
    assert await world.keys(conversation) == set(KEYS)


@pytest.mark.parametrize("key", KEYS)
async def test_S6_a_key_vanishes_while_nothing_happens(
    owned: Sessions, world: World, alice: Any, key: str
) -> None:
    conversation = await start(owned, alice)
    command = Command("c1", "d", '"one"')
    await owned.append(conversation, lambda view: [said("1")], command=command)
    await owned.remember(conversation, Command("c2", "d", '"nothing"'))
    reader = await Reader(owned, conversation).open()
    await world.lose(conversation, key)
    await is_whole(owned, conversation, "1")
    await world.lose(conversation, key)
    await owned.append(conversation, lambda view: [said("2")])
    await is_whole(owned, conversation, "1", "2")
    again = await owned.append(conversation, lambda view: [said("1")], command=command)
    assert again.duplicate and again.result == '"one"'
    found = await owned.command(conversation, "c2")
    assert found is not None and found.result == '"nothing"'
    await reader.catch_up()
    assert reader.state == (await owned.load(conversation)).state


@pytest.mark.parametrize("key", KEYS)
async def test_S6_a_key_vanishes_in_a_run(owned: Sessions, world: World, alice: Any, key: str) -> None:
    """Its owner goes on: it keeps its lease, its text is whole, and its writes are not fenced."""
    conversation, fence = await streaming(owned, alice)
    reader = await Reader(owned, conversation).open()
    await world.lose(conversation, key)
    await show(owned, conversation, fence, "r.1", 10, TEXT[:20])
    late = await Reader(owned, conversation).open()
    await world.lose(conversation, key)
    await show(owned, conversation, fence, "r.1", 20, TEXT)
    for one in (reader, late):
        await one.catch_up()
        assert one.part == ("r.1", TEXT)
    assert await owned.renew(conversation, "owner", LEASE_MS)
    assert await owned.take(conversation, "other", LEASE_MS) is None
    await world.lose(conversation, key)
    await owned.append(conversation, lambda view: [said("2")], fence=fence)
    await is_whole(owned, conversation, "1", "2")
    for one in (reader, late):
        await one.catch_up()
        assert one.state == (await owned.load(conversation)).state


@pytest.mark.parametrize("key", KEYS)
async def test_S6_a_key_vanishes_before_its_writer_archived(
    crashing: Sessions, world: World, alice: Any, key: str
) -> None:
    """Whether the event is found in what is left or carried out again by the retry: it is there once."""
    conversation = await start(crashing, alice)
    command = Command("c1", "d", '"done"')
    await crash_while_appending(crashing, conversation, said("once"), said("and this"), command=command)
    await world.lose(conversation, key)
    for _ in range(3):
        outcome = await crashing.append(
            conversation, lambda view: [said("once"), said("and this")], command=command
        )
        assert outcome.result == '"done"'
    await is_whole(crashing, conversation, "once", "and this")


@pytest.mark.parametrize("key", sorted({*KEYS} - {"meta", "log"}))
async def test_S6_what_the_log_still_tells_is_not_dropped(
    crashing: Sessions, world: World, alice: Any, key: str
) -> None:
    conversation = await start(crashing, alice)
    await crash_while_appending(crashing, conversation, said("left"), command=Command("c1", "d", '"done"'))
    await world.lose(conversation, key)
    await is_whole(crashing, conversation, "left")
    known = await crashing.command(conversation, "c1")
    assert known == Command("c1", "d", '"done"')


async def test_S6_a_session_of_an_earlier_release_loses_its_state(
    redis_world: RedisWorld, sqlite_journal: Any, alice: Any
) -> None:
    """It does not tell whether it had one; every session with a first event had."""
    sessions = Sessions(redis_world.store, sqlite_journal)
    conversation = await start(sessions, alice)
    await sessions.append(conversation, lambda view: [said("1")])
    with redis_world.server.client() as client:
        for key in client.scan_iter(f"*{conversation}*:meta"):
            client.hdel(key, "held")
    await redis_world.lose(conversation, "state")
    await is_whole(sessions, conversation, "1")


async def test_S6_keys_vanish_at_random(owned: Sessions, world: World, alice: Any) -> None:
    """Messages, text, repeated commands and readers, with a key gone between any two acts."""
    seed = int(os.environ.get("HOLDFAST_TEST_SEED", "0")) or Random().randrange(1, 10**6)
    print(f"seed {seed}: HOLDFAST_TEST_SEED={seed} repeats it")
    random = Random(seed)
    conversation, fence = await streaming(owned, alice)
    expected, shown = ["1"], 10
    readers = [await Reader(owned, conversation).open() for _ in range(2)]
    for number in range(2, ACTS + 2):
        for key in random.sample(KEYS, random.choice((0, 0, 1, 1, 2))):
            await world.lose(conversation, key)
        match random.choice(("say", "say again", "text", "text", "renew", "read", "snapshot")):
            case "say":
                told, command = said(str(number)), Command(f"c{number}", "d", str(number))
                await owned.append(conversation, lambda view, told=told: [told], command=command)
                expected.append(str(number))
            case "say again":
                earlier = random.choice(expected)
                if earlier != "1":
                    command = Command(f"c{earlier}", "d", earlier)
                    again = await owned.append(conversation, lambda view: [said("twice")], command=command)
                    assert again.duplicate and again.result == earlier, f"seed {seed}"
            case "text":
                if shown < len(TEXT):
                    await show(owned, conversation, fence, "r.1", shown, TEXT[: shown + 1])
                    shown += 1
            case "renew":
                assert await owned.renew(conversation, "owner", LEASE_MS), f"seed {seed}"
            case "read":
                await random.choice(readers).catch_up()
            case "snapshot":
                await random.choice(readers).open()
    view = await owned.load(conversation)
    assert view.state == (await owned.journal.base(conversation)).state, f"seed {seed}"
    rows = await owned.journal.ask(lambda: _said(conversation))
    assert rows == expected, f"seed {seed}"
    await show(owned, conversation, fence, "r.1", shown, TEXT + "!")
    for reader in readers:
        await reader.catch_up()
        assert reader.state == view.state and reader.part == ("r.1", TEXT + "!"), f"seed {seed}"


def _said(conversation: str) -> list[str]:
    from chat.models import Message

    rows = Message.objects.filter(conversation_id=uuid.UUID(conversation), kind="message").order_by("seq")
    return [row.body["text"] for row in rows]


def test_nothing_is_left_of_an_empty_state() -> None:
    """What `held` in Redis stands for: every state after a first event has fields."""
    created = e.ConversationCreated(at=1, title="T", agent="assistant")
    assert merge(EMPTY, reduce(EMPTY, created, 1)) != EMPTY
