"""Typed readers of environment values that refuse a bad value and say what to set instead.

They take a mapping, so `config/settings.py` stays the only reader of the process environment.
A refused value is never repeated in full, because it may be a secret.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from chat.support.redis_address import BadAddress, check_prefix, parse
from config.private import UMASK, close, private_database

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})
MAIL = "django.core.mail.backends"
#: The names of this machine for itself.
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Values:
    """Environment variables, read by name and type."""

    source: Mapping[str, str]

    def text(self, name: str, default: str = "") -> str:
        """The value without surrounding blanks; `default` when it is unset or blank."""
        return self.source.get(name, "").strip() or default

    def flag(self, name: str, default: bool = False) -> bool:
        """A yes or no."""
        raw = self.source.get(name)
        if raw is None:
            return default
        word = raw.strip().lower()
        if word in TRUE:
            return True
        if word in FALSE:
            return False
        raise ImproperlyConfigured(f"{name} must be 1 or 0 (also: true, false, yes, no, on, off).")

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """One of some words, in any case, or what it is unset."""
        value = self.text(name, default).lower()
        if value not in (*choices, default):
            raise ImproperlyConfigured(f"{name} must be one of: {', '.join(choices)}.")
        return value

    def switch(self, name: str, *, automatic: bool) -> bool:
        """On, off or auto, which is what `automatic` says; auto when it is unset."""
        word = self.text(name, "auto").lower()
        if word == "auto":
            return automatic
        if word in TRUE:
            return True
        if word in FALSE:
            return False
        raise ImproperlyConfigured(f"{name} must be auto, on or off.")

    def number(self, name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
        """A whole number between `least` and `most`, both included."""
        raw = self.text(name)
        if not raw:
            return default
        limits = f"at least {least}" if most is None else f"between {least} and {most}"
        try:
            value = int(raw)
        except ValueError:
            raise ImproperlyConfigured(f"{name} must be a whole number, {limits}.") from None
        if value < least or (most is not None and value > most):
            raise ImproperlyConfigured(f"{name} is {value}; it must be {limits}.")
        return value

    def names(self, name: str, default: tuple[str, ...] = ()) -> list[str]:
        """A comma-separated list, blanks removed."""
        found = [part.strip() for part in self.source.get(name, "").split(",") if part.strip()]
        return found or list(default)

    def networks(self, name: str) -> list[str]:
        """Networks like 10.0.0.0/8, or single addresses, separated by commas."""
        found = self.names(name)
        for text in found:
            try:
                ipaddress.ip_network(text)
            except ValueError as problem:
                raise ImproperlyConfigured(
                    f"{name} has {text!r}, which is no network ({problem}). Write them like 10.0.0.0/8,fd00::/8"
                ) from None
        return found

    def keys(self, name: str) -> dict[str, str]:
        """A JSON object of addresses and the key for each."""
        raw = self.text(name)
        if not raw:
            return {}
        hint = f'{name} must be a JSON object like {{"https://api.example.com": "key"}}.'
        try:
            found = json.loads(raw)
        except ValueError:
            raise ImproperlyConfigured(hint) from None
        if not isinstance(found, dict) or not all(isinstance(key, str) and key for key in found.values()):
            raise ImproperlyConfigured(hint)
        for place, address in enumerate(found, start=1):
            parts = urlsplit(address)
            if parts.scheme not in ("http", "https") or not parts.netloc:
                raise ImproperlyConfigured(f"{hint} The address of entry {place} is not one.")
        return found

    def url(self, name: str, default: str, schemes: tuple[str, ...]) -> str:
        """An address with one of `schemes`."""
        raw = self.text(name, default)
        if urlsplit(raw).scheme not in schemes:
            wanted = " or ".join(f"{scheme}://" for scheme in schemes)
            raise ImproperlyConfigured(f"{name} must start with {wanted}.")
        return raw


#: How our own addresses begin.
OURS = frozenset(
    "accounts admin api c feishu healthz hooks notes readyz static triggers schedules v1 ws".split()
)
_PREFIX = re.compile(r"(/[A-Za-z0-9][\w.~-]*)+")


def prefix(name: str, path: str) -> str:
    """The path of the host below which everything is, '/chat'; '' if that is all of the host. `name` is the variable to
    blame."""
    path = path.rstrip("/")
    if not path:
        return ""
    if not _PREFIX.fullmatch(path):
        raise ImproperlyConfigured(
            f"{name} must be a path like /chat: letters, digits, and - . _ ~ between slashes."
        )
    if path.split("/")[1] in OURS:
        raise ImproperlyConfigured(
            f"{name} must not begin with /{path.split('/')[1]}, as addresses of Holdfast itself do. Choose another."
        )
    return path


def redis(name: str, url: str) -> str:
    """The address as it is, once it is known to be one (`chat/support/redis_address.py`)."""
    try:
        parse(url)
    except BadAddress as problem:
        raise ImproperlyConfigured(f"{name} {problem}") from None
    return url


def redis_prefix(name: str, prefix: str) -> str:
    """How keys and channels begin, once it is known that they may."""
    try:
        check_prefix(prefix)
    except BadAddress as problem:
        raise ImproperlyConfigured(f"{name} {problem}") from None
    return prefix


def unwritable(folder: Path) -> str:
    """Why nothing can be kept in this folder by this process, in words that say what to do; '' if it can."""
    if os.access(folder, os.W_OK | os.X_OK):
        return ""
    owner, me = folder.stat().st_uid, os.geteuid()
    if owner == me:
        return f"the folder {folder} cannot be written to. Mount it for writing, or run: chmod u+rwx {folder}"
    return (
        f"the folder {folder} belongs to user {owner}, and this process is user {me}, who may not write there. "
        f"Give it away with chown -R {me} (where it is a bind mount: the folder of the host that is mounted there)."
    )


def data_folder(name: str, folder: Path) -> Path:
    """The data folder, made if it is not there, and closed to other users of the machine (config/private.py). `name` is
    the variable to blame if this process may not write into it."""
    folder = _folder(name, folder)
    close(folder)
    return folder


def database_file(name: str, path: Path) -> None:
    """The SQLite file with its folder, made if they are not there; nobody else may read the file."""
    _folder(name, path.parent)
    try:
        private_database(path)
    except OSError as problem:
        raise ImproperlyConfigured(
            f"{name}: the file {path} cannot be opened ({problem.strerror})."
        ) from None


def _folder(name: str, folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o777 & ~UMASK, parents=True, exist_ok=True)
    except OSError as problem:
        raise ImproperlyConfigured(
            f"{name}: the folder {folder} cannot be made ({problem.strerror})."
        ) from None
    if told := unwritable(folder):
        raise ImproperlyConfigured(f"{name}: {told}")
    return folder


#: Of a secret key: characters, and different ones among them, at least; and how one begins that was made in passing.
#: Django's own measure (security.W009).
MIN_KEY, MIN_DIFFERENT, INSECURE = 50, 5, "django-insecure-"
NEW_KEY = 'python3 -c "import secrets; print(secrets.token_urlsafe(50))"'


def secret_key(name: str, key: str) -> str:
    """The key as it is, once it is known to be hard to guess: whoever guesses it logs in as anybody and opens every
    stored secret."""
    if len(key) >= MIN_KEY and len(set(key)) >= MIN_DIFFERENT and not key.startswith(INSECURE):
        return key
    raise ImproperlyConfigured(
        f"{name} can be guessed: it must be random, of {MIN_KEY} characters at least. Make a new one: {NEW_KEY}. If "
        "it was in use, put the old one into DJANGO_SECRET_KEY_FALLBACKS, so that nothing stored is lost, and run "
        "manage.py rotate_keys (docs/security.md)."
    )


@dataclass(frozen=True)
class DemoSettings:
    """All that the demo model's process needs to know: it keeps nothing and is told no secret."""

    BASE_DIR: Path
    HOLDFAST_DEMO_HOST: str
    HOLDFAST_DEMO_PORT: int
    HOLDFAST_END_WITH_PARENT: bool


def demo_settings(env: Values, base: Path) -> DemoSettings:
    """Where the demo model listens."""
    return DemoSettings(
        base,
        env.text("HOLDFAST_DEMO_HOST", "127.0.0.1"),
        env.number("HOLDFAST_DEMO_PORT", 8399, least=1, most=65535),
        env.flag("HOLDFAST_END_WITH_PARENT"),
    )


def names_a_model(env: Values) -> bool:
    """Whether a model of one's own is configured, by its key or its address. Without one there is the demo."""
    return bool(env.text("OPENAI_API_KEY") or env.text("OPENAI_BASE_URL"))


def email(name: str, url: str) -> dict[str, Any]:
    """Django's e-mail settings for an address: `smtp://user:password@host:587` (STARTTLS), `smtps://…:465` (TLS),
    `smtp://host:25?tls=0` (a relay nearby), `console:` or `file:///folder`. Empty: no e-mail.

    `name` is the variable to blame in an error, which never repeats the address: it may hold a password.
    """
    hint = f"{name} must be smtp://user:password@host:587, smtps://user:password@host:465, console: or file:///folder."
    if not url:
        return {"EMAIL_BACKEND": f"{MAIL}.dummy.EmailBackend"}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(hint) from None
    if parts.scheme in ("console", "locmem"):
        return {"EMAIL_BACKEND": f"{MAIL}.{parts.scheme}.EmailBackend"}
    if parts.scheme == "file" and parts.path:
        return {"EMAIL_BACKEND": f"{MAIL}.filebased.EmailBackend", "EMAIL_FILE_PATH": unquote(parts.path)}
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ImproperlyConfigured(hint)
    secure = parts.scheme == "smtps"
    return {
        "EMAIL_BACKEND": f"{MAIL}.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or (465 if secure else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": secure,
        "EMAIL_USE_TLS": not secure and dict(parse_qsl(parts.query)).get("tls") != "0",
    }


def sqlite(path: Path, busy_seconds: int = 20) -> dict[str, Any]:
    """SQLite for several processes at once: WAL, write locks taken at BEGIN, and patience for a busy file.

    Without IMMEDIATE a transaction that reads first and writes later fails at once with `database is locked`,
    whatever the timeout, when another process wrote in between. What is deleted is overwritten in the file.
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": busy_seconds,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;",
        },
    }


#: Have the kernel notice within a minute that a database's machine has vanished, instead of within hours.
_DEAD_PEER = {
    "connect_timeout": "5",
    "keepalives_idle": "20",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "45000",
}


#: Seconds that a process waits for one of its own connections to become free, or for the server to give it one. A
#: browser must hear within 8 s that its command was not taken.
POOL_TIMEOUT_S = 5.0
#: Seconds after which an attempt to connect that goes on failing starts over. The pool would double its pauses for five
#: minutes otherwise, and nobody could connect long after the server is back.
RECONNECT_S = 2.0


def _pooled_connection() -> type:
    """Loaded only where PostgreSQL is used: without libpq the driver cannot even be imported."""
    from chat.support.postgres import PooledConnection

    return PooledConnection


_PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\[\]:]*)(?::(?P<port>\d{1,5}))?")


def _places(netloc: str) -> tuple[str, str] | None:
    """Hosts and ports as libpq takes them, each joined by commas; None if one of them is none."""
    found = [_PLACE.fullmatch(place) for place in netloc.split(",")]
    hosts = [unquote(one["host"].strip("[]")) for one in found if one]
    ports = [one["port"] or "" for one in found if one]
    if len(hosts) != len(found) or any(int(port or 1) not in range(1, 65536) for port in ports):
        return None
    return ",".join(hosts), ",".join(ports) if any(ports) else ""


def database(
    name: str, url: str, base: Path, *, connections: int = 4, idle_s: int = 5, label: str = ""
) -> dict[str, Any]:
    """Django's settings for a database address (`sqlite:///path` or `postgres://user:password@host/name`).

    A relative SQLite path is taken from `base`. Several hosts (`host:5432,host:5432`) are servers of which one takes
    writes: that one is looked for with each new connection. `name` is the variable to blame in an error. PostgreSQL:
    this process opens at most `connections`, gives one back for every `idle_s` seconds in which it was not needed, and
    the server shows them under `label` (`application_name`).
    """
    hint = f"{name} must be sqlite:///path/to/file or postgres://user:password@host:5432/name."
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ImproperlyConfigured(hint) from None
    if parts.scheme == "sqlite":
        path = unquote(parts.path.removeprefix("/")) if not parts.netloc else ""
        if not path:
            raise ImproperlyConfigured(hint)
        return sqlite(base / path)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(hint)
    found = _places(parts.netloc.rpartition("@")[2])
    options = dict(parse_qsl(parts.query))
    database_name = unquote(parts.path.removeprefix("/"))
    if found is None or not database_name:
        raise ImproperlyConfigured(hint)
    host, port = options.pop("host", found[0]), options.pop("port", found[1])
    if "," in host:
        options.setdefault("target_session_attrs", "read-write")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database_name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": port,
        # A connection is tried before it is handed out: after a restart all that the pool kept are dead. The try costs
        # no round trip while the connection is in use (`PooledConnection`).
        "CONN_HEALTH_CHECKS": True,
        # One pool for everybody in the process: under ASGI Django opens a connection per request otherwise.
        "OPTIONS": {
            **_DEAD_PEER,
            **options,
            **({"application_name": label} if label else {}),
            "pool": {
                "connection_class": _pooled_connection(),
                "min_size": 0,
                "max_size": connections,
                "max_idle": idle_s,
                "timeout": POOL_TIMEOUT_S,
                "reconnect_timeout": RECONNECT_S,
            },
        },
    }
