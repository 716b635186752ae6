"""Hold the requests and streams of Anthropic's and Gemini's own APIs to the official SDKs (`make sdks`).

    python -m tests.sdks [--histories 500] [--streams 200] [--seed 1]

The SDKs' types read every body that Holdfast would send for generated histories; their stream parsers read what the
fake servers of our tests send. Neither is imported by the product, nor by `make test`.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata as metadata
import os
import sys
from collections import Counter
from random import Random
from typing import Any

import django


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=500)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    versions = [f"{name} {metadata.version(name)}" for name in ("anthropic", "google-genai")]
    print(f"Witnesses: {', '.join(versions)}")
    faults = _must_say_no() + bodies(wanted.histories, wanted.seed)
    faults += asyncio.run(streams(wanted.streams, wanted.seed))
    for fault in faults[:20]:
        print(fault)
    return 1 if faults else 0


def _must_say_no() -> list[str]:
    """A witness that agrees with everything is none."""
    from tests.sdks.bodies import anthropic_fault, gemini_fault

    text: dict[str, Any] = {"type": "text", "text": "Hi", "colour": "red"}
    said = [{"role": "user", "content": [text]}]
    fine: dict[str, Any] = {"model": "m", "max_tokens": 1, "messages": said}
    wrong = [] if anthropic_fault(fine) else ["Anthropic's types took a field that there is not."]
    try:
        gemini_fault({"contents": [{"role": "user", "parts": [{"text": "Hi", "colour": "red"}]}]})
    except ValueError:
        return wrong
    return [*wrong, "Google's types took a field that there is not."]


def bodies(histories: int, seed: int) -> list[str]:
    """Every body for generated histories, read by the SDKs' types."""
    from agents.dialects.requests import render, render_text_only
    from agents.profiles import all_profiles
    from agents.transcript.room import ModelSettings
    from tests.sdks.bodies import anthropic_fault, gemini_fault
    from tests.support.wild import MODELS, Teller, tools_of

    judges = {"anthropic": anthropic_fault, "gemini": gemini_fault}
    read: Counter[str] = Counter()
    faults = []
    for number in range(seed, seed + histories):
        random = Random(number)
        history = Teller(random).tell(random.choice((0, 1, 2, 4, 8)))
        window, model = random.choice((800, 10_000, 2_000_000)), random.choice(MODELS)
        ask = ModelSettings(model, random.choice(("", "You help.")), tools_of(random), window)
        for profile in all_profiles().values():
            if (judge := judges.get(profile.dialect)) is None:
                continue
            for make in (render, render_text_only):
                body = make(history, profile, ask)
                try:
                    fault = judge(body)
                except ValueError as error:
                    fault = str(error)
                read[profile.name] += 1
                if fault:
                    faults.append(f"history {number}, {profile.name}, {make.__name__}: {fault}")
    print(f"Requests: {dict(read)} of {histories} histories; not understood: {len(faults)}")
    return faults


async def streams(count: int, seed: int) -> list[str]:
    """So many streams of each API, read by the SDK and by us."""
    from agents.dialects.http import close_clients
    from tests.sdks.streams import anthropic_round, gemini_round

    faults = []
    for round_of in (anthropic_round, gemini_round):
        for number in range(seed, seed + count):
            if found := await round_of(Random(number)):
                faults.append(f"stream {number} of {round_of.__name__}: {found}")
        print(f"{round_of.__name__}: {count} streams, read differently: {len(faults)}")
    await close_clients()
    return faults


if __name__ == "__main__":
    sys.exit(main())
