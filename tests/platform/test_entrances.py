"""Which entrances an installation has: those in the tree, those of packages, and none that cannot be loaded."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.entrances import GROUP, built_in, installed, other_apps
from tests.support.processes import ROOT, clean_environment

APPS = '''
from django.apps import AppConfig
from chat import extensions


class PagerConfig(AppConfig):
    """A pager."""

    name = "pager"

    def ready(self) -> None:
        extensions.register(extensions.Entrance(name="pager", label="a pager", urls="pager.urls"), self.name)
'''
URLS = """
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("pager", lambda request: HttpResponse("beep"))]
"""
ASK = """
import uuid
from django.test import Client
from django.conf import settings
from chat import extensions
from agents.models import installed_tools
settings.ALLOWED_HOSTS = ["testserver"]
print([one.name for one in extensions.entrances()])
print([service.name for service in extensions.services()])
hook = f"/hooks/{uuid.UUID(int=0)}/x"
print([Client().get(path).status_code for path in ("/pager", hook, "/healthz")])
print("triggers" in installed_tools().names)
"""


class Package(Distribution):
    """An installed package, as far as it says what it is."""

    version = "1.2"
    metadata = {"Name": "holdfast-pager"}  # type: ignore[assignment]

    def read_text(self, filename: str) -> str | None:
        return None

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


def point(value: str, name: str = "pager") -> EntryPoint:
    return EntryPoint(name, value, GROUP)._for(Package())  # type: ignore[attr-defined,no-any-return]


def test_the_entrances_in_the_tree_are_found():
    assert built_in(ROOT) == [
        f"chat.entrances.{name}" for name in ("api", "feishu", "openai_api", "schedules", "triggers", "web")
    ]


def test_a_package_adds_its_app_behind_them():
    found = installed(ROOT, (), [point("config.apps.ConfigConfig")])
    assert found.apps == (*built_in(ROOT), "config.apps.ConfigConfig") and not found.left_out
    assert installed(ROOT, (), [point("config.apps:ConfigConfig")]) == found


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("nowhere_at_all.apps.X", "No module named 'nowhere_at_all'"),
        ("config.apps.Missing", "no attribute 'Missing'"),
        ("config.values.Values", "is no AppConfig"),
        ("nonsense", "Empty module name"),
    ],
)
def test_one_that_cannot_be_loaded_stops_the_start_and_says_whose_it_is(value: str, why: str):
    with pytest.raises(ImproperlyConfigured) as stopped:
        installed(ROOT, (), [point(value)])
    told = str(stopped.value)
    assert "'pager' of holdfast-pager 1.2" in told and why in told
    assert "HOLDFAST_DISABLED_ENTRANCES=pager" in told
    found = installed(ROOT, ("pager",), [point(value)])
    assert found.left_out == {"pager"} and found.apps == tuple(built_in(ROOT))


def test_a_package_adds_apps_that_are_no_entrances():
    assert other_apps([point("config.apps:ConfigConfig")]) == ["config.apps.ConfigConfig"]
    assert other_apps([]) == []
    with pytest.raises(ImproperlyConfigured, match="The app 'pager' of holdfast-pager 1.2 cannot be loaded"):
        other_apps([point("nowhere_at_all.apps:X")])


# ---- a real process ----


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages with an entrance in it, as pip leaves it."""
    for path, text in {
        "pager/__init__.py": "",
        "pager/apps.py": APPS,
        "pager/urls.py": URLS,
        "holdfast_pager-1.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: holdfast-pager\nVersion: 1.2\n",
        "holdfast_pager-1.2.dist-info/entry_points.txt": f"[{GROUP}]\npager = pager.apps.PagerConfig\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def manage(site: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = clean_environment(
        DJANGO_SECRET_KEY="of-tests-" * 8,
        DJANGO_INSECURE_HTTP="1",
        HOLDFAST_DATA=str(site / "data"),
        PYTHONPATH=str(site),
        **settings,
    )
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)


def test_an_installed_package_is_an_entrance_like_any_other(site: Path):
    done = manage(site, "shell", "-v", "0", "-c", ASK)
    assert done.stdout.splitlines() == [
        "['api', 'feishu', 'openai', 'pager', 'schedule', 'trigger', 'web']",
        "['feishu', 'schedules', 'triggers']",
        "[200, 405, 200]",
        "True",
    ], done.stderr


def test_one_that_is_switched_off_is_not_there_and_its_tables_are(site: Path):
    done = manage(site, "shell", "-v", "0", "-c", ASK, HOLDFAST_DISABLED_ENTRANCES="pager, trigger")
    assert done.stdout.splitlines() == [
        "['api', 'feishu', 'openai', 'pager', 'schedule', 'trigger', 'web']",
        "['feishu', 'schedules']",
        "[404, 404, 200]",
        "False",
    ], done.stderr
    assert not manage(site, "makemigrations", "--check", HOLDFAST_DISABLED_ENTRANCES="trigger").returncode


def test_a_broken_package_stops_the_start_unless_it_is_switched_off(site: Path):
    (site / "pager/apps.py").write_text("import nowhere_at_all\n")
    stopped = manage(site, "check")
    assert stopped.returncode and "'pager' of holdfast-pager 1.2 cannot be loaded" in stopped.stderr
    assert not manage(site, "check", HOLDFAST_DISABLED_ENTRANCES="pager").returncode


def test_a_mistyped_name_stops_the_start(site: Path):
    stopped = manage(site, "check", HOLDFAST_DISABLED_ENTRANCES="schedules")
    assert stopped.returncode and "names schedules, which is no entrance here" in stopped.stderr
