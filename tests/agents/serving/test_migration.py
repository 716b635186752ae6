"""Agents of a release without providers are carried over without loss, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.models import Agent
from agents.serving.models import ModelProvider
from agents.serving.resolve import with_defaults
from tests.support import upgrading
from tests.support.more import more_of
from tests.support.postgres import Postgres

BEFORE = ("agents", "0008_learned_rule")
OLD = [
    {"slug": "plain"},
    {"slug": "same", "model": "m", "fallback_model": "m-small"},
    {
        "slug": "acme",
        "base_url": "https://acme.example/v1",
        "profile": "vllm",
        "price_input": 1,
        "price_output": 2,
    },
    {
        "slug": "acme-2",
        "base_url": "https://ACME.example/v1/",
        "fallback_model": "x",
        "fallback_base_url": "http://x/v1",
    },
    {"slug": "away", "base_url": "http://[broken", "model": "m"},
]


@pytest.fixture(params=more_of("postgres", "sqlite"))
def old(request: Any, tmp_path: Path, postgres: Postgres, django_db_blocker: Any) -> Iterator[str]:
    """The alias of an empty database."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    else:
        postgres.execute("CREATE DATABASE providers")
        url = postgres.url("providers")
    with django_db_blocker.unblock(), upgrading.known(url, f"providers_{request.param}") as alias:
        yield alias
    if request.param == "postgres":
        postgres.execute("DROP DATABASE providers WITH (FORCE)")


def test_each_agent_gets_the_provider_that_it_had(old: str, settings: Any) -> None:
    settings.HOLDFAST_MODEL_KEYS = {"https://acme.example": "k"}
    apps = upgrading.migrate(old, BEFORE)
    for fields in OLD:
        apps.get_model("agents", "Agent").objects.using(old).create(name=fields["slug"], **fields)
    before = upgrading.rows(old)
    upgrading.migrate(old)
    assert upgrading.rows(old, before)["agents_agent"] == before["agents_agent"]
    names = ModelProvider.objects.using(old).values_list("name", "address")
    assert set(names) == {
        ("Environment", ""),
        ("acme.example/v1", "https://acme.example/v1"),
        ("x/v1", "http://x/v1"),
        ("[broken", "http://[broken"),
    }
    found = {one.slug: with_defaults(one.spec()) for one in Agent.objects.using(old)}
    assert found["plain"].base_url == settings.OPENAI_BASE_URL and found["plain"].key is None
    assert [one.model for one in found["same"].fallbacks] == ["m-small"]
    assert (found["acme"].base_url, found["acme"].key) == ("https://acme.example/v1", "k")
    assert found["acme"].profile == "vllm" and found["acme"].prices is not None
    (fallback,) = found["acme-2"].fallbacks
    assert (fallback.model, fallback.base_url, fallback.key) == ("x", "http://x/v1", "")
    assert found["away"].base_url == "http://[broken"


@pytest.mark.exhaustive
def test_it_may_be_undone_and_done_again(old: str) -> None:
    apps = upgrading.migrate(old, BEFORE)
    apps.get_model("agents", "Agent").objects.using(old).create(name="a", **OLD[2])
    rows = upgrading.rows(old)
    for _ in range(2):
        upgrading.migrate(old)
        assert upgrading.rows(old, rows)["agents_agent"] == rows["agents_agent"]
        upgrading.migrate(old, BEFORE)
        assert upgrading.rows(old, rows)["agents_agent"] == rows["agents_agent"]
