"""What the empty page of the chat suggests, the demo model understands: a newcomer's first click must work."""

import re
from pathlib import Path

import pytest

from demo.requests import find

DICTIONARIES = Path(__file__).resolve().parents[2] / "frontend" / "src" / "ui" / "i18n"
WANTED = {
    "time": ["current_time"],
    "sum": ["calculator"],
    "research": ["slow_research"],
    "both": ["current_time", "calculator"],
    "long": [""],
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_suggestion_means_what_it_says(language: str) -> None:
    text = (DICTIONARIES / f"{language}.ts").read_text()
    prompts = dict(re.findall(r'"empty\.(\w+)_prompt": "([^"]*)"', text))
    assert {name: [request.tool for request in find(prompt)] for name, prompt in prompts.items()} == WANTED
