"""The demo is installed only in a trial: what an installation with a real model has, and has not."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

from agents import extensions, profiles
from agents.models import installed_tools
from demo.apps import DemoConfig
from tests.support.processes import ROOT, clean_environment

SHOW = """
import json, sys
from django.apps import apps
from agents.models import Agent, ensure_default_agent, installed_tools
agent = ensure_default_agent()
print(json.dumps({"demo": apps.is_installed("demo"), "tools": agent.tools, "told": agent.spec().tools,
                  "installed": installed_tools().names}))
"""
READING = ["calculator", "current_time", "fetch_url"]
BUILT_IN = [*READING, "notes", "schedules", "triggers"]
DEMO = ["slow_research", "unreliable"]


def manage(data: Path, *arguments: str, **env: str) -> str:
    """Run manage.py in a process of its own; what it printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=clean_environment(HOLDFAST_TRIAL="1", HOLDFAST_DATA=str(data), **env),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown(data: Path, **env: str) -> dict[str, object]:
    """The tools of the default agent; it is made if there is none."""
    found: dict[str, object] = json.loads(manage(data, "shell", "-v", "0", "-c", SHOW, **env))
    return found


@pytest.fixture
def data(database_template: Path, tmp_path: Path) -> Path:
    """A data folder with a migrated database that has no agent."""
    shutil.copy(database_template, tmp_path / "holdfast.sqlite3")
    with closing(sqlite3.connect(tmp_path / "holdfast.sqlite3")) as rows, rows:
        rows.execute("DELETE FROM agents_agent")
    return tmp_path


def test_a_new_agent_of_a_real_model_reads_and_nothing_else(data: Path) -> None:
    assert manage(data, "setup_agent", OPENAI_API_KEY="k") == "Default agent: Assistant\n"
    assert shown(data, OPENAI_API_KEY="k") == {
        "demo": False,
        "tools": READING,
        "told": READING,
        "installed": BUILT_IN,
    }


@pytest.mark.exhaustive
def test_an_agent_of_a_trial_goes_on_without_the_demo_when_a_real_model_comes(data: Path) -> None:
    login = manage(data, "setup_demo")
    assert login.startswith("demo ")
    # With a key `make run` asks for the same login by another command: the demo's is not there any more.
    assert manage(data, "setup_trial", OPENAI_API_KEY="k") == login
    found = shown(data, OPENAI_API_KEY="k")
    assert found["tools"] == [*READING, *DEMO, "notes"]
    assert found["told"] == [*READING, "notes"]


def test_in_a_trial_the_demo_is_there() -> None:
    """The tests run without a key, as a trial does."""
    assert apps.is_installed("demo") and settings.HOLDFAST_DEMO_MODEL
    assert set(DEMO) < set(installed_tools().names)


def test_the_demo_model_is_known_by_its_names() -> None:
    assert DemoConfig.name == "demo" and "demo" in extensions.providers
    for name in ("demo", "demo-slow", "demo-fast", "demo-120"):
        profile = profiles.guess("http://127.0.0.1:8399/v1", name)
        assert profile.name == "demo" and profile.sees(name)
    assert profiles.guess("http://127.0.0.1:8399/v1", "demo-cracy").name != "demo"
