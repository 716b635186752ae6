"""A request is made again from the journal, byte for byte, at any later time: over generated conversations, all
profiles, every form, with what was left out, pictures, retries and messages in between."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from agents import events as e
from agents.attachments import FileContent
from agents.dialects.base import Delta
from agents.history import History, empty, fold
from agents.profiles import all_profiles
from agents.recording import (
    OPENING,
    Rendered,
    files_of,
    held_since,
    render_again,
    settings_digest,
    settings_from,
)
from agents.spec import AgentSpec
from agents.tools import Toolbox
from tests.agents.adversary import Conversation, Drawer, Model
from tests.support.scripted import Pause, ScriptedModel, says
from tests.support.shell import Shell

CONVERSATIONS = 120


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


class Watched(Model):
    """Remembers each body with how much had been told when it was sent."""

    def __init__(self, model: Model, shell: Shell) -> None:
        super().__init__(model.random, model.refusal, model.profile)
        self.shell = shell
        self.sent: list[tuple[int, bytes]] = []

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        self.sent.append((len(self.shell.log), bytes_of(body)))
        async for delta in super().stream(body):
            yield delta


def bytes_of(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def history_before(shell: Shell, seq: int, since: int) -> History:
    """As the journal reads it: the first message, the newest summary, and what followed."""
    told = list(enumerate(shell.log, start=1))[: seq - 1]
    early = [one for one in told if one[0] < min(since, OPENING + 1) and isinstance(one[1], e.MessageAdded)][
        :1
    ]
    summaries = [
        one
        for one in told
        if one[0] < since and isinstance(one[1], e.HistoryCompacted) and not one[1].problem
    ][-1:]
    history = empty(shell.history.conversation)
    for number, event in [*early, *summaries, *(one for one in told if one[0] >= since)]:
        history = fold(history, event, number)
    return history


async def again(shell: Shell, seq: int, sent: str = "") -> Rendered:
    """The request of the step.started at `seq`, made from what was kept."""
    started = shell.log[seq - 1]
    assert isinstance(started, e.StepStarted) and started.request is not None
    facts = started.request
    settings = settings_from(shell.requests.kept[facts.settings])
    history = history_before(shell, seq, facts.since)
    files: dict[str, FileContent | None] = {
        file.id: await Drawer().read(file.id) for file in files_of(history, settings, facts)
    }
    return render_again(history, settings, facts, files, sent)


async def test_every_request_of_generated_conversations_is_made_again_byte_for_byte() -> None:
    profiles: set[str] = set()
    forms: Counter[str] = Counter()
    seen = omitted = 0
    for seed in range(CONVERSATIONS):
        conversation = Conversation(seed)
        model = Watched(conversation.model, conversation.shell)
        conversation.model = model
        await conversation.talk()
        profiles.add(conversation.profile.name)
        for told, body in model.sent:
            starts = [
                seq
                for seq, event in enumerate(conversation.shell.log[:told], start=1)
                if isinstance(event, e.StepStarted)
            ]
            rendered = await again(conversation.shell, starts[-1])
            assert bytes_of(rendered.body) == body, f"seed {seed}, event {starts[-1]}"
            assert rendered.same is True and rendered.violations == []
            facts = conversation.shell.log[starts[-1] - 1].request  # type: ignore[attr-defined]
            forms.update(facts.form or ("proper",))
            omitted += bool(facts.omitted)
            seen += 1
    assert profiles == set(all_profiles())
    assert seen > 500 and omitted > 10 and len(forms) >= 8, (seen, omitted, forms)


async def test_what_was_said_while_the_step_was_stored_is_in_the_request_and_its_digest_is_told() -> None:
    shell, model = Shell(), ScriptedModel(says("both"))
    shell.say("one")
    slipped = False

    def slip(batch: list[e.Event]) -> None:
        nonlocal slipped
        if isinstance(batch[-1], e.StepStarted) and not slipped:
            slipped = True
            shell.say("two")

    shell.before_store = slip
    await shell.work(AgentSpec("a", "A", "Help.", "m"), model, Toolbox([]))
    (body,) = model.bodies
    assert "two" in str(body)
    (start,) = [n for n, event in enumerate(shell.log, start=1) if isinstance(event, e.StepStarted)]
    (finished,) = [event for event in shell.log if isinstance(event, e.StepFinished)]
    started = shell.log[start - 1]
    assert isinstance(started, e.StepStarted) and started.request is not None
    assert finished.sent and finished.sent != started.request.digest
    rendered = await again(shell, start, finished.sent)
    assert bytes_of(rendered.body) == bytes_of(body) and rendered.same is True


async def test_an_agent_that_was_changed_meanwhile_does_not_change_what_was_sent() -> None:
    shell = Shell()
    agent = AgentSpec("a", "A", "You are kind.", "m-1")
    for text, prompt in (("one", "You are kind."), ("two", "You are stern.")):
        shell.say(text)
        await shell.work(replace(agent, prompt=prompt), ScriptedModel(says("ok")), Toolbox([]))
    starts = [n for n, event in enumerate(shell.log, start=1) if isinstance(event, e.StepStarted)]
    bodies = [str((await again(shell, seq)).body) for seq in starts]
    assert "kind" in bodies[0] and "stern" in bodies[1] and "kind" not in bodies[1]
    assert len(shell.requests.kept) == 2, "one version each"


async def test_settings_are_kept_once_for_all_steps_and_before_anybody_is_asked() -> None:
    shell, pause = Shell(), Pause()
    shell.say("one")
    agent = AgentSpec("a", "A", "Help.", "m")
    import asyncio

    work = asyncio.create_task(shell.work(agent, ScriptedModel([pause, *says("ok")]), Toolbox([])))
    await pause.reached.wait()
    assert len(shell.requests.kept) == 1
    pause.release.set()
    await work
    shell.say("again")
    await shell.work(agent, ScriptedModel(says("ok")), Toolbox([]))
    ((digest, text),) = shell.requests.kept.items()
    assert settings_digest(text) == digest
    assert settings_from(text).to_json() == text


def test_what_a_later_release_says_of_a_profile_is_passed_over() -> None:
    text = (
        '{"address":"x","profile":{"name":"n","title":"t","colour":"red","stream_fields":[["a",1]]},'
        '"model":"m","prompt":"","tools":[],"account":""}'
    )
    assert settings_from(text).profile.stream_fields == (("a", 1),)
    with pytest.raises(ValueError, match="no settings"):
        settings_from("{}")


async def test_a_history_is_held_from_its_oldest_item_besides_the_first_message() -> None:
    assert held_since(empty("c")) == 0
    shell = Shell()
    shell.say("one")
    assert held_since(shell.history) == 1
    shell.say("two")
    assert held_since(shell.history) == 3
