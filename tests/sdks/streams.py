"""The SDKs read the streams that our fake servers send, over HTTP; so the fakes are checked by who knows the real ones.

What each SDK understands is compared with what our own reader made of the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import anthropic
from google import genai
from google.genai import types as gt

from agents.dialects.anthropic.stream import AnthropicMessages
from agents.dialects.assembler import Assembler, Response
from agents.dialects.base import Model
from agents.dialects.gemini.stream import GeminiContents
from tests.support import native_streams as fake
from tests.support.provider import Json, Provider, Reply

WORDS = ("", "Hello", "Grüße", "你好，世界", "🙂🙂", "line\nline", '"quoted" \\ {', "w " * 200)
ARGUMENTS: tuple[Json, ...] = (
    {},
    {"city": "Rome"},
    {"a": {"b": [1, 2.5, None, True]}},
    {"日": "本"},
    {"q": '"\\'},
)


async def ours(model: Model) -> Response:
    """What our reader understands."""
    assembler = Assembler()
    async for delta in model.stream({"model": "m", "max_tokens": 100, "messages": [], "contents": []}):
        assembler.feed(delta)
    return assembler.response()


async def anthropic_round(random: Random) -> str:
    """One message, read by both; returns what differs, or an empty text."""
    blocks = _anthropic_blocks(random)
    asks = any(block["type"] == "tool_use" for block in blocks)
    stop = random.choice(("tool_use",) if asks else ("end_turn", "max_tokens", "refusal", "stop_sequence"))
    reply = fake.anthropic_reply(fake.anthropic_events(*blocks, stop=stop))
    async with Provider(_split(reply, random)) as server:
        found = await ours(AnthropicMessages(server.url))
        base = server.url.removesuffix("/v1")
        async with anthropic.AsyncAnthropic(base_url=base, api_key="k", max_retries=0) as client:
            said = [{"role": "user", "content": "Hi"}]
            async with client.messages.stream(model="m", max_tokens=100, messages=said) as stream:  # type: ignore[arg-type]
                message = await stream.get_final_message()
    texts = [block.text for block in message.content if block.type == "text"]
    thoughts = [block.thinking for block in message.content if block.type == "thinking"]
    asked = [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"]
    usage = message.usage
    read = (usage.input_tokens + (usage.cache_read_input_tokens or 0), usage.output_tokens)
    return _differ(
        ("text", "".join(texts), found.text.replace("\n\n", "") if len(texts) > 1 else found.text),
        ("thinking", "".join(thoughts), found.reasoning),
        ("calls", asked, [(one.provider_id, one.name, json.loads(one.arguments)) for one in found.calls]),
        ("usage", read, (found.usage.input, found.usage.output)),
        ("stop", message.stop_reason, stop),
        ("blocks", [block.type for block in message.content], [block["type"] for block in blocks]),
        ("signed", [block.signature for block in message.content if block.type == "thinking"],
         [item["signature"] for item in found.replay if item["type"] == "thinking"]),
    )  # fmt: skip


def _anthropic_blocks(random: Random) -> list[Json]:
    blocks: list[Json] = []
    if random.random() < 0.6:
        blocks.append(
            {**fake.THOUGHT, "thinking": random.choice(WORDS), "signature": f"c2ln{random.randrange(100)}"}
        )
    if random.random() < 0.2:
        blocks.append(fake.REDACTED)
    if random.random() < 0.8:
        blocks.append(fake.text_block(random.choice(WORDS[1:]).replace("\n\n", "")))
    for number in range(random.randrange(3)):
        blocks.append(fake.tool_use("look", random.choice(ARGUMENTS), f"toolu_{number}"))
    return blocks or [fake.text_block("Hi")]


async def gemini_round(random: Random) -> str:
    """One response, read by both; returns what differs, or an empty text."""
    parts = _gemini_parts(random)
    finish = random.choice(("STOP", "STOP", "MAX_TOKENS", "SAFETY"))
    reply = fake.gemini_reply(fake.gemini_chunks(*parts, finish=finish))
    async with Provider(_split(reply, random)) as server:
        found = await ours(GeminiContents(server.url))
        options = gt.HttpOptions(base_url=server.url.removesuffix("/v1"), api_version="v1beta")
        client = genai.Client(api_key="k", http_options=options, vertexai=False)
        came = [
            chunk async for chunk in await client.aio.models.generate_content_stream(model="m", contents="Hi")
        ]
        await client.aio.aclose()
    read = [
        part
        for chunk in came
        for one in chunk.candidates or []
        for part in (one.content and one.content.parts) or []
    ]
    calls = [part.function_call for part in read if part.function_call]
    last = came[-1]
    counts = last.usage_metadata
    assert counts is not None and last.candidates
    output = (counts.candidates_token_count or 0) + (counts.thoughts_token_count or 0)
    reasons = {"STOP": "tool_calls" if calls else "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}
    why = last.candidates[0].finish_reason
    return _differ(
        ("text", "".join(part.text or "" for part in read if not part.thought), found.text),
        ("thinking", "".join(part.text or "" for part in read if part.thought), found.reasoning),
        ("calls", [(call.name, call.args or {}) for call in calls],
         [(one.name, json.loads(one.arguments)) for one in found.calls]),
        ("usage", (counts.prompt_token_count, output, counts.cached_content_token_count),
         (found.usage.input, found.usage.output, found.usage.cached)),
        ("stop", reasons[why.value if why else ""], found.finish),
        ("signed", sum(part.thought_signature is not None for part in read),
         sum(one.extra is not None for one in found.calls) + len(found.replay)),
    )  # fmt: skip


def _gemini_parts(random: Random) -> list[Json]:
    parts: list[Json] = [fake.thought(random.choice(WORDS[1:])) for _ in range(random.randrange(3))]
    parts += [fake.said(random.choice(WORDS[1:])) for _ in range(random.randrange(3))]
    for number in range(random.randrange(3)):
        signature = "c2lnbmVk" if number == 0 else ""
        parts.append(
            fake.function_call("look", random.choice(ARGUMENTS), signature, random.choice(("", f"c{number}")))
        )
    if random.random() < 0.3:
        parts.append(fake.said("", "c2lnbmVk"))
    return parts or [fake.said("Hi")]


def _split(reply: Reply, random: Random) -> Callable[[str, Json], Reply]:
    """The same bytes for both, cut anywhere."""
    whole = b"".join(reply.pieces)
    places = sorted(random.sample(range(1, len(whole)), min(5, len(whole) - 1)))
    pieces = [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]
    return lambda path, body: Reply(pieces=pieces)


def _differ(*compared: tuple[str, Any, Any]) -> str:
    return "; ".join(f"{name}: {theirs!r} and {own!r}" for name, theirs, own in compared if theirs != own)
