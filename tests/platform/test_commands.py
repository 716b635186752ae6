"""The containers, the supervisor and the tests start the same commands: those of scripts/processes.py."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from supervisor.options import ServerOptions

from config import settings
from scripts import processes, supervise
from tests.support.compose import FIXED, FULL, NOT_FOR_SERVERS, SCALES
from tests.support.ports import claim_port
from tests.support.processes import ROOT, Process, Stack, clean_environment
from tests.support.waiting import wait_until

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = ("web", "worker", "demo", "migrate")


def portable(argv: list[str]) -> list[str]:
    """A command with its interpreter called `python`, as in an image."""
    return ["python" if part == sys.executable else part for part in argv]


@pytest.mark.parametrize("name", OURS)
def test_compose_starts_the_one_command(name: str) -> None:
    assert COMPOSE["services"][name]["command"] == portable(processes.command(name))


def test_image_starts_web_as_somebody_who_is_not_root() -> None:
    commands = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    # The first process of a container does not hear a SIGTERM before it has a handler: it is held for it.
    held = ["env", "--block-signal=TERM"]
    assert [yaml.safe_load(command) for command in commands] == [[*held, *portable(processes.command("web"))]]
    user = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert user
    assert user[-1] not in ("root", "0")


def test_supervisor_starts_the_one_command_and_starts_it_again(tmp_path: Path) -> None:
    text = supervise.supervisor_conf(
        ["valkey", "demo", "worker", "web"], root=tmp_path, data=tmp_path / "100%"
    )
    conf = configparser.RawConfigParser()
    conf.read_string(text)
    for name in ("valkey", "demo", "worker", "web"):
        program = conf[f"program:{name}"]
        assert shlex.split(program["command"].replace("%%", "%")) == processes.command(name)
        assert program["autorestart"] == "true"
        assert "100%%" in program["stdout_logfile"]


def test_supervisor_starts_as_many_as_are_asked_for(tmp_path: Path) -> None:
    names = [*supervise.several("worker", 2), *supervise.several("web", 3)]
    assert names == ["worker", "worker2", "web", "web2", "web3"]
    conf = configparser.RawConfigParser()
    conf.read_string(supervise.supervisor_conf(names, root=tmp_path, data=tmp_path))
    for name in names:
        kind = name.rstrip("23")
        assert shlex.split(conf[f"program:{name}"]["command"]) == processes.command(kind)
        assert conf[f"program:{name}"]["stdout_logfile"].endswith(f"/{name}.log")


def test_supervisor_reads_the_paths_that_were_meant(tmp_path: Path) -> None:
    """A percent sign before a blank and a letter; supervisord itself reads its configuration."""
    data = tmp_path / "100% 我的 data"
    (data / "logs").mkdir(parents=True)
    (data / "supervisord.conf").write_text(supervise.supervisor_conf(["web"], root=data, data=data))
    options = ServerOptions()
    options.realize(["-c", str(data / "supervisord.conf")])
    (web,) = options.process_group_configs[0].process_configs
    assert (web.directory, web.stdout_logfile) == (str(data), str(data / "logs/web.log"))
    assert shlex.split(web.command) == processes.command("web")
    assert options.logfile == str(data / "logs/supervisord.log")
    assert options.pidfile == str(data / "supervisord.pid")


def test_tests_start_the_one_command(database_template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Process, "preloaded", False)  # as everywhere but in tests
    with Stack(template=database_template) as stack:
        process = stack.start("demo")
        assert process.argv == processes.command("demo")
        assert process.alive
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode().strip("\0").split("\0")
        # It has become the server itself: a signal to this pid reaches it and nothing in between.
        assert "demo.server:application" in shown


def test_compose_waits_for_health_and_runs_nothing_as_root() -> None:
    for name, service in COMPOSE["services"].items():
        assert service.get("healthcheck"), name
        if service.get("build") is None:
            assert service["user"] not in ("root", "0"), name
    for name in ("web", "worker"):
        wanted = COMPOSE["services"][name]["depends_on"]
        assert wanted["migrate"] == {"condition": "service_completed_successfully"}
        assert wanted["valkey"] == wanted["postgres"] == {"condition": "service_healthy"}


def test_valkey_in_compose_keeps_every_write() -> None:
    command = " ".join(COMPOSE["services"]["valkey"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_no_secret_is_baked_in() -> None:
    for name, service in COMPOSE["services"].items():
        environment: dict[str, Any] = service.get("environment", {})
        for variable, value in environment.items():
            if re.search(r"KEY|PASSWORD|SECRET", variable):
                assert value is None or value.startswith("${"), f"{name}: {variable}"
        assert "PASSWORD" not in DOCKERFILE
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if re.match(r"[A-Z_]+=", line)
    )
    assert example["DJANGO_SECRET_KEY"] == example["POSTGRES_PASSWORD"] == example["OPENAI_API_KEY"] == ""


def test_what_compose_asks_for_is_in_the_example_and_nothing_else() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    listed = set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert set(re.findall(r"\$\{([A-Z_]+):\?", text)) <= listed
    assert (
        listed <= set(re.findall(r"\$\{([A-Z_]+)", text)) | COMPOSE["services"]["web"]["environment"].keys()
    )


def test_every_setting_reaches_the_containers() -> None:
    """tests/platform/test_docs.py holds the documented settings to the same list."""
    read = set(re.findall(r'ENV\.\w+\(\s*"([A-Z_]+)"', (ROOT / "config/settings.py").read_text()))
    for service in FULL:
        given = set(COMPOSE["services"][service]["environment"])
        assert given == read - FIXED - NOT_FOR_SERVERS - SCALES.keys(), service


def test_the_demo_model_is_told_no_secret_and_sees_no_data() -> None:
    demo = COMPOSE["services"]["demo"]
    assert demo["environment"] == {"HOLDFAST_DEMO_HOST": "0.0.0.0"}
    assert demo["volumes"] == []


def test_the_demo_models_process_starts_without_secrets_and_keeps_none(tmp_path: Path) -> None:
    """Not even those of whoever starts it: its environment, as another process sees it, is without."""
    port, secret = claim_port(), "hidden-0123456789"
    names: tuple[str, ...] = (
        "DJANGO_SECRET_KEY",
        "DJANGO_SECRET_KEY_FALLBACKS",
        "OPENAI_API_KEY",
        "HOLDFAST_MODEL_KEYS",
    )
    names += ("DATABASE_URL", "REDIS_URL", "HOLDFAST_EMAIL_URL", "POSTGRES_PASSWORD", "SOME_TOKEN")
    for told in ({}, dict.fromkeys(names, secret)):
        env = clean_environment(HOLDFAST_DEMO_PORT=str(port), HOLDFAST_DATA=str(tmp_path / "no"), **told)
        process = subprocess.Popen(processes.command("demo"), cwd=ROOT, env=env, stderr=subprocess.PIPE)
        try:
            alive = [*portable(processes.command("demo"))[:2], "scripts.alive", "demo"]
            alive[0] = sys.executable
            wait_until(
                lambda a=alive, e=env: subprocess.run(a, cwd=ROOT, env=e).returncode == 0, 60, "the demo"
            )
            assert secret not in Path(f"/proc/{process.pid}/environ").read_text()
        finally:
            process.terminate()
            process.communicate(timeout=20)
    assert not (tmp_path / "no").exists()


def test_every_process_has_a_command_that_exists() -> None:
    fake = ModuleType("settings")
    fake.__dict__.update(vars(settings))
    for name, build in processes.PROCESSES.items():
        argv = build(fake)
        assert Path(argv[0]).is_absolute(), name
        assert all(isinstance(part, str) for part in argv), name


def test_unknown_process_is_refused_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.processes", "webb"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["Usage: python -m scripts.processes web|worker|demo|valkey|migrate"]


def test_bad_setting_is_said_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        processes.command("web"),
        cwd=ROOT,
        env=clean_environment(HOLDFAST_DATA=str(tmp_path), HOLDFAST_TRIAL="1", HOLDFAST_PORT="eighty"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "web cannot start: HOLDFAST_PORT must be a whole number, between 1 and 65535."
    ]
