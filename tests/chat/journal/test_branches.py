"""Branching conversations over both stores and both databases: what a session shows, what is rebuilt, what an agent
reads (rules S3, S4, S6, T2), against a witness that copies lists and knows no paths (tests/support/branching.py)."""

from __future__ import annotations

import json
import uuid
from random import Random
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents import events as e
from agents.dialects.requests import render, validate
from agents.history import Summary
from agents.models import ensure_default_agent
from agents.profiles import all_profiles
from agents.transcript.room import ModelSettings
from chat import models as m
from chat.session.sessions import Sessions
from chat.session.state import reduce
from tests.support.branching import Branching


async def store(sessions: Sessions, story: Branching, user: int, steps: int, *, check: bool = True) -> None:
    """Tell `steps` more of a story to the session."""
    for _ in range(steps):
        told = len(story.appends)
        story.step()
        for events in story.appends[told:]:
            await sessions.append(story.conversation, lambda view, events=events: list(events))  # type: ignore[misc]
        if check:
            assert (await sessions.load(story.conversation)).state == story.state


async def begin(sessions: Sessions, alice: Any, seed: int) -> Branching:
    await sync_to_async(ensure_default_agent)()
    story = Branching(Random(seed), str(uuid.uuid4()))
    await sessions.journal.create(story.conversation, alice.pk, "assistant", "T", "web", 1)
    await sessions.append(story.conversation, lambda view: list(story.appends[0]))
    return story


@pytest.mark.parametrize("seed", [3, 11])
async def test_S4_a_session_shows_what_its_branch_has_and_is_rebuilt_as_that(
    sessions: Sessions, alice: Any, seed: int
) -> None:
    story = await begin(sessions, alice, seed)
    await store(sessions, story, alice.pk, 60)
    assert len(story.lists) > 2, "the seed tells of no branches"
    assert (await sessions.journal.base(story.conversation)).state == story.state
    await sessions.store.delete(story.conversation)
    assert (await sessions.load(story.conversation)).state == story.state


@pytest.mark.parametrize("seed", [5, 17])
async def test_T2_an_agent_reads_the_branch_of_its_run_and_nothing_else(
    sessions: Sessions, alice: Any, seed: int
) -> None:
    story = await begin(sessions, alice, seed)
    for _ in range(12):
        await store(sessions, story, alice.pk, 8, check=False)
        branch = (story.state["run"] or {}).get("branch", "")
        whole = story.history(branch)
        history = await sessions.journal.history(story.conversation)
        assert history.items == whole.items and history.run == whole.run
        short = await sessions.journal.history(story.conversation, items=6)
        have = {item.id for item in short.items if not isinstance(item, Summary)}
        assert have <= set(story.lists[branch])
        for profile in all_profiles().values():
            assert not validate(render(short, profile, ModelSettings("m")), profile), profile.name


async def test_a_conversation_without_branches_asks_no_more_of_sql(sessions: Sessions, alice: Any) -> None:
    story = await begin(sessions, alice, 1)
    await store(sessions, story, alice.pk, 3, check=False)
    run = story.state["run"]["id"]
    row = await m.Conversation.objects.aget(id=story.conversation)
    assert (row.branches, row.seen) == (None, None) and run
    body = (
        await m.Message.objects.filter(conversation_id=story.conversation)
        .values_list("body", flat=True)
        .afirst()
    )
    assert body is not None and "branch" not in body

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            sessions.journal._history(story.conversation, 400)
        return len(captured)

    assert await sync_to_async(count)() <= 7


async def test_S4_a_crash_between_the_choice_and_the_rebuild_hides_nothing(
    sessions: Sessions, alice: Any
) -> None:
    """The event is in both stores, and nobody has read the branch's items yet."""
    story = await begin(sessions, alice, 3)
    await store(sessions, story, alice.pk, 40, check=False)
    other = next(branch for branch in story.lists if branch != story.shown)
    chosen = e.BranchChosen(at=1, branch=other, by="alice")
    before = await sessions.load(story.conversation)
    patch = reduce(before.state, chosen, before.position.seq + 1)
    stored = {key: None if value is None else json.dumps(value) for key, value in patch.items()}
    # Its writer died behind Redis and before SQL.
    await sessions.store.append(
        story.conversation,
        before.position,
        [e.to_json(chosen)],
        stored,
        fence=None,
        command=None,
        clear_part=False,
    )
    story.append([chosen])
    after = await sessions.load(story.conversation)
    assert after.state == story.state
    assert after.position.epoch != before.position.epoch, "readers look again"
