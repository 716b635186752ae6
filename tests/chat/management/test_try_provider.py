"""`manage.py try_provider`: whom it tries, with which key, what it prints and with which status it ends."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents.models import Agent
from agents.serving.models import ModelProvider
from tests.support.obedient import obedient
from tests.support.provider import Provider
from tests.support.served import served
from tests.support.strict_provider import strict

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "sk-canary-0123456789abcdef"


@pytest.fixture
def thinking() -> Iterator[Provider]:
    with served(strict("deepseek-thinking", obedient)) as provider:
        yield provider


def run(*arguments: str) -> tuple[int, str, str]:
    """Status, table and progress."""
    out, progress = io.StringIO(), io.StringIO()
    try:
        call_command("try_provider", *arguments, stdout=out, stderr=progress)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue(), progress.getvalue()
    return 0, out.getvalue(), progress.getvalue()


def test_an_address_is_tried_and_the_profile_that_fits_is_named(thinking: Provider, settings: Any):
    settings.HOLDFAST_MODEL_KEYS = {thinking.url: KEY}
    status, table, progress = run("--base-url", thinking.url, "--model", "m", "--profile", "deepseek")
    assert status == 0 and "The profile that fits: " in table
    assert "REFUSED" in table or "taken in another form" in table
    assert "[1/14] deepseek" in progress and "a stop during a call, then a message" in table
    assert set(thinking.keys) == {f"Bearer {KEY}"} and KEY not in table + progress


def test_a_provider_by_name_brings_its_address_and_key(thinking: Provider):
    row = ModelProvider(name="Mine", address=thinking.url, profile="deepseek-thinking")
    row.set_key(KEY)
    row.save()
    status, table, _ = run("--provider", "Mine", "--model", "m")
    assert (
        status == 0
        and "The profile that fits: deepseek-thinking (the one that was chosen or guessed)." in table
    )
    assert set(thinking.keys) == {f"Bearer {KEY}"}


def test_an_agent_by_slug_brings_everything(thinking: Provider):
    row = ModelProvider.objects.create(name="Mine", address=thinking.url)
    Agent.objects.create(
        slug="ann", name="Ann", provider=row, model="deepseek-large", profile="deepseek-thinking"
    )
    status, table, _ = run("--agent", "ann")
    assert status == 0 and "deepseek-large at http://127.0.0.1" in table


def test_the_status_says_that_nothing_fits(thinking: Provider):
    status, table, _ = run("--base-url", thinking.url, "--model", "m", "--profile", "deepseek", "--only")
    assert status == 1 and "No profile was found" in table
    status, table, _ = run("--base-url", thinking.url, "--model", "m", "--max-requests", "2")
    assert status == 1 and "The budget of this trial is spent: 2 requests." in table


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--base-url", "ftp://x", "--model", "m"), "whole address"),
        (("--base-url", "http://x/v1"), "Name the model"),
        (("--provider", "nobody", "--model", "m"), "no provider 'nobody'"),
        (("--agent", "nobody"), "no agent with the slug"),
        (("--base-url", "http://x/v1", "--model", "m", "--profile", "no"), "no profile 'no'"),
        (("--model", "m"), "one of the arguments"),
        (("--base-url", "http://x/v1", "--key", KEY), "unrecognized|the following"),
    ],
)
def test_a_mistake_is_named(arguments: tuple[str, ...], words: str):
    with pytest.raises(CommandError, match=words):
        run(*arguments)
