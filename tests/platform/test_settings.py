"""The settings as a process sees them at its start, and the system checks over them."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks

from agents.models import Agent
from tests.support.processes import ROOT, clean_environment

SHOW = """
import json
from config import settings as s
print(json.dumps({name: getattr(s, name) for name in NAMES}, default=str))
"""


def start(data: Path, *names: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of their own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", SHOW.replace("NAMES", repr(names))],
        cwd=ROOT,
        env=clean_environment(HOLDFAST_DATA=str(data), **env),
        capture_output=True,
        text=True,
    )


def show(data: Path, *names: str, **env: str) -> dict:
    """The values of some settings."""
    done = start(data, *names, **env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_a_secret_key_it_does_not_start_and_says_what_to_set(tmp_path: Path) -> None:
    done = start(tmp_path)
    assert done.returncode != 0
    assert "DJANGO_SECRET_KEY is not set." in done.stderr
    assert "HOLDFAST_TRIAL=1" in done.stderr


@pytest.mark.parametrize(
    "weak",
    [
        pytest.param("changeme", id="short"),
        pytest.param("aB3-" * 12, id="48 characters"),
        pytest.param("k" * 60, id="one letter"),
        pytest.param("django-insecure-" + "aB3-xyz" * 8, id="made in passing"),
    ],
)
def test_a_key_that_can_be_guessed_is_refused_with_a_hint(weak: str, tmp_path: Path) -> None:
    for trial in ("0", "1"):
        done = start(tmp_path, DJANGO_SECRET_KEY=weak, HOLDFAST_TRIAL=trial)
        assert done.returncode != 0
        assert "DJANGO_SECRET_KEY can be guessed" in done.stderr and "token_urlsafe(50)" in done.stderr
        assert "DJANGO_SECRET_KEY_FALLBACKS" in done.stderr and weak not in done.stderr


def test_keys_of_before_may_be_weak(tmp_path: Path) -> None:
    told = {"DJANGO_SECRET_KEY": "of-tests-" * 8, "DJANGO_SECRET_KEY_FALLBACKS": "changeme, another"}
    assert show(tmp_path, "SECRET_KEY_FALLBACKS", **told) == {"SECRET_KEY_FALLBACKS": ["changeme", "another"]}


def test_a_server_passes_djangos_checks_for_deployment(tmp_path: Path) -> None:
    """As .env.example and docker-compose.yml set it up, behind a proxy; a warning would fail it."""
    env = clean_environment(
        HOLDFAST_DATA=str(tmp_path),
        DJANGO_SECRET_KEY="of-tests-" * 8,
        DJANGO_ALLOWED_HOSTS="chat.example.com",
        DJANGO_BEHIND_PROXY="1",
        DATABASE_URL="postgres://holdfast:secret@127.0.0.1:1/holdfast",
        HOLDFAST_DEMO_URL="http://demo:8399/v1",
    )
    argv = [sys.executable, "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    weaker = {"DJANGO_INSECURE_HTTP": "1"}
    done = subprocess.run(argv, cwd=ROOT, env=env | weaker, capture_output=True, text=True)
    assert done.returncode != 0 and "SESSION_COOKIE_SECURE" in done.stderr


def test_a_trial_makes_its_own_key_once_and_keeps_it_private(tmp_path: Path) -> None:
    first = show(tmp_path, "SECRET_KEY", HOLDFAST_TRIAL="1")["SECRET_KEY"]
    assert len(first) >= 50
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert show(tmp_path, "SECRET_KEY", HOLDFAST_TRIAL="1")["SECRET_KEY"] == first


def test_production_defaults_are_the_careful_ones(tmp_path: Path) -> None:
    found = show(
        tmp_path,
        "DEBUG",
        "SESSION_COOKIE_SECURE",
        "SESSION_COOKIE_NAME",
        "CSRF_COOKIE_SECURE",
        "CSRF_COOKIE_NAME",
        "SECURE_HSTS_SECONDS",
        "ALLOWED_HOSTS",
        DJANGO_SECRET_KEY="of-tests-" * 8,
    )
    assert found == {
        "DEBUG": False,
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_NAME": "__Host-sessionid",
        "CSRF_COOKIE_SECURE": True,
        "CSRF_COOKIE_NAME": "__Host-csrftoken",
        "SECURE_HSTS_SECONDS": 3600,
        "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"],
    }


@pytest.mark.parametrize(
    ("env", "demo", "answers", "address"),
    [
        ({"HOLDFAST_DEMO_PORT": "9001"}, True, True, "http://127.0.0.1:9001/v1"),
        ({"HOLDFAST_DEMO_URL": "http://demo:8399/v1"}, True, True, "http://demo:8399/v1"),
        ({"OPENAI_API_KEY": "k"}, False, False, "https://api.openai.com/v1"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"}, False, False, "http://127.0.0.1:11434/v1"),
        ({"OPENAI_API_KEY": "k", "HOLDFAST_DEMO": "on"}, True, False, "https://api.openai.com/v1"),
        ({"HOLDFAST_DEMO": "off"}, False, False, "https://api.openai.com/v1"),
    ],
)
def test_a_model_of_ones_own_takes_the_place_of_the_demo(
    env: dict[str, str], demo: bool, answers: bool, address: str, tmp_path: Path
) -> None:
    names = ("HOLDFAST_DEMO", "HOLDFAST_DEMO_MODEL", "OPENAI_BASE_URL", "OPENAI_MODEL", "INSTALLED_APPS")
    found = show(tmp_path, *names, HOLDFAST_TRIAL="1", **env)
    assert (found["HOLDFAST_DEMO"], found["HOLDFAST_DEMO_MODEL"], found["OPENAI_BASE_URL"]) == (
        demo,
        answers,
        address,
    )
    assert ("demo" in found["INSTALLED_APPS"]) is demo
    assert found["OPENAI_MODEL"] == ("demo" if answers else "gpt-5-mini")


def test_idle_sockets_of_the_doorbell_live_and_are_many() -> None:
    host = settings.CHANNEL_LAYERS["default"]["CONFIG"]["hosts"][0]
    assert host["socket_timeout"] is None
    assert host["max_connections"] >= 10_000


def test_csp_allows_nothing_inline_and_nobody_else(client) -> None:
    header = client.get("/accounts/login/")["Content-Security-Policy"]
    assert "unsafe" not in header
    assert "http:" not in header
    assert "https:" not in header
    for part in ("default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"):
        assert part in header


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"HOLDFAST_LEASE_MS": 1000, "HOLDFAST_RENEW_MS": 900}, "holdfast.E001"),
        ({"OPENAI_API_KEY": "k", "OPENAI_MODEL": "demo"}, "holdfast.E002"),
        ({"FRONTEND_DIST": Path("/nowhere")}, "holdfast.W001"),
        (
            {"HOLDFAST_DEMO_MODEL": False, "OPENAI_BASE_URL": "https://api.openai.com/v1"},
            "holdfast.W004",
        ),
        ({"HOLDFAST_TRIAL": True}, "holdfast.E003"),
        ({"HOLDFAST_TEST_CLOCK": "/tmp/clock"}, "holdfast.E004"),
        ({"HOLDFAST_EMAIL": True}, "holdfast.W003"),
    ],
)
def test_settings_that_fit_badly_are_found_with_a_hint(settings, changes: dict, check: str) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    found = [message for message in run_checks(include_deployment_checks=True) if message.id == check]
    assert len(found) == 1
    assert found[0].hint


@pytest.mark.django_db
def test_an_agent_that_is_to_write_titles_must_be_there(settings: Any) -> None:
    def told() -> list[str]:
        return [one.id for one in run_checks(databases=["default"]) if one.id == "holdfast.W007"]

    assert told() == []
    settings.HOLDFAST_TITLE_AGENT = "namer"
    assert told() == ["holdfast.W007"]
    agent = Agent.objects.create(slug="namer", name="Namer")
    assert told() == []
    agent.enabled = False
    agent.save()
    assert told() == ["holdfast.W007"]


def test_the_default_settings_pass_the_checks() -> None:
    assert [message.id for message in run_checks() if message.id != "holdfast.W001"] == []


TOKEN = "a-token-of-tests-that-is-long-enough"


def test_metrics_and_traces_are_off_unless_they_are_asked_for(tmp_path: Path) -> None:
    names = ("HOLDFAST_METRICS_PORT", "HOLDFAST_METRICS_HOST", "HOLDFAST_TRACES_URL", "LOG_FORMAT")
    assert show(tmp_path, *names, DJANGO_SECRET_KEY="of-tests-" * 8) == {
        "HOLDFAST_METRICS_PORT": 0,
        "HOLDFAST_METRICS_HOST": "127.0.0.1",
        "HOLDFAST_TRACES_URL": "",
        "LOG_FORMAT": "line",
    }


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"HOLDFAST_METRICS_HOST": "0.0.0.0"}, "HOLDFAST_METRICS_TOKEN"),
        ({"HOLDFAST_METRICS_HOST": "::"}, "HOLDFAST_METRICS_TOKEN"),
        ({"HOLDFAST_METRICS_HOST": "metrics.example"}, "an address of this machine"),
        ({"HOLDFAST_METRICS_TOKEN": "s3cret"}, "24 characters"),
        ({"HOLDFAST_METRICS_TOKEN": "s3cret with blanks in the middle"}, "without blanks"),
        ({"HOLDFAST_METRICS_PORT": "70000"}, "between 0 and 65535"),
        ({"HOLDFAST_METRICS_PORTS": "0"}, "between 1 and 1000"),
        ({"HOLDFAST_TRACES_URL": "collector:4318"}, "an address like http://127.0.0.1:4318"),
        ({"HOLDFAST_TRACES_URL": "http://me:s3cret@collector:4318"}, "HOLDFAST_TRACES_HEADERS"),
        ({"HOLDFAST_TRACES_HEADERS": "s3cret"}, "Entry 1 is none"),
        ({"HOLDFAST_TRACES_HEADERS": "a=b,s3cret here"}, "Entry 2 is none"),
        ({"HOLDFAST_TRACES_PERCENT": "101"}, "between 0 and 100"),
        ({"HOLDFAST_LOG_FORMAT": "xml"}, "must be one of: line, json"),
    ],
)
def test_telemetry_that_cannot_be_is_refused_with_a_hint(
    told: dict[str, str], said: str, tmp_path: Path
) -> None:
    done = start(tmp_path, DJANGO_SECRET_KEY="of-tests-" * 8, **told)
    assert done.returncode != 0
    (name,) = told
    assert said in done.stderr and name in done.stderr and "s3cret" not in done.stderr


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"HOLDFAST_COMPATIBILITY_VERSION": "0.0"}, "HOLDFAST_COMPATIBILITY_VERSION must be one of: 0.1"),
        (
            {"HOLDFAST_COMPATIBILITY_VERSION": "0.1", "HOLDFAST_TITLE_AGENT": "namer"},
            "HOLDFAST_TITLE_AGENT has titles written that 0.1 cannot read",
        ),
    ],
)
def test_a_release_that_cannot_be_gone_back_to_is_refused_with_a_hint(
    told: dict[str, str], said: str, tmp_path: Path
) -> None:
    done = start(tmp_path, DJANGO_SECRET_KEY="of-tests-" * 8, **told)
    assert done.returncode != 0
    assert said in done.stderr


def test_telemetry_that_is_asked_for_is_as_it_is_asked_for(tmp_path: Path) -> None:
    told = {
        "HOLDFAST_METRICS_HOST": "0.0.0.0",
        "HOLDFAST_METRICS_TOKEN": TOKEN,
        "HOLDFAST_TRACES_URL": "http://collector:4318",
        "HOLDFAST_TRACES_HEADERS": "authorization=Bearer abc=, x-team=ours",
    }
    found = show(tmp_path, *told, DJANGO_SECRET_KEY="of-tests-" * 8, **told)
    assert found["HOLDFAST_TRACES_URL"] == "http://collector:4318/v1/traces"
    assert found["HOLDFAST_TRACES_HEADERS"] == {"authorization": "Bearer abc=", "x-team": "ours"}
    assert (found["HOLDFAST_METRICS_HOST"], found["HOLDFAST_METRICS_TOKEN"]) == ("0.0.0.0", TOKEN)
