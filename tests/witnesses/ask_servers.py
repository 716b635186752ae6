"""Send what Holdfast would send to llama.cpp's own server, over each of its APIs (`make servers`).

    python -m tests.witnesses.ask_servers [--only qwen] [--generated 3] [--jobs 2]

For each of its chat templates: histories × profiles × both forms over /v1/chat/completions, /v1/responses and
/v1/messages. A refusal counts where the same server takes a plain client's conversation with the same features. What
the model of nonsense says may not fit the template's own parser; that is no refusal of the request. Status 1 if
anything counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from agents.profiles import all_profiles
from agents.providers.base import Profile
from scripts.environments import NotThere
from tests.witnesses import conversations, llama_cpp
from tests.witnesses.blocks import block_features, plain_blocks
from tests.witnesses.plain import Features, features, plain, plain_items
from tests.witnesses.stories import bodies, histories

Json = dict[str, Any]
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "anthropic": "/v1/messages"}
#: One token of an answer is enough.
_FEW: dict[str, Json] = {
    "chat": {"max_tokens": 1},
    "responses": {"max_output_tokens": 1},
    "anthropic": {"max_tokens": 1},
}
#: How the server words that its parser cannot read what the model said.
NONSENSE = ("does not match the expected", "Failed to parse input at pos")


@dataclass
class Verdict:
    """What the server said with one template."""

    template: str
    requests: int = 0
    nonsense: int = 0
    conversations: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    properties: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Sent:
    """A distinct request, and the requests that come to the same bytes."""

    api: str
    names: tuple[str, ...]
    body: Json

    @property
    def features(self) -> Features:
        return _FEATURES[self.api](self.body)


def item_features(body: Json) -> Features:
    """`features` of a Responses body, by the messages that it stands for."""
    messages: list[Json] = (
        [{"role": "system", "content": body["instructions"]}] if "instructions" in body else []
    )
    for item in body["input"]:
        match item["type"]:
            case "function_call":
                call = {"id": item["call_id"], "function": {"arguments": item["arguments"]}}
                if messages[-1]["role"] == "assistant":
                    messages[-1].setdefault("tool_calls", []).append(call)
                else:
                    messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
            case "function_call_output":
                messages.append({"role": "tool", "content": item["output"]})
            case "message":
                messages.append({"role": item["role"], "content": item["content"]})
    return features({"messages": messages, "tools": body.get("tools")})


#: What a body asks of a server, and what any client would send that asks the same, for each API.
_FEATURES = {"chat": features, "responses": item_features, "anthropic": block_features}
_PLAIN = {"chat": plain, "responses": plain_items, "anthropic": plain_blocks}


def requests(generated: int) -> tuple[list[Sent], int]:
    """Every distinct request for each API, and how many they stand for."""
    distinct: dict[str, Sent] = {}
    count = 0
    for name, profile, text_only, body in bodies(generated, _profiles(), window=4_000):
        count += 1
        body = {key: value for key, value in body.items() if key not in ("model", "include")}
        key = profile.dialect + json.dumps(body, sort_keys=True)
        form = "text only" if text_only else "proper"
        before = distinct.get(key)
        names = (*(before.names if before else ()), f"{name} / {profile.name} / {form}")
        distinct[key] = Sent(profile.dialect, names, body)
    return list(distinct.values()), count


def _profiles() -> list[Profile]:
    """Those that speak an API of this server that is asked here."""
    return [profile for profile in all_profiles().values() if profile.dialect in PATHS]


class Server:
    """A running server, asked as a client asks it, for one token of an answer."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.taken: dict[tuple[str, Features], bool] = {}

    async def refusal(self, api: str, body: Json) -> str | None:
        """Why the server did not take a body, or None."""
        sent = {"model": "tiny", "stream": True, **body, **_FEW[api]}
        answer = await self.client.post(PATHS[api], json=sent)
        if answer.status_code == 200 and "error" not in answer.text[:200]:
            return None
        return f"{answer.status_code} {answer.text[:400]}"

    async def takes_plain(self, api: str, wanted: Features) -> bool:
        """Whether a plain client with these features would be served."""
        if (api, wanted) not in self.taken:
            said = [await self.refusal(api, body) for body in _PLAIN[api](wanted)]
            self.taken[api, wanted] = any(one is None or _nonsense(one) for one in said)
        return self.taken[api, wanted]


def _nonsense(said: str) -> bool:
    return any(words in said for words in NONSENSE)


async def ask(template: Path, sent: list[Sent]) -> Verdict:
    """Everything, to a server with this template."""
    verdict = Verdict(template.stem)
    with llama_cpp.running(template) as address:
        # This server may close a connection that was to be kept, at the moment when the next request is sent.
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
            server = Server(client)
            for one in sent:
                verdict.requests += 1
                said = await server.refusal(one.api, one.body)
                if said is None:
                    continue
                if _nonsense(said):
                    verdict.nonsense += 1
                elif not await server.takes_plain(one.api, one.features):
                    verdict.properties |= {n async for n in _missing(server, one)}
                else:
                    verdict.refused.append((f"{one.api}: {one.names[0]} (+{len(one.names) - 1})", said))
            if await server.takes_plain("chat", frozenset({"answers", "tools", "calls"})):
                for name, failed in await conversations.held(f"{address}/v1"):
                    verdict.conversations += 1
                    if failed and not _nonsense(failed):
                        verdict.refused.append((f"conversation: {name}", failed))
    return verdict


async def _missing(server: Server, one: Sent) -> AsyncIterator[str]:
    found: list[str] = [
        name for name in one.features if await server.takes_plain(one.api, one.features - {name})
    ]
    for name in found or ["several"]:
        yield name


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="part of the names of the templates")
    parser.add_argument("--generated", type=int, default=3, help="generated histories beside the told ones")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="servers at a time")
    wanted = parser.parse_args()
    begun = time.monotonic()
    try:
        llama_cpp.server(), llama_cpp.model()
        chosen = [path for path in llama_cpp.templates() if wanted.only.lower() in path.name.lower()]
        sent, count = requests(wanted.generated)
        print(f"{len(chosen)} templates; {len(list(histories(wanted.generated)))} histories × {len(_profiles())} "
              f"profiles × 2 forms: {count:,} requests, {len(sent):,} of them different", flush=True)  # fmt: skip
        verdicts = []
        with ThreadPoolExecutor(wanted.jobs) as pool:
            for told in as_completed([pool.submit(_asked, path, sent) for path in chosen]):
                verdicts += told.result()
    except NotThere as error:
        print(error, file=sys.stderr)
        return 2
    return report(verdicts, time.monotonic() - begun)


def _asked(template: Path, sent: list[Sent]) -> list[Verdict]:
    """One server, asked and told of; none if it did not start."""
    try:
        verdict = asyncio.run(ask(template, sent))
    except NotThere as error:
        print(f"{template.stem}: {str(error).splitlines()[0]}", flush=True)
        return []
    print(f"{template.stem}: {verdict.requests} requests, {verdict.conversations} conversations, "
          f"{len(verdict.refused)} refusals that count", flush=True)  # fmt: skip
    for said, n in Counter(said for _, said in verdict.refused).most_common(3):
        name = next(name for name, other in verdict.refused if other == said)
        print(f"{template.stem}: {n} × {said[:200]}\n      {name}", flush=True)
    return [verdict]


def report(verdicts: list[Verdict], took: float) -> int:
    """Print what was seen; status 1 if the server refused what a plain client would not meet."""
    properties = Counter(name for one in verdicts for name in one.properties)
    refusals = sum(len(one.refused) for one in verdicts)
    print(f"\n{sum(one.requests for one in verdicts):,} requests and {sum(one.conversations for one in verdicts)} "
          f"conversations to {len(verdicts)} servers in {took:.0f} s")  # fmt: skip
    print("refused of any client: " + ", ".join(f"{name} by {n}" for name, n in properties.most_common()))
    print(f"answers of the model that its parser could not read: {sum(one.nonsense for one in verdicts):,}")
    print(f"refusals that a plain client would not meet: {refusals:,}")
    return 1 if refusals or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
