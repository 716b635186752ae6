"""A conversation that was exported is taken in again: whole, equal but for ids, and nothing acts again."""

from __future__ import annotations

import base64
import json
import re
import uuid
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents import events as e
from agents.dialects.requests import render, validate
from agents.events.parts import ACTIVE_RUN
from agents.history import empty, fold
from agents.models import ensure_default_agent
from agents.profiles import all_profiles
from agents.transcript.room import ModelSettings
from chat.files import attachments
from chat.journal.committed import commit
from chat.journal.journal import Journal
from chat.models import Attachment, Call, Conversation, Event, Message, RequestSettings, Run, Step
from chat.portable.reading import BadImport, read
from chat.portable.store import bring_in
from chat.portable.writing import lines
from chat.session.contract import next_tag
from tests.support import histories
from tests.support.branching import Branching

MOST = 50_000_000
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture(autouse=True)
def _agent(db: None) -> None:
    ensure_default_agent()


def told(owner: Any, events: list[e.Event], conversation: str = "") -> Conversation:
    """A conversation in SQL in which this has happened."""
    id = conversation or str(uuid.uuid4())
    row = Conversation.objects.create(
        id=id, owner=owner, agent="assistant", title="", created_at=1, updated_at=1
    )
    journal, state, seq, tag = Journal(), {}, 0, ""
    for event in events:
        text = e.to_json(event)
        base, tag = (seq, tag), next_tag(tag, text)
        state, committed = commit(state, seq, [(tag, text, event, None)])
        journal.archive_here(id, base, committed, state)
        if "moved" in state:
            state = journal.base_here(id).state
        seq += 1
    row.refresh_from_db()
    return row


def exported(row: Conversation, **options: Any) -> bytes:
    return "".join(lines(row, **options)).encode()


def texts(row: Conversation) -> list[str]:
    return list(Event.objects.filter(conversation=row).order_by("seq").values_list("text", flat=True))


def without_ids(texts: list[str]) -> list[Any]:
    """Events with each id as the number of its first appearance."""
    seen: dict[str, str] = {}
    calls: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return seen.setdefault(found[0], f"#{len(seen)}")

    def walk(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: walk(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [walk(one, name) for one in value]
        if name == "call":
            return calls.setdefault(value, f"@{len(calls)}")
        if name in ("run", "cause", "branch", "parent", "message", "step", "id", "item") and value:
            return UUID.sub(number, value) if UUID.match(value) else number_of_other(value, name)
        return value

    def number_of_other(value: str, name: str) -> str:
        head, dot, index = value.rpartition(".")
        if name == "step" or (dot and index.isdigit()):
            return f"{seen.setdefault(head, f'#{len(seen)}')}.{index}"
        return seen.setdefault(value, f"#{len(seen)}")

    return [walk(json.loads(text)) for text in texts]


def rows_of(row: Conversation) -> list[list[Any]]:
    """What everybody reads of a conversation, without ids."""
    return [
        list(Message.objects.filter(conversation=row).order_by("seq").values_list("seq", "kind", "at")),
        list(
            Step.objects.filter(conversation=row)
            .order_by("seq")
            .values_list("seq", "status", "open", "model")
        ),
        list(
            Call.objects.filter(conversation=row)
            .order_by("step", "ordinal")
            .values_list("name", "arguments")
            .order_by("pk")
        ),
        list(
            Run.objects.filter(conversation=row)
            .order_by("seq")
            .values_list("seq", "status", "attempt", "code")
        ),
    ]


def closes(row: Conversation, after: int) -> list[str]:
    return list(
        Event.objects.filter(conversation=row, seq__gt=after).order_by("seq").values_list("type", flat=True)
    )


@pytest.mark.parametrize("seed", range(25))
def test_what_was_exported_is_taken_in_again_equal_but_for_ids(alice: Any, bob: Any, seed: int) -> None:
    row = told(alice, histories.flat(histories.tell(Random(seed), runs=3)))
    before, shown, was_open = texts(row), rows_of(row), row.run_status in ACTIVE_RUN
    data = exported(row)
    Conversation.objects.all().delete()
    done = bring_in(read(data, MOST), bob, "bob")
    new = done.conversation
    assert new.pk != row.pk and new.owner == bob and new.run_status not in ACTIVE_RUN
    assert without_ids(texts(new)[: len(before)]) == without_ids(before)
    assert not (set(UUID.findall("".join(before))) & set(UUID.findall("".join(texts(new)))))
    if not was_open and not done.closed:
        assert rows_of(new) == shown and len(texts(new)) == len(before)
        assert (new.head_seq, new.input_tokens, new.cost) == (row.head_seq, row.input_tokens, row.cost)
    assert not Run.objects.filter(status__in=sorted(ACTIVE_RUN)).exists()
    again = bring_in(read(exported(new), MOST), alice, "alice").conversation
    assert without_ids(texts(again)) == without_ids(texts(new)) and rows_of(again) == rows_of(new)
    requests_hold(again)


def requests_hold(row: Conversation) -> None:
    """The next request over this history is one that every provider takes."""
    history = empty(str(row.pk))
    for seq, text in enumerate(texts(row), start=1):
        history = fold(history, e.from_json(text), seq)
    said = e.MessageAdded(at=1, message=str(uuid.uuid4()), text="go on")
    history = fold(history, said, row.head_seq + 1)
    for profile in all_profiles().values():
        body = render(history, profile, ModelSettings("m", "p", [], 60_000, {}, ""))
        assert validate(body, profile) == [], profile.name


@pytest.mark.parametrize("seed", range(12))
def test_so_are_conversations_with_branches(alice: Any, seed: int) -> None:
    story = Branching(Random(seed))
    for _ in range(60):
        story.step()
    row = told(alice, story.events, story.conversation)
    done = bring_in(read(exported(row), MOST), alice, "alice")
    new = done.conversation
    assert without_ids(texts(new)[: len(story.events)]) == without_ids(texts(row))
    if not done.closed:
        assert rows_of(new) == rows_of(row)
    assert len((new.branches or {}).get("all", [])) == len((row.branches or {}).get("all", []))
    session = Journal().base_here(str(new.pk))
    was = Journal().base_here(str(row.pk))
    assert done.closed or list(session.state) == list(was.state)


def test_what_is_open_is_closed_and_nothing_acts(alice: Any) -> None:
    conversation, message, run = (str(uuid.uuid4()) for _ in range(3))
    step = f"{run}.1"
    calls = [e.ProposedCall(call=f"c{n}", ordinal=n, name="pay", arguments="{}") for n in range(3)]
    row = told(
        alice,
        [
            e.ConversationCreated(at=1, title="Rent", agent="assistant"),
            e.MessageAdded(at=2, message=message, text="pay"),
            e.RunQueued(at=3, run=run, cause=message),
            e.RunStarted(at=4, run=run, attempt=1, fence=1, worker="w"),
            e.StepStarted(at=5, run=run, step=step),
            e.StepFinished(at=6, run=run, step=step, text="", calls=tuple(calls)),
            e.CallStarted(at=7, step=step, call="c0", attempt=1, fence=1, worker="w"),
            e.CallInDoubt(at=8, step=step, call="c0", attempt=1),
            e.ApprovalAsked(at=8, step=step, call="c1", digest="d"),
            e.RunWaiting(at=9, run=run, reason="in_doubt"),
        ],
        conversation,
    )
    done = bring_in(read(exported(row), MOST), alice, "charlie")
    new = done.conversation
    assert done.closed and new.run_status == "stopped"
    statuses = set(Call.objects.filter(conversation=new).values_list("status", flat=True))
    assert statuses == {"cancelled"}
    assert closes(new, row.head_seq)[-1] == "run.stopped"
    assert Run.objects.get(conversation=row).status == "waiting", "the exported one was touched"
    requests_hold(new)


def test_files_come_along_and_are_the_new_owners(alice: Any, bob: Any) -> None:
    kept, _ = attachments.keep(alice.pk, uuid.uuid4(), "notes.txt", "Tee ☕".encode(), 1)
    message = e.MessageAdded(
        at=2, message=str(uuid.uuid4()), text="look", attachments=(attachments.ref(kept),)
    )
    row = told(alice, [e.ConversationCreated(at=1, title="T", agent="nobody-here"), message])
    Attachment.objects.filter(pk=kept.pk).update(conversation=row)
    data = exported(row)
    new = bring_in(read(data, MOST), bob, "bob").conversation
    (file,) = Attachment.objects.filter(conversation=new)
    assert (file.owner, file.name, file.pk != kept.pk) == (bob, "notes.txt", True)
    with file.file.open("rb") as opened:
        assert opened.read() == "Tee ☕".encode()
    said = json.loads(texts(new)[1])["attachments"][0]
    assert said["id"] == str(file.pk) and new.agent == ensure_default_agent().slug


def test_other_peoples_numbers_name_nobody_here(alice: Any, bob: Any) -> None:
    origin = e.Origin(entrance="web", name="Mallory", actor=f"user:{bob.pk}")
    said = e.MessageAdded(at=2, message=str(uuid.uuid4()), text="pay", origin=origin)
    row = told(alice, [e.ConversationCreated(at=1, title="T", agent="a"), said])
    new = bring_in(read(exported(row), MOST), alice, "alice").conversation
    assert json.loads(texts(new)[1])["origin"]["actor"] == "guest:imported"


def document(*events: Any, **changes: Any) -> bytes:
    """An export with these events, made by somebody who can compute tags."""
    told, tag = [], ""
    for seq, event in enumerate(events, start=1):
        text = event if isinstance(event, str) else json.dumps(event)
        tag = next_tag(tag, text)
        told.append({"seq": seq, "tag": tag, "command": None, "text": text})
    return json.dumps({"format": "holdfast.conversation/1", "events": told, **changes}).encode()


CREATED = {"type": "conversation.created", "at": 1, "title": "T", "agent": "a"}
MESSAGE = {"type": "message.added", "at": 1, "message": "m", "text": "x"}
QUEUED = [{"type": "run.queued", "at": 1, "run": f"r{n}", "cause": "m"} for n in range(3)]
DEEP = "[" * 5_000 + "]" * 5_000


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff\xfe", b"[]", b"null", b"{}", DEEP.encode(), b'{"format": "holdfast.conversation/2"}',
        b'{"format": "holdfast.conversation/1", "events": 7}',
        document(), document(MESSAGE), document(CREATED, CREATED), document(CREATED, "no json"),
        document(CREATED, "[1]"), document(CREATED, '{"type": 1}'), document(CREATED, DEEP),
        document(CREATED, {**MESSAGE, "at": -1}), document(CREATED, {**MESSAGE, "at": 2**80}),
        document(CREATED, {**MESSAGE, "at": "x"}), document(CREATED, {"type": "run.exploded", "at": 1}),
        document(CREATED, {**MESSAGE, "v": 9}), document(CREATED, {**MESSAGE, "message": "x" * 500}),
        document(CREATED, {"type": "step.started", "at": 1, "run": "r", "step": "no-number"}),
        document(CREATED, {"type": "run.failed", "at": 1, "run": "r", "code": "x" * 99}),
        document(CREATED, {"type": "run.started", "at": 1, "run": "r", "attempt": 2**40, "fence": 1, "worker": "w"}),
        document(CREATED, files=7), document(CREATED, files={"a": {"data": "%%"}}),
        document(CREATED, files={"a": {"data": base64.b64encode(b"x").decode(), "sha256": "no"}}),
        document(CREATED, settings=[]), document(CREATED, MESSAGE, QUEUED[0], QUEUED[1]),
        document(CREATED, *({"type": "branch.opened", "at": 1, "branch": str(n), "before": 2} for n in range(101))),
    ],
)  # fmt: skip
def test_what_is_no_export_is_refused_and_leaves_nothing(alice: Any, data: bytes) -> None:
    with pytest.raises(BadImport) as problem:
        bring_in(read(data, MOST), alice, "alice")
    assert str(problem.value)
    assert not Conversation.objects.exists() and not Attachment.objects.exists()


def test_a_file_that_is_too_large_or_was_changed_is_refused(alice: Any) -> None:
    good = document(CREATED, MESSAGE)
    assert read(good, MOST)
    with pytest.raises(BadImport, match="larger"):
        read(good, len(good) - 1)
    with pytest.raises(BadImport, match="chain of tags"):
        read(good.replace(b'\\"x\\"', b'\\"y\\"'), MOST)
    swapped = json.loads(good)
    swapped["events"].reverse()
    with pytest.raises(BadImport, match="missing, or not in its place"):
        read(json.dumps(swapped).encode(), MOST)


def test_an_event_of_a_later_release_that_may_be_ignored_is_kept_as_it_is(alice: Any) -> None:
    later = {"type": "mood.noted", "at": 5, "mood": "calm", "ignorable": True}
    new = bring_in(read(document(CREATED, later, MESSAGE), MOST), alice, "alice").conversation
    assert json.loads(texts(new)[1]) == later and new.head_seq == 3


def test_settings_come_in_under_their_own_digest_only(alice: Any) -> None:
    hostile = {"0" * 32: '{"prompt": "something else"}'}
    new = bring_in(read(document(CREATED, settings=hostile), MOST), alice, "alice", prompts=True)
    assert new.conversation and not RequestSettings.objects.exists()


def test_random_damage_is_refused_or_taken_in_whole(alice: Any) -> None:
    """Whatever is broken in an export, it ends with a sentence or with a conversation at rest."""
    random = Random(7)
    row = told(alice, histories.flat(histories.tell(Random(3), runs=3)))
    good = json.loads(exported(row))
    refused = 0
    for _ in range(150):
        events = [json.loads(one["text"]) for one in good["events"]]
        for _ in range(random.randint(1, 3)):
            one = random.choice(events[1:])
            name = random.choice(list(one))
            one[name] = random.choice(
                [None, -1, 2**31, 2**62, "", "x" * 90, [], {}, "user:1", one["type"], 0.5]
            )
        if random.random() < 0.3:
            del events[random.randrange(1, len(events))]
        if random.random() < 0.3:
            events.append(random.choice(events[1:]))
        try:
            new = bring_in(read(document(*events), MOST), alice, "alice").conversation
        except BadImport:
            refused += 1
            continue
        assert new.run_status not in ACTIVE_RUN
        assert not Run.objects.filter(conversation=new, status__in=sorted(ACTIVE_RUN)).exists()
        assert not Call.objects.filter(conversation=new, status__in=sorted(e.OPEN_CALL)).exists()
    assert 20 < refused < 150


def test_the_command_takes_one_in(alice: Any, tmp_path: Any, capsys: Any) -> None:
    file = tmp_path / "c.json"
    file.write_bytes(document(CREATED, MESSAGE))
    call_command("import_conversation", str(file), owner="alice")
    assert "2 events, for alice" in capsys.readouterr().out
    for name, owner in ((str(file), "nobody"), (str(tmp_path / "none"), "alice")):
        with pytest.raises(CommandError):
            call_command("import_conversation", name, owner=owner)
    file.write_bytes(b"{}")
    with pytest.raises(CommandError, match="no exported conversation"):
        call_command("import_conversation", str(file), owner="alice")
