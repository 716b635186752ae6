"""The estimate of tokens against a real tokenizer, and the windows of models that are known."""

import functools
import json
import random
import string
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from agents import extensions
from agents.profiles import context_window
from agents.transcript.tokens import characters, estimate
from agents.transcript.windows import SHARE, window_for

ROOT = Path(__file__).parents[3]
_RANDOM = random.Random(7)
TEXTS = {
    "prose": (ROOT / "README.md").read_text(),
    "docs": (ROOT / "docs" / "protocol.md").read_text(),
    "python": (ROOT / "agents" / "events" / "facts.py").read_text(),
    "typescript": (ROOT / "frontend" / "src" / "sync" / "reducer.ts").read_text(),
    "chinese": "你好，世界。今天的天气怎么样？我想知道东京现在几点，以及明天会不会下雨。" * 30,
    "russian": "Привет, как дела сегодня? Погода хорошая и солнечная. " * 30,
    "japanese": "こんにちは、今日はいい天気ですね。" * 30,
    "json": json.dumps([{"id": n, "name": f"row {n}", "price": n * 1.25, "ok": True} for n in range(200)]),
    "uuids": "\n".join(str(uuid.UUID(int=_RANDOM.getrandbits(128))) for _ in range(100)),
    "digits": "".join(_RANDOM.choice(string.digits) for _ in range(2_000)),
    "base64": "".join(_RANDOM.choice(string.ascii_letters + string.digits + "+/") for _ in range(3_000)),
    "emoji": "🙂🎉👍" * 100,
    "csv": "\n".join(f"{n},{n * 7},{n * 13.5:.2f},2026-11-{n % 28 + 1:02}" for n in range(300)),
}


@functools.cache
def tekken() -> Any:
    """Read when it is needed: it takes a second, and every process of the tests looks at this file."""
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    return MistralTokenizer.v3(is_tekken=True).instruct_tokenizer.tokenizer


@pytest.mark.parametrize("kind", TEXTS)
def test_the_estimate_is_never_much_too_low(kind: str) -> None:
    """What it may be short by is less than what the windows leave free."""
    real = len(tekken().encode(TEXTS[kind], bos=False, eos=False))
    assert estimate(TEXTS[kind]) >= real * (SHARE + 0.05), (kind, estimate(TEXTS[kind]), real)
    assert estimate(TEXTS[kind]) <= real * 2.6, "nor so high that half a window is wasted on common text"


def test_the_estimate_is_cheap_and_grows_with_the_text() -> None:
    text = TEXTS["json"] * 40
    begun = time.perf_counter()
    estimate(text)
    assert time.perf_counter() - begun < 0.05
    assert estimate("a" * 1_000) < estimate("a" * 2_000)
    assert estimate("") == 1 and estimate("\ud83d") >= 1
    assert estimate("a" * characters(100)) <= 101


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-4o-mini", 128_000),
        ("gpt-4", 8_192),
        ("openai/gpt-5-mini", 272_000),
        ("o3", 200_000),
        ("claude-sonnet-4-5", 200_000),
        ("moonshot-v1-8k", 8_192),
        ("moonshotai/Kimi-K2-Instruct", 128_000),
        ("deepseek-chat", 64_000),
        ("mistral-large-latest", 32_000),
        ("my-own-model", None),
        ("demo", None),
    ],
)
def test_known_windows(model: str, tokens: int | None) -> None:
    assert context_window(model) == tokens


def test_a_window_is_what_the_agent_wants_if_the_model_has_it() -> None:
    assert window_for("gpt-4o", 60_000) == 60_000
    assert window_for("gpt-4", 60_000) == int(8_192 * SHARE)
    assert window_for("my-own-model", 60_000) == 60_000
    windows = [window for provider in extensions.providers for window in provider.windows]
    assert len(windows) > 20 and all(window.tokens >= 2_000 for window in windows)
