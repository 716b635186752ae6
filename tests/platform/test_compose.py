"""What an operator meets with Docker Compose: every setting of docs/deployment.md in every container, an answer where
it is published, the model that the key is for, and a word that helps when the data folder is somebody else's."""

from __future__ import annotations

import json
import logging
import logging.config
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from config.values import unwritable
from scripts.processes import command
from tests.support import compose
from tests.support.compose import FULL, MADE, SCALES
from tests.support.container import without_capabilities
from tests.support.processes import ROOT, clean_environment

FILE = ROOT / "docker-compose.yml"
SECRETS = {"DJANGO_SECRET_KEY": "of-tests-" * 8, "POSTGRES_PASSWORD": "p" * 40, "VALKEY_PASSWORD": "v" * 40}


@pytest.mark.parametrize("service", FULL)
def test_every_documented_setting_reaches_the_containers(service: str) -> None:
    settings = compose.passed_on()
    assert len(settings) > 40
    given = {name: f"{name.lower()}-of-mine" for name in settings} | SECRETS
    environment = compose.load(FILE, given)[service]["environment"]
    assert {name: environment.get(name) for name in settings} == {name: given[name] for name in settings}
    assert MADE <= environment.keys()


@pytest.mark.parametrize(("name", "service"), SCALES.items())
def test_a_setting_says_how_many_containers_there_are(name: str, service: str) -> None:
    """The proxy finds them all (deploy/proxy), so that they need no port of their own."""
    said = compose.load(FILE, SECRETS)[service]["deploy"]["replicas"]
    assert [compose.interpolate(said, given) for given in ({}, {name: "3"})] == ["1", "3"]


def test_what_stands_in_the_example_file_is_enough_to_start(tmp_path: Path) -> None:
    """Nothing that .env leaves blank is taken for a value."""
    found = loaded(compose.read_env(ROOT / ".env.example") | SECRETS, tmp_path)
    assert found["HOLDFAST_DEMO_MODEL"] is True
    assert found["OPENAI_BASE_URL"] == "http://demo:8399/v1"
    assert found["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]


def test_a_key_alone_talks_to_its_provider_and_not_to_the_demo_model(tmp_path: Path) -> None:
    given = compose.read_env(ROOT / ".env.example") | SECRETS | {"OPENAI_API_KEY": "a-key"}
    found = loaded(given, tmp_path)
    assert found["HOLDFAST_DEMO_MODEL"] is False
    assert (found["OPENAI_BASE_URL"], found["OPENAI_MODEL"]) == ("https://api.openai.com/v1", "gpt-5-mini")


def test_it_answers_where_compose_publishes_whatever_names_it_is_given(tmp_path: Path) -> None:
    services = compose.load(FILE, SECRETS)
    assert [compose.interpolate(port, SECRETS) for port in services["proxy"]["ports"]] == [
        "127.0.0.1:8000:8080"
    ]
    assert not any(services[name].get("ports") for name in services if name != "proxy")
    found = loaded(SECRETS | {"DJANGO_ALLOWED_HOSTS": "chat.example.com"}, tmp_path)
    assert found["ALLOWED_HOSTS"] == ["chat.example.com", "localhost", "127.0.0.1", "[::1]"]


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "add the name in the address to DJANGO_ALLOWED_HOSTS"), ("zh-CN", "DJANGO_ALLOWED_HOSTS")],
)
def test_another_name_is_refused_in_the_operators_words(language: str, said: str, settings) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    answer = Client().get("/", headers={"host": "chat.example.com", "accept-language": language})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert ("Bad Request" in answer.content.decode()) is False


@pytest.mark.parametrize(
    ("headers", "secure", "said"),
    [
        ({"origin": "https://chat.example.com"}, False, "DJANGO_CSRF_TRUSTED_ORIGINS"),
        ({}, True, "DJANGO_INSECURE_HTTP=1"),
        ({}, False, "This page was open for too long"),
    ],
)
def test_what_a_proxy_keeps_from_us_is_told_in_the_operators_words(
    headers: dict[str, str], secure: bool, said: str, settings
) -> None:
    """It loses the host, or the scheme; or there is no HTTPS, so that the browser keeps no cookie."""
    settings.CSRF_COOKIE_SECURE = secure
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", headers=headers)
    assert answer.status_code == 403
    assert said in answer.content.decode()


def test_another_name_is_one_line_in_the_log(settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    logging.config.dictConfig(settings.LOGGING | {"incremental": False})
    logger = logging.getLogger("django.security.DisallowedHost")
    handler = logging.StreamHandler(sys.stdout)
    logger.addHandler(handler)
    try:
        Client().get("/", headers={"host": "chat.example.com"})
    finally:
        logger.removeHandler(handler)
    assert capsys.readouterr().out.splitlines() == [
        "Invalid HTTP_HOST header: 'chat.example.com'. Add the name to DJANGO_ALLOWED_HOSTS if people use it."
    ]


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_folder_of_somebody_else_is_one_line_that_says_what_to_do(name: str, tmp_path: Path) -> None:
    """As a bind mount of root's in a container. Root cannot be refused before it has given up its capabilities."""
    data, owner, me = Path("/"), 0, os.geteuid()
    if me == 0:
        data, owner = tmp_path, 10001
        os.chown(data, owner, owner)
        data.chmod(0o755)
    env = clean_environment(
        HOLDFAST_DATA=str(data),
        DJANGO_SECRET_KEY="of-tests-" * 8,
        DATABASE_URL="postgres://nobody@127.0.0.1:1/x",
    )
    done = subprocess.run(
        command(name), cwd=ROOT, env=env, preexec_fn=without_capabilities, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"{name} cannot start: HOLDFAST_DATA: the folder {data} belongs to user {owner}, and this process is user "
        f"{me}, who may not write there. Give it away with chown -R {me} (where it is a bind mount: the folder of the "
        "host that is mounted there)."
    ]


def test_a_folder_that_is_mounted_for_reading_is_told_too(tmp_path: Path) -> None:
    assert unwritable(tmp_path) == ""
    argv = [sys.executable, "-c", f"from config.values import *; print(unwritable(Path({str(tmp_path)!r})))"]
    tmp_path.chmod(0o555)
    done = subprocess.run(argv, cwd=ROOT, preexec_fn=without_capabilities, capture_output=True, text=True)
    assert done.stdout == (
        f"the folder {tmp_path} cannot be written to. Mount it for writing, or run: chmod u+rwx {tmp_path}\n"
    )


def loaded(env: dict[str, str], data: Path) -> dict:
    """The settings that web has with this .env."""
    environment = compose.load(FILE, env)["web"]["environment"]
    names = ("HOLDFAST_DEMO_MODEL", "OPENAI_BASE_URL", "OPENAI_MODEL", "ALLOWED_HOSTS")
    script = f"import json; from config import settings as s; print(json.dumps({{n: getattr(s, n) for n in {names}}}))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=ROOT,
        env=clean_environment(**environment, HOLDFAST_DATA=str(data)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict = json.loads(done.stdout)
    return found
