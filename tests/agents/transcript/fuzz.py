"""Render generated histories for every profile until something is refused, or long enough.

    python -m tests.agents.transcript.fuzz --requests 100000 [--seed 1]

Each history comes from a seed of its own, which is printed when a request of it breaks a rule.
"""

import argparse
import sys
import time
from copy import deepcopy
from random import Random

from agents.dialects.requests import render, render_text_only, validate
from agents.history import History
from agents.profiles import all_profiles
from agents.providers.base import Profile
from agents.transcript.room import ModelSettings
from tests.support.strict_provider import refusal
from tests.support.wild import MODELS, THOUGHT, Teller, same_bytes, tools_of


def check(history: History, profile: Profile, ask: ModelSettings, said: list[str]) -> int:
    """Render `history` both ways and hold the requests to all rules; returns how many there were."""
    for make in (render, render_text_only):
        body = make(history, profile, ask)
        sent = same_bytes(body)
        broken = validate(body, profile)
        assert not broken, f"{make.__name__} for {profile.name}: {broken}"
        refused = refusal(profile.name, body)
        assert refused is None, f"{make.__name__} for {profile.name}: {refused}"
        assert sent == same_bytes(make(history, profile, ask)), "V18: two renders differ"
        # Of items that nothing was made of before (agents/transcript/made.py).
        assert sent == same_bytes(make(deepcopy(history), profile, ask)), "V18: a copy is rendered otherwise"
        sent.encode()
        assert THOUGHT not in sent, "V14: reasoning is sent that nobody has asked for"
        if ask.window > 1_000_000:
            missing = [text for text in said if text not in str_of(body)]
            assert not missing, f"V19: lost {missing}"
    return 2


def str_of(body: dict[str, object]) -> str:
    """All texts of a body, unescaped, so that words can be looked for."""
    entries = body.get("messages") or body.get("input") or body.get("contents")
    assert isinstance(entries, list)
    contents = [entry.get("content") or entry.get("parts") for entry in entries]
    parts = [part for content in contents for part in (content if isinstance(content, list) else [content])]
    return "\n".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in parts)


def round_of(seed: int, profiles: list[Profile] | None = None) -> int:
    """One generated history for all profiles; returns the number of requests. AssertionError names the seed."""
    random = Random(seed)
    teller = Teller(random)
    history = teller.tell(random.choice((0, 1, 2, 4, 8)))
    window = random.choice((1, 800, 2_000, 10_000, 2_000_000, 2_000_000))
    ask = ModelSettings(random.choice(MODELS), random.choice(("", "You help.")), tools_of(random), window)
    try:
        return sum(
            check(history, profile, ask, teller.said) for profile in profiles or all_profiles().values()
        )
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    begun, requests, seed = time.monotonic(), 0, wanted.seed
    while requests < wanted.requests:
        requests += round_of(seed)
        seed += 1
    took = time.monotonic() - begun
    print(f"{requests:,} requests of {seed - wanted.seed:,} histories (seeds {wanted.seed} to {seed - 1}): "
          f"none refused, {took:.0f} s")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
