"""A support bundle has what helps, and no secret and no word of anybody, wherever these were put."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents.models import Agent
from agents.serving.models import ModelProvider
from chat.entrances.feishu.models import FeishuApp
from chat.entrances.triggers.models import Trigger
from chat.models import Event, Fault
from chat.support import rotation
from chat.support.clock import now_ms
from chat.telemetry.bundle.masking import MASK, Mask, log_lines, setting
from tests.support import rows
from tests.support.processes import ROOT, clean_environment

#: What must not be found, as it is or in part.
PLANTED = {
    "secret key": "planted-secret-key-" + "k" * 40,
    "secret key of before": "planted-older-key-" + "o" * 40,
    "environment's model key": "sk-planted-environment-0001",
    "further model key": "planted-further-model-key",
    "provider's key": "planted-provider-key",
    "database password": "planted-database-word",
    "redis password": "planted:redis@word",
    "mail password": "planted-mail-word",
    "metrics token": "planted-metrics-token-of-24",
    "trace header": "planted-trace-header",
    "feishu secret": "planted-feishu-secret",
    "webhook secret": "planted-webhook-secret",
    "message": "planted words of a person",
    "answer": "planted words of a model",
    "title": "planted title",
    "prompt": "planted prompt of an agent",
    "refused request": "planted body of a request",
}


@pytest.fixture
def house(transactional_db: None, redis_url: str, alice: Any, settings: Any, tmp_path: Path) -> Path:
    """An installation with a secret in every place that may hold one; the folder with its data."""
    row = rows.conversation(alice, title=PLANTED["title"])
    run = rows.run(row, 2)
    rows.message(row, 1, PLANTED["message"])
    rows.step(row, run, 3, PLANTED["answer"])
    Event.objects.create(
        conversation=row,
        seq=40,
        type="message.added",
        at=1,
        text=json.dumps({"text": PLANTED["message"]}),
        tag="t",
    )
    Fault.objects.create(
        conversation=row, run="r", step="s", kind="E1", text=PLANTED["refused request"], model="m", profile="p",
        address="https://x.example", digest="d", request=PLANTED["refused request"], created_at=now_ms(),
    )  # fmt: skip
    Agent.objects.create(slug="planted", name="A", prompt=PLANTED["prompt"])
    provider = ModelProvider(name="P", address="https://p.example/v1")
    provider.set_key(PLANTED["provider's key"])
    provider.save()
    FeishuApp.objects.create(
        slug="f", app_id="cli_x", secret=PLANTED["feishu secret"], verification_token=PLANTED["feishu secret"],
        name="F", owner=alice,
    )  # fmt: skip
    Trigger.objects.create(
        owner=alice, name="T", kind="webhook", prompt=PLANTED["prompt"], secret=PLANTED["webhook secret"],
        created_at=now_ms(), updated_at=now_ms(),
    )  # fmt: skip
    data = tmp_path / "data"
    (data / "logs").mkdir(parents=True)
    settings.HOLDFAST_DATA = data
    settings.OPENAI_API_KEY = PLANTED["environment's model key"]
    settings.HOLDFAST_MODEL_KEYS = {"https://api.example.com": PLANTED["further model key"]}
    settings.HOLDFAST_METRICS_TOKEN = PLANTED["metrics token"]
    settings.HOLDFAST_TRACES_HEADERS = {"authorization": PLANTED["trace header"]}
    settings.HOLDFAST_EMAIL_URL = f"smtp://me:{PLANTED['mail password']}@mail.example:587"
    settings.HOLDFAST_SPARE_URL = "redis://me:planted%3Aredis%40word@redis.example:6379/0"
    settings.HOLDFAST_SPARE_PASSWORD = PLANTED["database password"]
    settings.HOLDFAST_SPARE_DATABASE_URL = f"postgres://me:{PLANTED['database password']}@db.example/x"
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY, PLANTED["secret key of before"]]
    settings.SECRET_KEY = PLANTED["secret key"]
    (data / "logs" / "worker.log").write_text(LOG)
    return data


LOG = f"""\
2026-11-30T00:00:00.000Z INFO chat.runs.worker Worker host-1-ab starts.
2026-11-30T00:00:01.000Z ERROR chat.feed The text '{PLANTED["message"]}' and "{PLANTED["answer"]}" are odd.
2026-11-30T00:00:02.000Z WARNING chat Redis at redis://:planted%3Aredis%40word@h said {PLANTED["provider's key"]}
Traceback (most recent call last):
  File "/app/chat/feed.py", line 12, in run
    raise ValueError("{PLANTED["message"]}")
chat.session.errors.StoreUnavailable: {PLANTED["message"]}
KeyError: '{PLANTED["answer"]}'
{PLANTED["message"]}
"""


def bundle(path: Path) -> dict[str, str]:
    out = StringIO()
    call_command("support_bundle", "--output", str(path), stdout=out, stderr=StringIO())
    assert str(path) in out.getvalue()
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_no_secret_and_nobodys_words_are_in_it(house: Path, tmp_path: Path) -> None:
    found = bundle(tmp_path / "bundle.zip")
    for name, text in found.items():
        for what, planted in PLANTED.items():
            for form in (planted, planted.replace(":", "%3A").replace("@", "%40")):
                assert form not in text, f"{name} tells the {what}"
        assert "planted" not in text.replace('"planted"', ""), name
    # The test can fail: what is stored is where the columns say, and each is opened by the present key.
    assert any(column.label == "feishu.FeishuApp.secret" for column in rotation.columns())


def test_what_helps_is_in_it(house: Path, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    found = bundle(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    about, settings = json.loads(found["about.json"]), json.loads(found["settings.json"])
    assert about["packages"]["Django"] and about["release"]
    assert settings["HOLDFAST_LEASE_MS"] == 15_000 and settings["SECRET_KEY"] == MASK
    assert settings["HOLDFAST_TOKENS_PER_DAY"] == 200_000_000, "no secret, whatever it is called"
    assert settings["HOLDFAST_EMAIL_URL"] == "smtp://mail.example:587"
    assert settings["HOLDFAST_MODEL_KEYS"] == {"https://api.example.com": MASK}
    assert json.loads(found["database.json"])["rows"]["chat.Conversation"] == 1
    assert "[X] chat 0001_initial" in found["migrations.txt"] and "[ ]" not in found["migrations.txt"]
    assert 'holdfast_runs_active{state="queued"}' in found["metrics.txt"]
    assert json.loads(found["redis.json"])["maxmemory_policy"]
    assert set(json.loads(found["readiness.json"])) == {"ready", "problems", "warnings"}
    assert "holdfast." in found["checks.txt"]
    log = found["logs/worker.log"].splitlines()
    assert log[0].endswith("Worker host-1-ab starts.") and "The text … and … are odd." in log[1]
    assert log[3:] == [
        '  File "/app/chat/feed.py", line 12, in run',
        "chat.session.errors.StoreUnavailable",
        "KeyError",
    ]


@pytest.mark.exhaustive
def test_it_is_written_while_the_stores_are_away(tmp_path: Path) -> None:
    env = clean_environment(
        DJANGO_SECRET_KEY="of-tests-" * 8,
        HOLDFAST_DATA=str(tmp_path / "data"),
        REDIS_URL="redis://:planted-word@127.0.0.1:9/0",
        DATABASE_URL="postgres://me:planted-word@127.0.0.1:9/x",
    )
    path = tmp_path / "bundle.zip"
    argv = [sys.executable, "manage.py", "support_bundle", "--output", str(path)]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    for name in ("redis.json", "database.json", "migrations.txt", "metrics.txt"):
        assert found[name].startswith("This could not be had: "), (name, found[name])
    assert json.loads(found["settings.json"])["HOLDFAST_REDIS_URL"] == "redis://127.0.0.1:9"
    assert json.loads(found["readiness.json"])["ready"] is False
    assert not [name for name, text in found.items() if "planted-word" in text]


def test_a_file_that_is_there_is_kept(house: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.zip"
    path.write_text("mine")
    with pytest.raises(CommandError, match="--output"):
        call_command("support_bundle", "--output", str(path), stdout=StringIO(), stderr=StringIO())
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("HOLDFAST_X_TOKEN", "abcdef", MASK),
        ("HOLDFAST_X_TOKEN", "", ""),
        (
            "DATABASES",
            {"default": {"NAME": "x", "PASSWORD": "abcdef", "PORT": 5}},
            {"default": {"NAME": "x", "PASSWORD": MASK, "PORT": 5}},
        ),
        ("REDIS_URL", "redis://u:p@h:1/0?x=y", "redis://h:1"),
        ("REDIS_URL", "not an address", MASK),
        ("A", [1, "b", None], [1, "b", None]),
    ],
)
def test_a_setting_is_told_as_far_as_it_may_be(name: str, value: Any, told: Any) -> None:
    assert setting(name, value) == told


def test_a_mask_finds_a_secret_as_an_address_writes_it_too() -> None:
    mask = Mask(["p@ss:word", "short"])
    assert mask("p@ss:word p%40ss%3Aword short") == "*** *** short"


def test_lines_of_nobody_known_are_left_out() -> None:
    assert list(log_lines(["somebody's words", "", "  raise X('y')"])) == []
