"""What `make image` decides without an engine, and what the proxy of the compose file refuses to start with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.containers import bases
from tests.support import compose
from tests.support.processes import ROOT

SECRETS = {"DJANGO_SECRET_KEY": "of-tests-" * 8, "POSTGRES_PASSWORD": "p" * 40, "VALKEY_PASSWORD": "v" * 40}


def test_there_is_a_stand_in_for_every_image_that_others_have_made() -> None:
    texts = [(ROOT / name).read_text() for name in ("Dockerfile", "docker-compose.yml")]
    names = bases.needed(*texts)
    assert {name.split(":")[0] for name in names} == {"node", "python", "nginx", "valkey/valkey", "postgres"}
    for name in names:
        found = [one for start, one in bases.STAND_INS.items() if name.startswith(start)]
        assert len(found) == 1, name
        assert found[0].tree in bases.TREES


def test_another_recipe_makes_another_tree() -> None:
    one = bases.TREES["python"]
    assert one.key() == bases.Tree(one.suite, one.packages, one.hooks).key()
    assert one.key() != bases.Tree(one.suite, (*one.packages, "git"), one.hooks).key()


@pytest.mark.skipif(
    subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0,
    reason="Only root of the machine can leave its network.",
)
def test_the_network_of_a_private_engine_reaches_nothing_but_itself() -> None:
    program = (
        "import socket; from tests.containers import network; network.leave(); "
        "print(socket.if_nameindex()); socket.create_server(('127.0.0.1', 0))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[(1, 'lo')]\n", "")


def start_proxy(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """deploy/proxy/start.sh with a program instead of nginx that shows what it was given."""
    (folder / "nginx").write_text('#!/bin/sh\ncat "$2"\n')
    (folder / "nginx").chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "TMPDIR": str(folder), **environment}
    return subprocess.run(["sh", ROOT / "deploy/proxy/start.sh"], env=env, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("value", "believed"), [("1", "1"), ("yes", "1"), ("TRUE", "1"), ("0", "0"), ("off", "0"), ("", "0")]
)
def test_the_proxy_believes_another_one_where_it_is_told_to(
    value: str, believed: str, tmp_path: Path
) -> None:
    assert f"map {believed} $client {{" in start_proxy(tmp_path, DJANGO_BEHIND_PROXY=value).stdout


def test_the_proxy_lets_pass_what_the_web_servers_take(tmp_path: Path) -> None:
    assert "client_max_body_size 51048576;" in start_proxy(tmp_path).stdout
    assert "client_max_body_size 61048576;" in start_proxy(tmp_path, HOLDFAST_WEBHOOK_BYTES="60000000").stdout
    less = start_proxy(tmp_path, HOLDFAST_MAX_IMPORT_BYTES="1000").stdout
    assert "client_max_body_size 27262976;" in less
    assert "@" not in start_proxy(tmp_path).stdout.split("\n", 3)[3]


@pytest.mark.parametrize(
    ("name", "value"),
    [("DJANGO_BEHIND_PROXY", "maybe"), ("HOLDFAST_WEBHOOK_BYTES", "25M"), ("HOLDFAST_MAX_FILE_BYTES", "-1")],
)
def test_the_proxy_says_which_setting_it_cannot_start_with(name: str, value: str, tmp_path: Path) -> None:
    done = start_proxy(tmp_path, **{name: value})
    assert done.returncode == 2
    assert name in done.stderr and "must be" in done.stderr


def test_the_proxy_is_told_what_it_needs_and_no_secret() -> None:
    given = dict.fromkeys(compose.documented(), "1") | SECRETS
    environment = compose.load(ROOT / "docker-compose.yml", given)["proxy"]["environment"]
    assert environment == {
        "DJANGO_BEHIND_PROXY": "1",
        "HOLDFAST_MAX_FILE_BYTES": "1",
        "HOLDFAST_MAX_IMPORT_BYTES": "1",
        "HOLDFAST_WEBHOOK_BYTES": "1",
    }
