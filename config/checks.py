"""System checks for settings that fit each other badly. `manage.py check`, `migrate` and `worker` run them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

from agents.models import Agent
from config.capacity import look
from config.private import open_to_others


@register(Tags.compatibility)
def timing(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A lease must outlive a renewal that comes late once."""
    if settings.HOLDFAST_RENEW_MS * 2 <= settings.HOLDFAST_LEASE_MS:
        return []
    return [
        Error(
            f"A lease lasts {settings.HOLDFAST_LEASE_MS} ms and is renewed only every {settings.HOLDFAST_RENEW_MS} ms.",
            hint="Set HOLDFAST_RENEW_MS to a third of HOLDFAST_LEASE_MS, or leave it out. Otherwise one late "
            "renewal hands a healthy run to another worker.",
            id="holdfast.E001",
        )
    ]


@register(Tags.compatibility)
def model(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A key without its provider's model is refused by the provider only later."""
    if settings.OPENAI_API_KEY and settings.OPENAI_MODEL == "demo":
        return [
            Error(
                "OPENAI_API_KEY is set, but OPENAI_MODEL is the demo model.",
                hint="Set OPENAI_MODEL to a model of your provider, or remove OPENAI_API_KEY.",
                id="holdfast.E002",
            )
        ]
    return []


@register(Tags.compatibility)
def no_model(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Without the demo and without a key, agents that name no address of their own have nobody to ask."""
    if settings.HOLDFAST_DEMO_MODEL or settings.OPENAI_API_KEY or settings.HOLDFAST_MODEL_KEYS:
        return []
    if settings.OPENAI_BASE_URL != "https://api.openai.com/v1":
        return []  # A server of one's own may want no key.
    return [
        Warning(
            "No model is configured: HOLDFAST_DEMO is off, and there is no key.",
            hint="Set OPENAI_API_KEY (and OPENAI_BASE_URL and OPENAI_MODEL for another provider than OpenAI), or set "
            "HOLDFAST_DEMO=auto.",
            id="holdfast.W004",
        )
    ]


@register(Tags.files)
def frontend(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Without the build there is no chat page."""
    if (settings.FRONTEND_DIST / ".vite" / "manifest.json").exists():
        return []
    return [
        Warning(
            "The web chat is not built: frontend/dist has no manifest.",
            hint="Run `make run`, or `npm ci && npm run build` in frontend/.",
            id="holdfast.W001",
        )
    ]


@register(Tags.security, deploy=True)
def database(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """SQLite is for one machine and few people."""
    if not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return []
    return [
        Warning(
            "The journal is in SQLite, where one process writes at a time.",
            hint="Set DATABASE_URL=postgres://user:password@host/name for more than a trial.",
            id="holdfast.W002",
        )
    ]


@register(Tags.database)
def capacity(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """What all processes may open must fit the server. Asks it, so only `check --database default` does this."""
    if "default" not in (databases or ()):
        return []
    said = look(settings.DATABASES["default"])
    return (
        [Warning(said, hint="See “Connections to PostgreSQL” in docs/deployment.md.", id="holdfast.W005")]
        if said
        else []
    )


@register(Tags.database)
def title_agent(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Titles are written by an agent's model. Asks the database, so only `check --database default` does this."""
    slug = settings.HOLDFAST_TITLE_AGENT
    if not slug or "default" not in (databases or ()):
        return []
    try:
        if Agent.objects.filter(slug=slug, enabled=True).exists():
            return []
    except DatabaseError:
        return []  # It is away, or has no tables yet: whoever asks for more says so.
    return [
        Warning(
            f"HOLDFAST_TITLE_AGENT names {slug!r}, and there is no such agent that is enabled: no titles are written.",
            hint="Set it to an agent's slug (Agents, in the admin), or leave it out.",
            id="holdfast.W007",
        )
    ]


@register(Tags.security, deploy=True)
def trial(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A trial's conveniences are holes on a server."""
    if not settings.HOLDFAST_TRIAL:
        return []
    return [
        Error(
            "HOLDFAST_TRIAL (or DJANGO_DEBUG) is on: plain HTTP is allowed and setup_trial makes an administrator.",
            hint="Unset both, and set DJANGO_SECRET_KEY and DJANGO_ALLOWED_HOSTS.",
            id="holdfast.E003",
        )
    ]


@register(Tags.security)
def data_folder(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The folder is closed at each start; one that belongs to another user cannot be."""
    if not open_to_others(settings.HOLDFAST_DATA):
        return []
    return [
        Warning(
            f"Other users of this machine may look into the data folder {settings.HOLDFAST_DATA}.",
            hint=f"Give it to the user as whom Holdfast runs, and run: chmod 700 {settings.HOLDFAST_DATA}",
            id="holdfast.W006",
        )
    ]


@register(Tags.security, deploy=True)
def test_clock(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A clock that a file moves is for tests."""
    if not settings.HOLDFAST_TEST_CLOCK:
        return []
    return [
        Error(
            "HOLDFAST_TEST_CLOCK is set: whoever may write that file decides when schedules are due.",
            hint="Unset it.",
            id="holdfast.E004",
        )
    ]


@register(Tags.compatibility)
def sender(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Mail servers refuse, or hide as spam, what has no real sender."""
    if not settings.HOLDFAST_EMAIL or not settings.DEFAULT_FROM_EMAIL.endswith("@localhost"):
        return []
    return [
        Warning(
            "E-mail is sent from holdfast@localhost.",
            hint="Set HOLDFAST_EMAIL_FROM to an address that your mail server may send from.",
            id="holdfast.W003",
        )
    ]
