"""What every store does (rules S1–S8, R2, W4, W5), in memory and over a real Valkey."""

import asyncio
import hashlib

import pytest

from chat.session.contract import (
    LOST,
    UNKNOWN_OWNER,
    Batch,
    Command,
    LogEvent,
    LogPart,
    Position,
    Store,
    next_tag,
)
from chat.session.errors import Conflict, Duplicate, Fenced, IdReused, Missing, PartGap
from tests.support.worlds import LOG_ENTRIES, World

C = "11111111-1111-4111-8111-111111111111"
D = "22222222-2222-4222-8222-222222222222"
ZERO = Position("e1", 0, "")


async def seed(store: Store, conversation: str = C, position: Position = ZERO, **fields: str) -> Position:
    assert await store.seed(conversation, position, fields, fence=1, archived=position.seq, replaces=None)
    return position


async def add(store: Store, at: Position, *texts: str, **more: object) -> Position:
    return (await store.append(C, at, texts or ("{}",), {}, **more)).position  # type: ignore[arg-type]


def texts(batch: object) -> list[str]:
    assert isinstance(batch, Batch), batch
    return [entry.text for entry in batch.entries]


# ---- appending ----


async def test_S2_append_moves_position_and_writes_the_patch(store: Store) -> None:
    at = await seed(store, info="1", old="2")
    appended = await store.append(C, at, ['{"a":1}', '{"b":2}'], {"info": "3", "old": None, "new": "4"})
    assert appended.position.seq == 2 and appended.position.tag == appended.tags[-1]
    loaded = await store.load(C)
    assert loaded is not None
    assert loaded.position == appended.position
    assert loaded.fields == {"info": "3", "new": "4"}
    assert (loaded.archived, loaded.fence, loaded.log_id, loaded.part) == (0, 1, "2-0", None)
    assert loaded.verified


@pytest.mark.parametrize("text", ["{}", '{"t":"你好 🙂 naïve"}', '"\\u0000"', "\u2028", "x" * 70_000])
async def test_S2_tag_is_the_same_in_lua_and_in_python(store: Store, text: str) -> None:
    at = await seed(store, position=Position("e1", 7, "00ff00ff00ff00ff"))
    appended = await store.append(C, at, [text, text], {})
    first = hashlib.sha1(("00ff00ff00ff00ff" + text).encode()).hexdigest()[:16]
    assert appended.tags == [first, next_tag(first, text)]
    tail = await store.tail(C, 7)
    assert tail is not None
    assert [(e.event.prev, e.event.tag, e.event.text) for e in tail.events] == [
        ("00ff00ff00ff00ff", first, text),
        (first, appended.tags[1], text),
    ]


@pytest.mark.parametrize(
    "elsewhere", [Position("e1", 1, ""), Position("e2", 0, ""), Position("e1", 0, "f" * 16)]
)
async def test_S2_append_elsewhere_is_a_conflict_and_changes_nothing(
    store: Store, elsewhere: Position
) -> None:
    await seed(store, info="1")
    with pytest.raises(Conflict):
        await store.append(C, elsewhere, ["{}"], {"info": "2"})
    loaded = await store.load(C)
    assert loaded is not None and loaded.position == ZERO and loaded.fields == {"info": "1"}


async def test_S2_the_second_of_two_writers_conflicts(store: Store) -> None:
    at = await seed(store)
    await add(store, at, '{"by":"a"}')
    with pytest.raises(Conflict):
        await add(store, at, '{"by":"b"}')


async def test_S2_the_same_append_again_is_recognised(store: Store) -> None:
    """A writer whose answer was lost asks again; meanwhile others may have gone on."""
    at = await seed(store)
    first = await store.append(C, at, ['{"n":1}', '{"n":2}'], {"a": "1"})
    assert await store.append(C, at, ['{"n":1}', '{"n":2}'], {"a": "1"}) == first
    await add(store, first.position, '{"n":3}')
    assert await store.append(C, at, ['{"n":1}', '{"n":2}'], {"a": "1"}) == first
    head = await store.head(C)
    assert head is not None and head[0].seq == 3


async def test_S6_an_empty_store_refuses_every_write(store: Store) -> None:
    with pytest.raises(Missing):
        await add(store, Position("e1", 5, "x"), fence=3)
    with pytest.raises(Missing):
        await store.part(C, 3, "s", 0, "x")
    with pytest.raises(Missing):
        await store.fence(C, 3)
    assert not await store.archived(C, ZERO)
    assert not await store.verified(C, ZERO, "e2")
    await store.remember(C, Command("c1", "d", "{}"))
    assert await store.load(C) is None and await store.head(C) is None and await store.heads([C]) == {}
    assert await store.tail(C, 0) is None and await store.command(C, "c1") is None
    assert await store.read({C: ("e1", "0-0")}) == {C: LOST}


async def test_S1_conversations_do_not_touch_each_other(store: Store) -> None:
    at = await seed(store)
    await seed(store, D)
    moved = await add(store, at)
    assert await store.heads([C, D]) == {C: moved, D: ZERO}
    await store.delete(C)
    assert await store.heads([C, D]) == {D: ZERO}


# ---- fences and leases ----


async def test_R2_an_old_fence_is_refused(store: Store) -> None:
    at = await seed(store)
    await store.fence(C, 5)
    await store.fence(C, 3)
    with pytest.raises(Fenced):
        await add(store, at, fence=4)
    with pytest.raises(Fenced):
        await store.part(C, 4, "s", 0, "x")
    at = await add(store, at, fence=5)
    await add(store, at)
    loaded = await store.load(C)
    assert loaded is not None and loaded.fence == 5


async def test_R2_fence_comes_before_dedupe_and_conflict(store: Store) -> None:
    at = await seed(store)
    await add(store, at, command=Command("c1", "d", "{}"))
    await store.fence(C, 5)
    with pytest.raises(Fenced):
        await add(store, at, fence=1, command=Command("c1", "d", "{}"))


async def test_R2_one_owner_has_the_lease(world: World) -> None:
    store = world.store
    assert await store.lease(C) is None
    assert await store.acquire(C, "a", 300)
    assert await store.acquire(C, "a", 300)
    assert not await store.acquire(C, "b", 300)
    assert await store.lease(C) == "a"
    assert not await store.renew(C, "b", 300)
    await store.release(C, "b")
    assert await store.renew(C, "a", 300)
    await store.release(C, "a")
    assert not await store.renew(C, "a", 300)
    assert await store.acquire(C, "b", 300)


async def test_R2_a_lease_that_is_not_renewed_ends(world: World) -> None:
    store = world.store
    assert await store.acquire(C, "a", 100)
    await world.wait(150)
    assert await store.lease(C) is None
    assert not await store.renew(C, "a", 100)
    assert await store.acquire(C, "b", 100)


async def test_R2_a_lease_that_was_lost_is_held_for_whoever_had_it(store: Store) -> None:
    await store.hold(C, 60_000)
    assert await store.lease(C) == UNKNOWN_OWNER
    assert not await store.acquire(C, "b", 60_000)
    assert not await store.renew(C, "a", 60_000)
    assert await store.reclaim(C, "a", 60_000)
    assert not await store.reclaim(C, "b", 60_000)
    assert await store.lease(C) == "a"


async def test_R2_a_lease_that_was_not_lost_lasts_longer_and_stays_with_its_owner(world: World) -> None:
    store = world.store
    assert await store.acquire(C, "a", 300)
    await store.hold(C, 60_000)
    await world.wait(400)
    assert await store.lease(C) == "a"
    await store.hold(C, 10)
    await world.wait(50)
    assert await store.lease(C) == "a", "a hold never makes a lease shorter"


async def test_R2_how_long_leases_last_is_read_for_many_at_once(world: World) -> None:
    store = world.store
    assert await store.leases([]) == {}
    assert await store.acquire(C, "a", 5_000)
    left = await store.leases([C, D])
    assert list(left) == [C] and 0 < left[C] <= 5_000
    assert await store.renew(C, "a", 100)
    assert (await store.leases([D, C]))[C] <= 100
    await world.wait(150)
    assert await store.leases([C, D]) == {}


async def test_R12_workers_say_how_busy_they_are_and_hear_of_the_others(world: World) -> None:
    store = world.store
    assert await store.beat("w1", "3 61", 5_000) == {"w1": "3 61"}
    assert await store.beat("w2", "0 64", 100) == {"w1": "3 61", "w2": "0 64"}
    assert await store.loads() == {"w1": "3 61", "w2": "0 64"}
    await world.wait(150)
    assert await store.beat("w1", "4 60", 5_000) == {"w1": "4 60"}, "w2 has not been heard of for too long"
    assert await store.beat("w1", "", 5_000) == {}
    assert await store.loads() == {}


# ---- commands ----


async def test_W5_the_same_command_gets_the_recorded_result(store: Store) -> None:
    at = await seed(store)
    command = Command("c1", "digest", '{"ok":"é/"}')
    moved = await add(store, at, '{"n":1}', command=command)
    for position in (at, moved):
        with pytest.raises(Duplicate) as caught:
            await add(store, position, '{"n":2}', command=command)
        assert caught.value.result == '{"ok":"é/"}'
    assert await store.command(C, "c1") == command
    assert (await store.heads([C]))[C] == moved


async def test_W5_the_same_id_with_another_payload_is_refused(store: Store) -> None:
    at = await seed(store)
    await add(store, at, command=Command("c1", "digest", "{}"))
    with pytest.raises(IdReused):
        await add(store, at, command=Command("c1", "other", "{}"))


async def test_W5_a_rejected_command_is_remembered_and_the_first_result_stands(store: Store) -> None:
    at = await seed(store)
    await store.remember(C, Command("c1", "digest", '"no"'))
    await store.remember(C, Command("c1", "digest", '"yes"'))
    with pytest.raises(Duplicate) as caught:
        await add(store, at, command=Command("c1", "digest", '"yes"'))
    assert caught.value.result == '"no"'


async def test_S6_the_tail_names_the_commands_of_its_events(store: Store) -> None:
    at = await seed(store)
    command = Command("c1", "digest", "{}")
    at = await add(store, at, "1", "2", command=command)
    await store.part(C, 1, "s", 0, "not an event")
    await add(store, at, "3")
    tail = await store.tail(C, 0)
    assert tail is not None
    assert [(left.event.seq, left.event.text, left.command) for left in tail.events] == [
        (1, "1", command),
        (2, "2", None),
        (3, "3", None),
    ]
    assert (tail.position.seq, tail.archived, tail.verified) == (3, 0, True)
    later = await store.tail(C, 2)
    assert later is not None and [left.event.seq for left in later.events] == [3]


# ---- parts ----


async def test_W4_parts_are_addressed_by_offset(store: Store) -> None:
    await seed(store)
    await store.part(C, 1, "s", 0, "Hi 🙂")
    await store.part(C, 1, "s", 0, "Hi 🙂")
    await store.part(C, 1, "s", 5, "你好")
    await store.part(C, 1, "s", 3, "🙂你好!")
    await store.part(C, 1, "s", 8, "")
    with pytest.raises(PartGap) as caught:
        await store.part(C, 1, "s", 9, "late")
    assert caught.value.have == 8
    loaded = await store.load(C)
    assert loaded is not None and loaded.part is not None
    assert (loaded.part.message, loaded.part.text) == ("s", "Hi 🙂你好!")
    assert loaded.position == ZERO and loaded.log_id == "0-3"
    read = (await store.read({C: ("e1", "0-0")}))[C]
    assert isinstance(read, Batch)
    assert read.entries == [
        LogPart("0-1", "s", 0, "Hi 🙂"),
        LogPart("0-2", "s", 5, "你好"),
        LogPart("0-3", "s", 7, "!"),
    ]


async def test_W4_another_step_begins_at_zero(store: Store) -> None:
    await seed(store)
    await store.part(C, 1, "s", 0, "old text")
    with pytest.raises(PartGap) as caught:
        await store.part(C, 1, "t", 3, "x")
    assert caught.value.have == 0
    await store.part(C, 1, "t", 0, "")
    await store.part(C, 1, "t", 0, "new")
    loaded = await store.load(C)
    assert loaded is not None and loaded.part is not None and loaded.part.text == "new"


async def test_W4_parts_that_come_together_are_answered_each_for_itself(store: Store) -> None:
    await seed(store)
    await seed(store, D)
    nowhere = "33333333-3333-4333-8333-333333333333"
    found = await asyncio.gather(
        store.part(C, 1, "s", 0, "one "),
        store.part(D, 0, "s", 0, "by an owner that was lost"),
        store.part(C, 1, "s", 4, "two "),
        store.part(D, 1, "s", 5, "too far"),
        store.part(nowhere, 1, "s", 0, "x"),
        store.part(C, 1, "s", 8, "three"),
        return_exceptions=True,
    )
    assert [type(one) for one in found] == [type(None), Fenced, type(None), PartGap, Missing, type(None)]
    loaded = await store.load(C)
    assert loaded is not None and loaded.part is not None and loaded.part.text == "one two three"


async def test_W4_step_events_clear_the_part(store: Store) -> None:
    at = await seed(store)
    await store.part(C, 1, "s", 0, "text")
    at = await add(store, at)
    loaded = await store.load(C)
    assert loaded is not None and loaded.part is not None and loaded.log_id == "1-0"
    await store.part(C, 1, "s", 4, "!")
    await add(store, at, clear_part=True)
    loaded = await store.load(C)
    assert loaded is not None and loaded.part is None
    with pytest.raises(PartGap):
        await store.part(C, 1, "s", 5, "x")


async def test_W4_one_log_orders_events_and_parts(store: Store) -> None:
    at = await seed(store)
    at = await add(store, at, '"one"')
    await store.part(C, 1, "s", 0, "a")
    await store.part(C, 1, "s", 1, "b")
    await add(store, at, '"two"')
    await store.part(C, 1, "s", 2, "c")
    batch = (await store.read({C: ("e1", "0-0")}))[C]
    assert isinstance(batch, Batch)
    assert [entry.id for entry in batch.entries] == ["1-0", "1-1", "1-2", "2-0", "2-1"]
    assert texts(batch) == ['"one"', "a", "b", '"two"', "c"]
    assert batch.log_id == "2-1" and batch.epoch == "e1"


# ---- reading ----


async def test_read_goes_on_from_every_position(store: Store) -> None:
    at = await seed(store)
    await seed(store, D)
    for n in range(4):
        at = await add(store, at, f'"{n}"')
        await store.part(C, 1, "s", n, str(n))
    whole = (await store.read({C: ("e1", "0-0"), D: ("e1", "0-0")}))[C]
    assert isinstance(whole, Batch)
    for count, entry in enumerate(whole.entries, start=1):
        assert texts((await store.read({C: ("e1", entry.id)}))[C]) == texts(whole)[count:]
    quiet = (await store.read({D: ("e1", "0-0"), C: ("e1", "4-1")}))[D]
    assert quiet == Batch("e1", [], "0-0")
    assert await store.read({}) == {}


@pytest.mark.parametrize("position", [("e2", "1-0"), ("e1", "3-0"), ("e1", "2-1")])
async def test_read_says_when_a_position_is_not_of_this_history(
    store: Store, position: tuple[str, str]
) -> None:
    at = await seed(store)
    await add(store, at, "1", "2")
    assert await store.read({C: position}) == {C: LOST}


async def test_read_beyond_the_trimmed_log_is_lost(store: Store) -> None:
    at = await seed(store)
    for n in range(5 * LOG_ENTRIES):
        at = await add(store, at, str(n))
        await store.archived(C, at)
    assert await store.read({C: ("e1", "1-0")}) == {C: LOST}
    near = (await store.read({C: ("e1", f"{at.seq - 50}-0")}))[C]
    assert texts(near) == [str(n) for n in range(at.seq - 50, at.seq)]
    tail = await store.tail(C, 0)
    assert tail is not None and LOG_ENTRIES <= len(tail.events) <= 2.5 * LOG_ENTRIES


async def test_parts_are_trimmed_too(store: Store) -> None:
    at = await seed(store)
    at = await add(store, at)
    await store.archived(C, at)
    for n in range(6 * LOG_ENTRIES):
        await store.part(C, 1, "s", n, "x")
    assert await store.read({C: ("e1", "1-5")}) == {C: LOST}
    loaded = await store.load(C)
    assert loaded is not None and loaded.part is not None and len(loaded.part.text) == 6 * LOG_ENTRIES
    assert await store.read({C: ("e1", loaded.log_id)}) == {C: Batch("e1", [], loaded.log_id)}


async def test_S6_nothing_that_the_journal_lacks_is_trimmed(store: Store) -> None:
    at = await seed(store)
    at = await add(store, at, "0")
    await store.archived(C, at)
    for n in range(3 * LOG_ENTRIES):
        at = await add(store, at, str(n))
        await store.part(C, 1, "s", n, "x")
    tail = await store.tail(C, 1)
    assert tail is not None and len(tail.events) == 3 * LOG_ENTRIES


async def test_read_is_bounded_and_goes_on(store: Store) -> None:
    at = await seed(store)
    for n in range(12):
        at = await add(store, at, *(f'"{n}.{k}"' for k in range(100)))
    log_id, found = "0-0", []
    while True:
        batch = (await store.read({C: ("e1", log_id)}))[C]
        assert isinstance(batch, Batch) and len(batch.entries) <= 500
        if not batch.entries:
            break
        found += texts(batch)
        log_id = batch.log_id
    assert len(found) == 1200 == len(set(found))


async def test_one_read_serves_many_conversations(store: Store) -> None:
    names = [f"00000000-0000-4000-8000-{n:012d}" for n in range(150)]
    for name in names:
        await seed(store, name)
        await store.append(name, ZERO, [f'"{name}"'], {})
    found = await store.read(dict.fromkeys(names, ("e1", "0-0")))
    assert [texts(found[name]) for name in names] == [[f'"{name}"'] for name in names]


# ---- coming and going ----


async def test_S5_archived_counts_only_for_its_own_history(store: Store) -> None:
    at = await seed(store)
    first = await add(store, at, "1")
    second = await add(store, first, "2")
    assert not await store.archived(C, Position("e2", 1, first.tag))
    assert not await store.archived(C, Position("e1", 2, first.tag))
    assert not await store.archived(C, Position("e1", 3, first.tag))
    assert (await store.head(C)) == (second, 0)
    assert await store.archived(C, second)
    assert await store.archived(C, first)
    assert (await store.head(C)) == (second, 2)


async def test_S6_seed_puts_in_place_only_what_it_replaces(store: Store) -> None:
    at = await seed(store, info="1")
    at = await add(store, at, command=Command("c1", "d", "{}"))
    await store.part(C, 1, "s", 0, "x")
    await store.fence(C, 7)
    other = Position("e2", 4, "abcd")
    assert not await store.seed(C, other, {}, fence=2, archived=4, replaces=None)
    assert not await store.seed(C, other, {}, fence=2, archived=4, replaces="e0")
    assert await store.seed(C, other, {"run": "null"}, fence=2, archived=4, replaces="e1")
    loaded = await store.load(C)
    assert loaded is not None
    assert loaded.position == other and loaded.fields == {"run": "null"} and loaded.part is None
    assert loaded.log_id == "4-0" and loaded.archived == 4
    assert loaded.fence == 7, "a fence never gets smaller"
    assert await store.read({C: ("e1", "1-0")}) == {C: LOST}
    assert await store.command(C, "c1") is None
    with pytest.raises(Conflict):
        await add(store, at)
    await add(store, other)


# ---- another server, or the same with less ----


async def test_S7_flush(world: World) -> None:
    at = await seed(world.store)
    at = await add(world.store, at)
    await world.flush()
    with pytest.raises(Missing):
        await add(world.store, at)
    assert await world.store.read({C: ("e1", "1-0")}) == {C: LOST}


async def test_S6_a_server_that_lost_its_tail_is_not_trusted(world: World) -> None:
    store = world.store
    at = await seed(store, n="0")
    kept = (await store.append(C, at, ["1"], {"n": "1"})).position
    await world.save()
    await store.append(C, kept, ["2"], {"n": "2"})
    await world.restart_with_saved()
    loaded = await store.load(C)
    assert loaded is not None and loaded.position == kept and loaded.fields == {"n": "1"}
    assert not loaded.verified
    assert await store.heads([C]) == {}
    assert await store.read({C: ("e1", "1-0")}) == {C: LOST}
    with pytest.raises(Conflict):
        await add(store, kept, "2b")
    with pytest.raises(Conflict):
        await store.part(C, 1, "s", 0, "x")
    assert not await store.verified(C, at, "e2")
    assert await store.verified(C, kept, "e2")
    again = await store.load(C)
    assert again is not None and again.verified and again.position == Position("e2", 1, kept.tag)
    await add(store, again.position, "2b")
    assert await store.read({C: ("e1", "1-0")}) == {C: LOST}


def test_cursor_goes_there_and_back() -> None:
    for position in (ZERO, Position("0badc0ffee00", 12, "0123456789abcdef")):
        assert Position.parse(position.cursor) == position
    for text in ("", "a", "a:b", "a:1", ":1:x", "a:-1:x", "a:1:x:y", "a:²:x", "a b:1:x"):
        assert Position.parse(text) in (None, Position("a", 1, "")), text


def test_log_events_compare_by_value() -> None:
    assert LogEvent("1-0", 1, "", "t", "{}") == LogEvent("1-0", 1, "", "t", "{}")
