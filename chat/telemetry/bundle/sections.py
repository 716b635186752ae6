"""The sections of a support bundle: each a function that returns what its file says. None reads what people wrote."""

import asyncio
import json
import platform
import sys
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from asgiref.sync import async_to_sync
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count
from prometheus_client.exposition import generate_latest

from chat.journal import queries
from chat.runtime import opened
from chat.session.store import RedisStore
from chat.support.database import give_back
from chat.telemetry.bundle.masking import log_lines, setting
from chat.telemetry.stored import installation

#: Rows of a table that are counted, and lines of each log that are read and kept.
MAX_COUNTED = 100_000
MAX_LINES, MAX_KEPT = 20_000, 400
#: Seconds that Redis gets.
TIMEOUT_S = 5.0
#: Of what Redis says of itself.
REDIS_FACTS = (
    *(
        "redis_version",
        "valkey_version",
        "server_name",
        "redis_mode",
        "server_mode",
        "os",
        "uptime_in_seconds",
    ),
    *("role", "connected_slaves", "master_link_status", "connected_clients", "maxclients", "blocked_clients"),
    *(
        "used_memory_human",
        "used_memory_peak_human",
        "maxmemory_human",
        "maxmemory_policy",
        "mem_fragmentation_ratio",
    ),
    *(
        "loading",
        "aof_enabled",
        "aof_last_write_status",
        "aof_last_bgrewrite_status",
        "rdb_last_bgsave_status",
    ),
    *(
        "evicted_keys",
        "expired_keys",
        "rejected_connections",
        "total_error_replies",
        "instantaneous_ops_per_sec",
    ),
)


def about() -> str:
    """Which release runs on what."""
    packages = {one.metadata["Name"]: one.version for one in metadata.distributions() if one.metadata["Name"]}
    return _json(
        {
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "release": settings.HOLDFAST_VERSION,
            "python": sys.version,
            "platform": platform.platform(),
            "packages": dict(sorted(packages.items(), key=lambda one: one[0].lower())),
        }
    )


def settings_of() -> str:
    """Our settings, and those of Django's that a deployment changes."""
    of_django = (
        *(
            "ALLOWED_HOSTS",
            "CSRF_TRUSTED_ORIGINS",
            "DEBUG",
            "DATABASES",
            "CACHES",
            "INSTALLED_APPS",
            "LANGUAGE_CODE",
        ),
        *(
            "SECURE_HSTS_SECONDS",
            "SECURE_PROXY_SSL_HEADER",
            "SESSION_COOKIE_SECURE",
            "OPENAI_MODEL",
            "OPENAI_BASE_URL",
        ),
        *("OPENAI_API_KEY", "EMAIL_BACKEND", "LOG_LEVEL", "LOG_FORMAT", "SECRET_KEY", "SECRET_KEY_FALLBACKS"),
    )
    ours = [name for name in dir(settings) if name.startswith("HOLDFAST_")]
    return _json({name: setting(name, getattr(settings, name, None)) for name in sorted([*ours, *of_django])})


def checks() -> str:
    """What `manage.py check --deploy --database default` says."""
    found = run_checks(include_deployment_checks=True, databases=["default"])
    return "\n".join(f"{one.id}: {one.msg}\n    {one.hint or ''}".rstrip() for one in found) or "nothing"


def migrations() -> str:
    """Which are applied, and which are not."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    missing = [f"[ ] {one.app_label} {one.name}" for one, _ in plan]
    return "\n".join(
        [*missing, *(f"[X] {app} {name}" for app, name in sorted(executor.loader.applied_migrations))]
    )


def database() -> str:
    """Which server it is, how many rows each table of ours has, and which workers have how many runs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SELECT version()")
        (version,) = cursor.fetchone()
    counts = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            count = model._base_manager.order_by().values("pk")[: MAX_COUNTED + 1].count()
            counts[model._meta.label] = f"more than {MAX_COUNTED}" if count > MAX_COUNTED else count
    at_work = queries.open_runs().values_list("status", "worker").annotate(count=Count("pk"))
    workers = [f"{status} at {worker or 'nobody'}: {count}" for status, worker, count in at_work[:200]]
    return _json({"server": version, "rows": counts, "runs that are not over": workers})


def metrics() -> str:
    """The installation's metrics: totals, queue, what is due, what waits for an operator."""
    return generate_latest(installation()).decode()


def redis() -> str:
    """What Redis says of itself, as far as it may."""

    async def look() -> dict[str, Any]:
        async with asyncio.timeout(TIMEOUT_S), opened() as runtime:
            store = runtime.sessions.store
            return await store.facts() if isinstance(store, RedisStore) else {}

    give_back()  # the runtime needs a connection of its own
    facts = async_to_sync(look)()
    return _json({name: facts[name] for name in REDIS_FACTS if name in facts})


def logs() -> Iterator[tuple[str, str]]:
    """(name, text) of the newest lines of each log of a trial. Elsewhere whoever collects logs has them."""
    for path in sorted((settings.HOLDFAST_DATA / "logs").glob("*.log")):
        yield path.name, _newest(path)


def _newest(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        last = deque((line.rstrip("\n") for line in file), MAX_LINES)
    kept = deque(log_lines(last), MAX_KEPT)
    return "\n".join(kept)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str)


SECTIONS: dict[str, Callable[[], str]] = {
    "about.json": about,
    "settings.json": settings_of,
    "checks.txt": checks,
    "migrations.txt": migrations,
    "database.json": database,
    "metrics.txt": metrics,
    "redis.json": redis,
}
