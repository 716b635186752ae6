"""/healthz says that web lives, /readyz that people can be served, and what is missing if not."""

from __future__ import annotations

import subprocess

import pytest

from scripts.processes import command
from tests.support.processes import ROOT, Stack
from tests.support.waiting import wait_until

THERE = {
    "database": True,
    "redis": True,
    "queue": True,
    "doorbell": True,
    "worker": True,
    "warnings": [],
}


@pytest.mark.slow
def test_readiness_follows_what_is_there(stack: Stack) -> None:
    stack.start("web")
    assert stack.json("/readyz") == THERE | {"ready": False, "missing": ["worker"], "worker": False}
    assert stack.status("/readyz") == 503

    stack.start("worker")
    wait_until(lambda: stack.status("/readyz") == 200, 20, "the worker to be seen")
    assert stack.json("/readyz") == THERE | {"ready": True, "missing": []}
    assert stack.manage("ready").strip() == "ready"
    assert stack.manage("ready", "worker").strip() == "ready"

    stack.valkey.kill()
    wait_until(lambda: stack.status("/readyz") == 503, 20, "the loss of Redis to be seen")
    assert stack.json("/readyz")["missing"] == ["redis", "queue", "doorbell", "worker"]
    # Alive all the same: restarting web would not bring Redis back.
    assert stack.status("/healthz") == 200

    stack.valkey.start()
    wait_until(lambda: stack.status("/readyz") == 200, 40, "web and worker to find Redis again")
    assert stack.process("web").alive
    assert stack.process("worker").alive


def test_ready_command_names_what_is_missing(stack: Stack) -> None:
    done = subprocess.run(
        [command("web")[0], "manage.py", "ready"], cwd=ROOT, env=stack.env, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "CommandError: Missing: worker."


def test_container_health_check_asks_the_process_itself(stack: Stack) -> None:
    def alive(*name: str) -> int:
        argv = [command("web")[0], "-m", "scripts.alive", *name]
        # Web answers only to the names it knows, and a container's own address is none of them.
        env = stack.env | {"DJANGO_ALLOWED_HOSTS": "chat.example.com"}
        return subprocess.run(argv, cwd=ROOT, env=env).returncode

    assert alive() == 1
    assert alive("demo") == 1
    stack.start("web", DJANGO_ALLOWED_HOSTS="127.0.0.1,chat.example.com")
    stack.start("demo")
    assert alive() == 0
    assert alive("demo") == 0


def test_health_needs_no_login_and_refuses_to_be_written_to(client) -> None:
    assert client.get("/healthz").content == b"alive\n"
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405
    assert "no-store" in client.get("/healthz")["Cache-Control"]
