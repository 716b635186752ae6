"""Fixtures that every part shares: real Valkey, real PostgreSQL, real processes, and people."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.contenttypes.management import create_contenttypes
from django.db.models.signals import post_migrate

from tests import settings as test_settings
from tests.support import template
from tests.support.chromium import find_chromium
from tests.support.postgres import Postgres
from tests.support.processes import PEOPLE, Process, Stack, password
from tests.support.valkey import Valkey

DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback"}
# These start processes with a database of their own, so the database of the test process does not matter.
OWN_DATABASE = ("tests/platform/", "tests/browser/", "tests/recovery/")
#: Files that take ten seconds and more: those first that take longest, and between them those that mostly wait.
LONGEST = (
    "tests/platform/test_postgres.py",
    "tests/browser/test_reload.py",
    "tests/recovery/test_doors.py",
    "tests/platform/test_run.py",
    "tests/platform/test_image.py",
    "tests/chat/messenger/test_talk.py",
    "tests/platform/test_upgrade.py",
    "tests/hostile/",
    "tests/platform/test_backup.py",
    "tests/chat/entrances/feishu/test_troubles.py",
    "tests/browser/test_axe_admin.py",
    "tests/recovery/test_outage_kinds.py",
    "tests/browser/test_chat.py",
    "tests/chat/runs/test_worker.py",
    "tests/platform/test_example.py",
    "tests/chat/runs/test_store_trouble.py",
    "tests/browser/test_subpath.py",
    "tests/recovery/test_chaos.py",
    "tests/browser/test_pages.py",
    "tests/chat/messenger/test_troubles.py",
    "tests/browser/test_axe.py",
    "tests/chat/entrances/openai_api/test_sdks.py",
    "tests/platform/test_supply.py",
    "tests/chat/entrances/feishu/test_asking.py",
    "tests/browser/test_inspection.py",
    "tests/chat/entrances/web/test_socket.py",
    "tests/chat/messenger/test_authority.py",
    "tests/chat/test_installation.py",
    "tests/chat/files/test_pictures.py",
    "tests/platform/test_health.py",
    "tests/recovery/test_stopping.py",
    "tests/recovery/test_servers_and_links.py",
    "tests/recovery/test_command_once.py",
    "tests/chat/http/test_schemathesis.py",
    "tests/chat/entrances/feishu/test_refusals.py",
    "tests/platform/test_telemetry.py",
    "tests/chat/entrances/feishu/test_processes.py",
    "tests/engines/",
    "tests/platform/test_first_start.py",
    "tests/recovery/",
    "tests/browser/",
    "tests/platform/",
)


def pytest_configure(config: pytest.Config) -> None:
    """Have the processes of tests begin at once, and from databases that were made once."""
    Process.preloaded = True
    if template.begin_session():
        config.add_cleanup(template.end_session)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the data folder that tests/settings.py made for this process."""
    shutil.rmtree(test_settings.DATA, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test that uses the database of this process, so that it can be run on PostgreSQL too."""
    for item in items:
        uses = DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ()))
        if (uses or item.get_closest_marker("django_db")) and not item.nodeid.startswith(OWN_DATABASE):
            # One store is enough there: SQL does not know which one it is.
            called: Any = getattr(item, "callspec", None)
            if called is None or called.params.get("world") != "memory":
                item.add_marker(pytest.mark.both_databases)
    # The longest ones first, so that they are not what everything waits for in the end.
    items.sort(
        key=lambda item: next(
            (n for n, file in enumerate(LONGEST) if item.nodeid.startswith(file)), len(LONGEST)
        )
    )


def pytest_collection_finish() -> None:
    """Some eight thousand tests stay until the end: the garbage collector need not look at them over and over."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def demanding() -> Iterator[None]:
    """For files that need a whole machine: one of them at a time, whichever process of the tests it is in."""
    with Path(tempfile.gettempdir(), f"holdfast-demanding-{os.getuid()}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool) -> bool:
    """The SQLite file of this process is there already, with all its tables; its folder goes with the process."""
    return django_db_keepdb or _sqlite()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Every process would migrate an empty database, for seven seconds: it is done once."""
    if _sqlite():
        template.copy_migrated(Path(settings.DATABASES["default"]["TEST"]["NAME"]))


def _sqlite() -> bool:
    return str(settings.DATABASES["default"]["ENGINE"]).endswith("sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """The database, and nothing that is made anew after each flush: tests/support/flushing keeps it."""
    post_migrate.disconnect(create_contenttypes)
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """The Valkey server of this test process, at the port that the settings name. Flush it before use."""
    with Valkey(test_settings.VALKEY_PORT) as server:
        yield server


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """The address of an empty Valkey."""
    valkey.flush()
    return valkey.url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A private PostgreSQL cluster of this test process."""
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium to hand to Playwright as `executable_path`."""
    path = find_chromium()
    assert path, "No Chromium found. Run `make tools`, or install the package `chromium`."
    return path


@pytest.fixture(scope="session")
def database_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with Alice, Bob, Charlie and the default agent; copy it, never change it."""
    return template.make_sqlite(tmp_path_factory.mktemp("template"))


@pytest.fixture
def stack(database_template: Path) -> Iterator[Stack]:
    """A Holdfast of one's own with nothing but its Valkey started: `stack.up()` starts all of it.

    For other settings build one: `with Stack(template=database_template, env={…}) as stack`.
    """
    with Stack(template=database_template) as own:
        yield own


@pytest.fixture
def alice(db):
    """A user."""
    return _user("alice")


@pytest.fixture
def bob(db):
    """Another user, who must see nothing of Alice's."""
    return _user("bob")


@pytest.fixture
def charlie(db):
    """Staff with every permission."""
    return _user("charlie", is_staff=True, is_superuser=True)


def _user(name: str, **fields: Any) -> AbstractUser:
    from django.contrib.auth import get_user_model

    assert name in PEOPLE
    return get_user_model().objects.create_user(username=name, password=password(name), **fields)
