"""Conversations against a provider that refuses any one feature, over all profiles: none may die.

    python -m tests.agents.adversary --conversations 10000 [--seed 1]

Each conversation comes from a seed of its own, which is printed when it dies. It draws a profile, a feature that the
provider refuses for ever, the words (known ones, or some that nobody has heard) and the status. People write, write
in between, stop, attach pictures; the model thinks, asks for tools side by side, and says nothing now and then.
Dead: a run that nobody stopped fails, or a message is not answered. Besides: an effectful call runs once, and no body
that was refused is sent again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from agents import events as e
from agents.attachments import FileContent
from agents.dialects.base import CallDelta, Delta, FinishDelta, ReasoningDelta, ReplayItem, TextDelta
from agents.dialects.errors import classify
from agents.profiles import all_profiles
from agents.providers.base import Profile
from agents.spec import AgentSpec
from agents.tools import Toolbox, ToolContext, tool
from agents.work import PartText
from tests.support.features import FEATURES, Feature, longer_than
from tests.support.shell import Shell

PHOTO = e.AttachmentRef(id="p1", name="photo.png", media_type="image/png", size=60)
NOBODY_KNOWS = ("no.", "Ungültige Anfrage", '{"error": {"code": "E_4711"}}', "invalid argument", "请求无效")
TEMPLATE = "Error rendering prompt with jinja template"
FILTERS = ("Content Exists Risk", "The request was rejected because it was considered high risk")
PICTURES = ("Could not process image", "Unable to process input image.")
LENGTHS = ("prompt is too long: 999 tokens > 99 maximum", "Range of input length should be [1, 30]")


class HastyClock:
    """Nobody waits: time jumps on. What is as long as a run's limit never comes."""

    def __init__(self) -> None:
        self._now = 1_790_000_000_000

    def now(self) -> int:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds > 120:
            await asyncio.Event().wait()
        self._now += int(seconds * 1000)
        await asyncio.sleep(0)


class Drawer:
    async def read(self, id: str) -> FileContent | None:
        return FileContent("image/png", b"\x89PNG" + b"0" * 60)


@dataclass
class Refusal:
    """What is refused, and how."""

    name: str
    refuses: Feature
    status: int
    words: str


def draw_refusal(random: Random) -> Refusal:
    """One feature with a status and words that fit."""
    kind = random.random()
    if kind < 0.06:
        limit = random.choice((16_000, 30_000))
        return Refusal("length", longer_than(limit), 400, random.choice(LENGTHS))
    name = random.choice(list(FEATURES))
    status, words = random.choice((400, 400, 422)), random.choice(NOBODY_KNOWS)
    draw = random.random()
    if name.startswith("a word") and draw < 0.6:
        status, words = 400, random.choice(FILTERS)
    elif name == "pictures" and draw < 0.6:
        status, words = 400, random.choice(PICTURES)
    elif not name.startswith("a word") and draw < 0.2:
        status, words = 500, random.choice((TEMPLATE, TEMPLATE, "Internal Server Error"))
    return Refusal(name, FEATURES[name], status, words)


class Model:
    """What stands behind the provider: it takes what is not refused, and answers at random."""

    def __init__(self, random: Random, refusal: Refusal, profile: Profile) -> None:
        self.random = random
        self.refusal = refusal
        self.profile = profile
        self.refused: list[str] = []
        self.taken = 0

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        text = json.dumps(body, sort_keys=True)
        if self.refusal.refuses(body):
            if self.refusal.status != 500 or self.refusal.words == TEMPLATE:
                assert text not in self.refused, "a body that was refused was sent again"
            self.refused.append(text)
            raise classify(self.refusal.status, self.refusal.words)
        self.taken += 1
        if self.random.random() < 0.05:
            raise classify(429, "Rate limit reached. Please try again in 20s.")
        thought = "hm" if self.random.random() < 0.5 else ""
        if thought:
            yield ReasoningDelta(thought)
        wants = self.random.choice((0, 0, 1, 2, 3)) if body.get("tools") else 0
        text = ""
        if (wants == 0 or self.random.random() < 0.4) and (wants or self.random.random() > 0.03):
            text = f"Answer {self.taken}."
            yield TextDelta(text)
        for index in range(wants):
            name = self.random.choice(("look", "act"))
            arguments = self.random.choice(("{}", '{"what": "it"}'))
            extra = self._signature() if index == 0 else None
            yield CallDelta(index, f"call_{self.taken}_{index}", name, arguments, extra=extra)
        for item in self._wanted_back(thought, text, wants):
            yield ReplayItem(item)
        yield FinishDelta("tool_calls" if wants else "stop")

    def _signature(self) -> dict[str, Any] | None:
        """What Gemini wants back with the first of its calls, by either of its APIs."""
        if self.profile.dialect == "gemini":
            return {"thoughtSignature": "c2ln"}
        return (
            {"extra_content": {"google": {"thought_signature": "c2ln"}}} if self.profile.signatures else None
        )

    def _wanted_back(self, thought: str, text: str, calls: int) -> list[dict[str, Any]]:
        """What the issuer wants back of an answer, as the reader of each dialect gives it."""
        match self.profile.dialect:
            case "responses":
                reasoning = {
                    "type": "reasoning",
                    "id": f"rs_{self.taken}",
                    "encrypted_content": "gAAA",
                    "summary": [],
                }
                said = [{"type": "message", "id": f"msg_{self.taken}"}] if text else []
                asked = [
                    {"type": "function_call", "id": f"fc_{self.taken}_{index}"} for index in range(calls)
                ]
                return [reasoning, *said, *asked]
            case "anthropic" if thought:
                spoken: list[dict[str, Any]] = [{"type": "text", "length": len(text)}] if text else []
                signed = {"type": "thinking", "thinking": thought, "signature": "c2ln"}
                return [signed, *spoken, *[{"type": "tool_use"}] * calls]
            case "gemini" if text:
                return [{"type": "text", "thoughtSignature": "c2ln"}]
        return []


class Conversation:
    """One of them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.profile = self.random.choice(list(all_profiles().values()))
        self.refusal = draw_refusal(self.random)
        self.shell = Shell(f"c{seed}", HastyClock())
        self.shell.files = Drawer()
        self.acted: Counter[str] = Counter()
        self.model = Model(self.random, self.refusal, self.profile)
        conversation = self

        @tool(effect="effectful")
        async def act(context: ToolContext, what: str = "") -> str:
            """Do something."""
            conversation.acted[context.key] += 1
            return "done"

        @tool(effect="read_only")
        async def look(what: str = "") -> str:
            """Look."""
            return conversation.random.choice(("a house", "toxin", "", "z " * 6_000))

        self.toolbox = Toolbox([act, look])
        model = self.random.choice(("m-1", "gpt-5", "claude-x"))
        self.agent = AgentSpec(
            *("a", "A", self.random.choice(("You help.", "")), model, "http://127.0.0.1:1/v1"),
            profile=self.profile.name, tools=("act", "look"), vision=True, compaction=False,
        )  # fmt: skip

    async def talk(self) -> None:
        """AssertionError when it dies."""
        for turn in range(self.random.randrange(2, 6)):
            self._say(turn)
            await self._run()
        self._say(99)
        await self._run(stops=False)
        last = self.shell.log[-1]
        assert isinstance(last, e.RunFinished), f"the last message was not answered: {last}"
        assert all(times == 1 for times in self.acted.values()), "an effectful call ran twice"

    def _say(self, turn: int) -> None:
        text = self.random.choice(("hello", "what is it?", "poison", "go on", "…"))
        files = (PHOTO.model_copy(update={"id": f"p{turn}"}),) if self.random.random() < 0.3 else ()
        if self.random.random() < 0.1:
            self.shell.note("something else")
        self.shell.say(text, *files)

    async def _run(self, *, stops: bool = True) -> None:
        self.shell.stop.clear()
        stop = stops and self.random.random() < 0.15
        meanwhile = self.random.random() < 0.2

        def after(one: list[e.Event] | PartText) -> None:
            nonlocal stop, meanwhile
            if (
                not isinstance(one, list)
                or self.shell.history.run is None
                or not self.shell.history.run.active
            ):
                return
            if any(isinstance(event, e.CallStarted) for event in one):
                if stop:
                    stop = False
                    self.shell.ask_to_stop()
                elif meanwhile:
                    meanwhile = False
                    self.shell.say("by the way")

        await self.shell.work(self.agent, self.model, self.toolbox, after=after)
        last = self.shell.log[-1]
        assert isinstance(last, e.RunFinished | e.RunStopped), f"the run failed: {last}"


async def converse(seed: int) -> Conversation:
    """One conversation. AssertionError names its seed, its profile and what was refused."""
    conversation = Conversation(seed)
    try:
        await conversation.talk()
    except AssertionError as error:
        about = conversation.refusal
        told = f"{about.name}, {about.status} {about.words!r}, profile {conversation.profile.name}"
        raise AssertionError(f"seed {seed} ({told}): {error}") from None
    return conversation


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    logging.disable(logging.CRITICAL)
    print(f"seeds {wanted.seed} to {wanted.seed + wanted.conversations - 1}", flush=True)
    begun, dead = time.monotonic(), 0
    refused = taken = left_out = 0
    features: Counter[str] = Counter()
    profiles: Counter[str] = Counter()
    learned: Counter[str] = Counter()
    for seed in range(wanted.seed, wanted.seed + wanted.conversations):
        try:
            one = asyncio.run(converse(seed))
        except AssertionError as error:
            dead += 1
            print(error, flush=True)
            continue
        refused += len(one.model.refused)
        taken += one.model.taken
        left_out += sum(isinstance(event, e.MessageLeftOut) for event in one.shell.log)
        features[one.refusal.name] += bool(one.model.refused)
        profiles[one.profile.name] += 1
        learned.update(rule.form.title for rule in one.shell.learned.kept)
    took = time.monotonic() - begun
    print(f"{wanted.conversations:,} conversations over {len(profiles)} profiles: {dead} dead, {took:.0f} s")
    print(
        f"{taken:,} requests taken, {refused:,} refused, {left_out:,} messages, results and pictures left out"
    )
    print("met:", ", ".join(f"{name} {count:,}" for name, count in features.most_common()))
    print("learned:", ", ".join(f"{name} {count:,}" for name, count in learned.most_common()))
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
