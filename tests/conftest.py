"""Fixtures that every part shares: real Valkey, people, and the folder of this test process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.support.valkey import Valkey


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the data folder that tests/settings.py made for this process."""
    from tests import settings

    shutil.rmtree(settings.DATA, ignore_errors=True)


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """The Valkey server of this test process, at the port that the settings name."""
    from tests import settings

    with Valkey(settings.VALKEY_PORT) as server:
        yield server


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """The address of an empty Valkey."""
    valkey.flush()
    return valkey.url


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


def _user(name: str, **fields):
    from django.contrib.auth import get_user_model

    return get_user_model().objects.create_user(username=name, password=f"{name}-password", **fields)
