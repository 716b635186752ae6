"""Search over HTTP: one's own, all of it, nobody else's, and whatever is typed (rule W11)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from chat.entrances.web import protocol as p
from chat.entrances.web import searching
from chat.models import Conversation, SearchText
from chat.search import finding, indexer
from chat.support.clock import now_ms
from tests.support import rows
from tests.support.indexed import catch_up, say

HOSTILE = [
    "'; DROP TABLE x --",
    '"',
    '"""',
    "a:* & !b | c",
    "NEAR(",
    "*",
    "%",
    "\\",
    "\0a",
    "\ud83d",
    "a\x00b",
    "()",
    "^a",
    "-a",
]


@pytest.fixture
def as_alice(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    searching.asking.forget()
    return client


def ask(client: Client, query: str, **more: str) -> p.SearchPage:
    answer = client.get("/api/search", {"q": query, **more})
    assert answer.status_code == 200, answer.content
    return p.SearchPage.model_validate_json(answer.content)


def texts(page: p.SearchPage) -> list[str]:
    return [hit.snippet for hit in page.hits]


def with_a_call(owner: Any) -> Conversation:
    """A question, a call's result and an answer."""
    row = rows.conversation(owner, "Tides")
    rows.message(row, 2, "潮汐什么时候？")
    of = rows.run(row, 3)
    rows.step(row, of, 4, "At noon, says the almanac.", {"result": "the almanac: 12:00"})
    for name in [("message", row.messages.get().message), ("answer", f"{of.run}.1"), ("title", "")]:
        indexer.index_one(row.pk, name)
    indexer.index_one(row.pk, ("result", row.calls.get().call))
    return row


def test_titles_messages_answers_and_results_are_found_with_their_places(
    as_alice: Client, alice: Any
) -> None:
    row = with_a_call(alice)
    page = ask(as_alice, "almanac")
    assert [(hit.kind, hit.seq) for hit in page.hits] == [("answer", 4), ("result", 4)]
    assert {hit.item for hit in page.hits} == {row.steps.get().step}
    hit = page.hits[0]
    assert [hit.snippet[mark.start : mark.end] for mark in hit.marks] == ["almanac"] and hit.title == "Tides"
    assert texts(ask(as_alice, "潮汐")) == ["潮汐什么时候？"]
    (title,) = ask(as_alice, "tid").titles
    assert (
        title.kind == "title"
        and title.conversation == str(row.pk)
        and title.marks == [p.FoundMark(start=0, end=3)]
    )


def test_it_can_be_narrowed(as_alice: Client, alice: Any) -> None:
    row = with_a_call(alice)
    assert [hit.kind for hit in ask(as_alice, "almanac", kinds="result").hits] == ["result"]
    assert ask(as_alice, "almanac", kinds="message").hits == []
    assert ask(as_alice, "almanac", agent="another").hits == []
    assert ask(as_alice, "almanac", entrance="web").hits != []
    assert ask(as_alice, "almanac", since=str(rows.START + 400)).hits[0].kind == "answer"
    assert ask(as_alice, "almanac", until=str(rows.START)).hits == []
    Conversation.objects.filter(pk=row.pk).update(archived_at=1)
    assert ask(as_alice, "almanac", archived="0").hits == []
    assert all(hit.archived for hit in ask(as_alice, "almanac", archived="1").hits)


def test_pages_go_on_where_the_one_before_has_ended(as_alice: Client, alice: Any) -> None:
    row = rows.conversation(alice)
    for number in range(finding.PAGE * 2 + 3):
        say(row, f"word number{number}")
    catch_up(row)
    seen: list[str] = []
    after = {}
    while True:
        page = ask(as_alice, "word", **after)
        seen += texts(page)
        if page.next is None:
            break
        after = {"after": page.next}
    assert seen == [f"word number{number}" for number in reversed(range(finding.PAGE * 2 + 3))]


def test_what_the_index_has_and_the_text_has_not_costs_a_bounded_look(as_alice: Client, alice: Any) -> None:
    row = rows.conversation(alice)
    for _ in range(finding.MAX_LOOKED + finding.CHUNK):
        say(row, "库数 数据 据库")  # all pairs of 数据库, and not the word
    say(row, "a database")
    catch_up(row)
    page = ask(as_alice, "数据库")
    assert page.hits == [] and page.next is not None, "it says from where to go on"
    assert ask(as_alice, "数据库", after=page.next).next is None


def test_W11_nobody_finds_what_is_not_theirs_or_was_deleted(as_alice: Client, alice: Any, bob: Any) -> None:
    for owner in (alice, bob):
        for _ in range(3):
            row = rows.conversation(owner, "secret title")
            say(row, "a secret 秘密")
            catch_up(row)
    gone = Conversation.objects.filter(owner=alice).first()
    assert gone is not None
    Conversation.objects.filter(pk=gone.pk).update(deleted_at=now_ms())
    for query in ("secret", "秘密", "sec"):
        page = ask(as_alice, query)
        assert len(page.hits) == 2 and page.next is None
        assert len(page.titles) == (2 if query != "秘密" else 0)
    theirs = Conversation.objects.filter(owner=bob).values_list("pk", flat=True)[0]
    for place in (theirs, gone.pk):
        assert as_alice.get(f"/api/conversations/{place}/find?q=secret").status_code == 404
    # Whatever the index says of whose a text is, the conversation decides.
    SearchText.objects.filter(owner=bob).delete()
    other = Conversation.objects.filter(owner=bob).first()
    assert other is not None
    SearchText.objects.filter(owner=alice, kind="message").update(conversation=other)
    assert ask(as_alice, "secret", kinds="message").hits == []


def test_W11_a_stranger_is_sent_to_log_in(client: Client) -> None:
    assert client.get("/api/search?q=x").status_code == 401


@pytest.mark.parametrize("query", HOSTILE)
def test_W11_hostile_words_find_nothing_and_break_nothing(as_alice: Client, alice: Any, query: str) -> None:
    row = rows.conversation(alice, "quiet")
    say(row, "nothing to see")
    catch_up(row)
    answer = as_alice.get("/api/search", {"q": query.encode("utf-8", "surrogatepass")})
    assert answer.status_code == 200, answer.content
    assert answer.json()["hits"] == []
    assert (
        as_alice.get(
            f"/api/conversations/{row.pk}/find", {"q": query.encode("utf-8", "surrogatepass")}
        ).status_code
        == 200
    )


@pytest.mark.parametrize(
    "query",
    [
        "q=" + "x" * 201,
        "q=" + "字" * 10_000,
        "q=a&kinds=all",
        "q=a&after=x",
        "q=a&after=1-",
        "q=a&archived=2",
        "q=a&since=x",
    ],
)
def test_W11_a_bad_question_is_refused_with_words(as_alice: Client, query: str) -> None:
    answer = as_alice.get(f"/api/search?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "refused" and answer.json()["detail"]


def test_W11_who_asks_too_fast_waits(as_alice: Client, alice: Any) -> None:
    answers = [as_alice.get("/api/search?q=a").status_code for _ in range(80)]
    assert 429 in answers


class TestWithin:
    def test_all_places_in_their_order_and_how_many_are_on_other_branches(
        self, as_alice: Client, alice: Any
    ) -> None:
        way = "01900000-0000-7000-8000-000000000001"
        row = rows.conversation(alice)
        for number in range(4):
            say(row, f"tea number{number}")
        elsewhere = say(row, "tea elsewhere")
        elsewhere.branch = way
        elsewhere.save()
        Conversation.objects.filter(pk=row.pk).update(
            branches={
                "shown": "",
                "path": [{"branch": "", "below": None}],
                "forks": [],
                "all": [{"id": way, "parent": "", "before": 4, "shown_at": 1}],
                "main_shown_at": 2,
            }
        )
        catch_up(row)
        address = f"/api/conversations/{row.pk}/find"
        page = p.PlacePage.model_validate(as_alice.get(address, {"q": "tea"}).json())
        assert [one.seq for one in page.places] == [2, 3, 4, 5] and page.elsewhere == 1
        page = p.PlacePage.model_validate(as_alice.get(address, {"q": "tea", "branch": way}).json())
        assert [one.seq for one in page.places] == [2, 3, 6] and page.elsewhere == 2
        assert as_alice.get(address, {"q": ""}).json() == {"places": [], "elsewhere": 0}

    def test_items_behind_a_place_come_first_to_last(self, as_alice: Client, alice: Any) -> None:
        row = rows.conversation(alice)
        for number in range(6):
            say(row, f"number{number}")
        address = f"/api/conversations/{row.pk}/items"
        first = as_alice.get(f"{address}?after=0&limit=2").json()
        assert [item["seq"] for item in first["items"]] == [2, 3] and first["more"]
        rest = as_alice.get(f"{address}?after=5&before=7").json()
        assert [item["seq"] for item in rest["items"]] == [6] and not rest["more"]
