"""A copy of a conversation has what was shown up to a place, and nothing of it acts, counts or is kept twice."""

from __future__ import annotations

import json
import threading
import time
import uuid
from random import Random
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connections, transaction

from agents import events as e
from agents.events.parts import ACTIVE_RUN
from agents.history import Step, Summary
from agents.models import ensure_default_agent
from chat.files import attachments, sharing
from chat.journal.journal import Journal
from chat.limits import usage
from chat.limits.spending import Spender
from chat.models import Attachment, Call, Conversation, Run
from chat.portable.copying import NoSuchItem, copy
from chat.portable.reading import BadImport, read
from chat.portable.store import Taken, bring_in
from chat.retention.purge import purge_some
from tests.chat.portable.test_import import document, exported, requests_hold, texts, told
from tests.support import histories
from tests.support.branching import Branching

MOST = 50_000_000


@pytest.fixture(autouse=True)
def _ready(db: None, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    ensure_default_agent()


def copied(row: Conversation, upto: str = "") -> Conversation:
    return copy(row, uuid.uuid4(), row.owner, "alice", upto).conversation


def at_rest(row: Conversation) -> None:
    """Nothing of it is at work, and the next request is one that every provider takes."""
    assert row.run_status not in ACTIVE_RUN
    assert not Run.objects.filter(conversation=row, status__in=sorted(ACTIVE_RUN)).exists()
    assert not Call.objects.filter(conversation=row, status__in=sorted(e.OPEN_CALL)).exists()
    assert row.branches is None
    requests_hold(row)


def shown(row: Conversation) -> list[tuple[str, str]]:
    """The items of a conversation without branches, for people: messages, notes and steps."""
    bodies = [
        *row.messages.filter(kind__in=("message", "note")).values_list("seq", "body"),
        *row.steps.values_list("seq", "body"),
    ]
    return [(body["kind"], body["text"]) for _, body in sorted(bodies, key=lambda one: one[0])]


def said(item: Any) -> tuple[str, str]:
    return item["kind"], item["text"]


def read_by_the_model(row: Conversation) -> list[str]:
    """What an agent reads of it, as it would from SQL, without ids."""
    found = []
    for item in Journal()._history(str(row.pk), 10_000).history.items:
        calls = [(call.name, call.arguments, call.status) for call in getattr(item, "calls", ())]
        found.append(f"{type(item).__name__} {item.text} {calls}")
    return found


# ---- whatever has happened, at any point ----


@pytest.mark.parametrize("seed", range(12))
def test_B9_a_copy_of_a_branching_history_at_any_point_shows_that_and_holds(alice: Any, seed: int) -> None:
    story = Branching(Random(seed))
    for _ in range(60):
        story.step()
    row = told(alice, story.events, story.conversation)
    before = texts(row)
    by_id = {item["id"]: item for item in story.items.values() if item["kind"] != "notice"}
    random = Random(seed)
    branch = random.choice(list(story.lists))
    points = [id for id in story.lists[branch] if id in by_id]
    for upto in random.sample(points, min(5, len(points))):
        have = story.lists[by_id[upto].get("branch", "")]
        wanted = [by_id[id] for id in have[: have.index(upto) + 1] if id in by_id]
        wanted = [item for item in wanted if item.get("status") != "streaming"]
        new = copied(row, upto)
        assert shown(new) == [said(item) for item in wanted], upto
        at_rest(new)
    assert texts(row) == before, "the original was changed"


@pytest.mark.parametrize("seed", range(12))
def test_B9_the_whole_of_what_is_shown_is_read_by_the_model_as_before(alice: Any, seed: int) -> None:
    story = Branching(Random(100 + seed))
    for _ in range(60):
        story.step()
    row = told(alice, story.events, story.conversation)
    new = copied(row)
    at_rest(new)
    if row.run_status in ACTIVE_RUN:
        return  # what was open is closed in the copy
    of_path = [one for one in story.history(story.shown).items if not isinstance(one, Summary)]
    texts_of_path = [one.text for one in of_path]
    texts_of_copy = [line for line in read_by_the_model(new) if not line.startswith("Summary")]
    assert len(texts_of_copy) == len(texts_of_path)
    assert all(text in line for text, line in zip(texts_of_path, texts_of_copy, strict=True))


@pytest.mark.parametrize("seed", range(15))
def test_B9_so_does_a_copy_of_any_history(alice: Any, seed: int) -> None:
    row = told(alice, histories.flat(histories.tell(Random(seed), runs=3)))
    at_rest(copied(row))
    ids = [
        *row.messages.order_by("seq").values_list("message", flat=True),
        *row.steps.order_by("seq").values_list("step", flat=True),
    ]
    for upto in Random(seed).sample(ids, min(5, len(ids))):
        new = copied(row, upto)
        at_rest(new)
        again = bring_in(read(exported(new), MOST), alice, "alice").conversation
        assert again.info["copied_from"]["conversation"] == "", "an id of a file names nothing here"
        assert [*shown(copied(new))] == shown(new)


# ---- one conversation, looked at closely ----


class Talk:
    """A question about files, a step with two calls, its answer; a second question that waits for a person's yes."""

    def __init__(self, owner: Any) -> None:
        self.ask, self.run, self.more, self.next = (str(uuid.uuid4()) for _ in range(4))
        self.file, _ = attachments.keep(owner.pk, uuid.uuid4(), "notes.txt", "Tee ☕".encode(), 7)
        took = e.Usage(input=900, output=20, cost=5_000)
        calls = tuple(
            e.ProposedCall(call=f"c{n}", ordinal=n, name="look", arguments="{}", provider_id=f"p{n}")
            for n in range(2)
        )
        pay = e.ProposedCall(call="pay", ordinal=0, name="pay", arguments="{}", provider_id="p9")
        done = {"attempt": 1, "status": "succeeded", "result": "r", "preview": "r", "size": 1}
        first, second, asks = f"{self.run}.1", f"{self.run}.2", f"{self.next}.1"
        self.steps = (first, second, asks)
        request = e.RequestFacts(settings="0" * 32, window=9_000, since=1, digest="d")
        self.events: list[e.Event] = [
            e.ConversationCreated(at=1, title="Tea", agent="assistant"),
            e.MessageAdded(
                at=2, message=self.ask, text="which tea?", attachments=(attachments.ref(self.file),)
            ),
            e.RunQueued(at=3, run=self.run, cause=self.ask),
            e.RunStarted(at=4, run=self.run, attempt=1, fence=1, worker="w"),
            e.StepStarted(at=5, run=self.run, step=first, request=request),
            e.StepFinished(at=6, run=self.run, step=first, text="", calls=calls, usage=took),
            *(
                e.CallStarted(at=7, step=first, call=f"c{n}", attempt=1, fence=1, worker="w")
                for n in range(2)
            ),
            *(e.CallSettled(at=8, step=first, call=f"c{n}", **done) for n in range(2)),
            e.HistoryCompacted(at=8, run=self.run, upto=2, summary="tea", usage=took),
            e.StepStarted(at=9, run=self.run, step=second, request=request.model_copy(update={"since": 5})),
            e.StepFinished(at=10, run=self.run, step=second, text="Green.", usage=took),
            e.RunFinished(at=11, run=self.run),
            e.MessageAdded(at=12, message=self.more, text="buy some"),
            e.RunQueued(at=13, run=self.next, cause=self.more),
            e.RunStarted(at=14, run=self.next, attempt=1, fence=2, worker="w"),
            e.StepStarted(at=15, run=self.next, step=asks),
            e.StepFinished(at=16, run=self.next, step=asks, text="", calls=(pay,), usage=took),
            e.ApprovalAsked(at=17, step=asks, call="pay", digest="d"),
            e.RunWaiting(at=18, run=self.next, reason="approval"),
        ]
        self.row = told(owner, self.events)
        Attachment.objects.filter(pk=self.file.pk).update(conversation=self.row)


def types(row: Conversation) -> list[str]:
    return [json.loads(text)["type"] for text in texts(row)]


def test_B9_what_is_open_is_closed_in_the_copy_and_goes_on_in_the_original(alice: Any) -> None:
    talk = Talk(alice)
    done = copy(talk.row, uuid.uuid4(), alice, "alice")
    assert done.closed and types(done.conversation)[-2:] == ["call.settled", "run.stopped"]
    at_rest(done.conversation)
    talk.row.refresh_from_db()
    assert talk.row.run_status == "waiting" and len(texts(talk.row)) == len(talk.events)


def test_B9_up_to_a_question_nothing_of_its_answer_is_there(alice: Any) -> None:
    talk = Talk(alice)
    done = copy(talk.row, uuid.uuid4(), alice, "alice", talk.ask)
    assert not done.closed and types(done.conversation) == ["conversation.created", "message.added"]
    at_rest(done.conversation)


def test_B9_up_to_the_middle_of_a_run_it_ends_there_without_a_word(alice: Any) -> None:
    talk = Talk(alice)
    done = copy(talk.row, uuid.uuid4(), alice, "alice", talk.steps[0])
    new = done.conversation
    assert not done.closed and new.run_status == "finished"
    assert types(new)[-2:] == ["history.compacted", "run.finished"]
    assert set(Call.objects.filter(conversation=new).values_list("status", "result")) == {("succeeded", "r")}
    assert not new.messages.filter(kind="notice").exists()
    at_rest(new)


def test_B9_up_to_an_answer_its_run_ends_as_it_did(alice: Any) -> None:
    talk = Talk(alice)
    new = copied(talk.row, talk.steps[1])
    assert types(new)[-1] == "run.finished" and new.run_status == "finished"
    summed, second = (json.loads(text) for text in texts(new)[-4:-2])
    assert summed["upto"] == 2, "places are those of the copy"
    assert second["request"]["since"] == 5
    assert sum(isinstance(one, Step) for one in Journal()._history(str(new.pk), 100).history.items) == 2


def test_B9_it_says_where_it_comes_from(alice: Any) -> None:
    talk = Talk(alice)
    new = copied(talk.row, talk.ask)
    assert new.title == "Tea" and new.info["copied_from"] == {
        "conversation": str(talk.row.pk),
        "title": "Tea",
        "item": talk.ask,
    }
    assert "copied_from" not in talk.row.info and "copied_from" not in texts(talk.row)[0]


def test_what_it_took_counts_once(alice: Any) -> None:
    talk = Talk(alice)
    spent = usage.of_day(Spender(f"user:{alice.pk}", "web"), 0)
    assert spent["runs"] == 2 and spent["money"] == 20_000
    new = copied(talk.row)
    assert usage.of_day(Spender(f"user:{alice.pk}", "web"), 0) == spent
    assert (new.input_tokens, new.output_tokens, new.cost) == (0, 0, None)
    assert '"cost":5000' not in "".join(texts(new))


def test_only_the_same_conversation_is_made_under_an_id(alice: Any) -> None:
    talk, id = Talk(alice), uuid.uuid4()
    copy(talk.row, id, alice, "alice")
    before = Conversation.objects.count(), Attachment.objects.count()
    with pytest.raises(Taken):
        copy(talk.row, id, alice, "alice")
    with pytest.raises(NoSuchItem):
        copy(talk.row, uuid.uuid4(), alice, "alice", str(uuid.uuid4()))
    assert (Conversation.objects.count(), Attachment.objects.count()) == before


def test_the_agent_is_who_answered_there(alice: Any) -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    row = told(
        alice,
        [
            e.ConversationCreated(at=1, title="T", agent="gone"),
            e.MessageAdded(at=2, message=first, text="a"),
            e.AgentChanged(at=3, agent="assistant", before="gone", by="alice"),
            e.MessageAdded(at=4, message=second, text="b"),
        ],
    )
    assert [one["type"] for one in map(json.loads, texts(copied(row, first)))][1:] == ["message.added"]
    new = copied(row, second)
    assert new.agent == "assistant" and types(new)[2] == "conversation.agent_changed"


def test_an_imported_file_cannot_say_more_of_its_origin_than_a_title(alice: Any) -> None:
    origin = {"conversation": str(Talk(alice).row.pk), "title": "T" * 900, "item": "x" * 900, "more": "y"}
    made = {"type": "conversation.created", "at": 1, "title": "T", "agent": "a", "copied_from": origin}
    new = bring_in(read(document(made), MOST), alice, "alice").conversation
    assert new.info["copied_from"] == {"conversation": "", "title": "T" * 200, "item": ""}
    with pytest.raises(BadImport):
        read(document({**made, "copied_from": "somewhere"}), MOST)


# ---- files ----


def there(row: Attachment) -> bool:
    return bool(default_storage.exists(row.file.name))


def test_files_are_shared_and_counted_once(alice: Any) -> None:
    talk = Talk(alice)
    bytes_before = usage.file_bytes(alice.pk)
    new = copied(talk.row)
    (file,) = Attachment.objects.filter(conversation=new)
    assert (file.owner, file.name, file.file.name) == (alice, "notes.txt", talk.file.file.name)
    assert file.pk != talk.file.pk and file.created_at == talk.file.created_at
    assert json.loads(texts(new)[1])["attachments"][0]["id"] == str(file.pk)
    assert usage.file_bytes(alice.pk) == bytes_before
    assert not Attachment.objects.filter(conversation=copied(new, new.steps.first().step)).exclude(
        file=talk.file.file.name
    )


def test_files_of_what_is_not_copied_are_not_shared(alice: Any) -> None:
    talk = Talk(alice)
    other, _ = attachments.keep(alice.pk, uuid.uuid4(), "late.txt", b"late", 8)
    Attachment.objects.filter(pk=other.pk).update(conversation=talk.row)
    assert [file.name for file in Attachment.objects.filter(conversation=copied(talk.row))] == ["notes.txt"]


@pytest.mark.parametrize("first", ["original", "copy"])
@pytest.mark.parametrize("way", ["let go", "for good", "with its person"])
@pytest.mark.django_db(transaction=True)
def test_a_file_stays_while_any_conversation_has_it(alice: Any, first: str, way: str) -> None:
    talk = Talk(alice)
    new = copied(talk.row)
    order = [talk.row, new] if first == "original" else [new, talk.row]

    def remove(row: Conversation) -> None:
        files = attachments.of_conversation(str(row.pk))
        if way == "let go":
            Attachment.objects.filter(conversation=row).update(conversation=None, created_at=0)
            assert attachments.let_go(files) == 1
        elif way == "for good":
            while purge_some(Conversation.objects.filter(pk=row.pk), 100):
                pass
        else:
            Conversation.objects.get(pk=row.pk).delete()

    remove(order[0])
    assert there(talk.file), "the other one has lost its file"
    kept = Attachment.objects.get(conversation=order[1])
    with kept.file.open("rb") as opened:
        assert opened.read() == "Tee ☕".encode()
    remove(order[1])
    assert not there(talk.file) and not Attachment.objects.exists()


def test_what_is_about_to_be_removed_is_shared_by_nobody(alice: Any) -> None:
    talk = Talk(alice)
    Attachment.objects.filter(pk=talk.file.pk).update(conversation=None, created_at=Attachment.LET_GO)
    new = copied(talk.row)
    assert not Attachment.objects.filter(conversation=new).exists()
    assert json.loads(texts(new)[1])["attachments"][0]["id"] != str(talk.file.pk)


@pytest.mark.django_db(transaction=True)
def test_whoever_removes_a_file_waits_for_whoever_shares_it(alice: Any) -> None:
    talk = Talk(alice)
    shared, problems = threading.Event(), []

    def remove() -> None:
        assert shared.wait(20)
        try:
            purge_some(Attachment.objects.filter(pk=talk.file.pk), 10)
        except Exception as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    remover = threading.Thread(target=remove)
    remover.start()
    with transaction.atomic():
        row = Conversation.objects.create(
            id=uuid.uuid4(), owner=alice, agent="assistant", created_at=1, updated_at=1
        )
        (file,) = sharing.locked(talk.row.pk, [talk.file.pk]).values()
        kept = sharing.share(file, uuid.uuid4(), row)
        shared.set()
        time.sleep(0.3)  # for the remover to come as far as it can
    remover.join(30)
    assert problems == [] and list(Attachment.objects.all()) == [kept] and there(kept)
