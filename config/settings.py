"""Django's settings for Holdfast: the only module that reads the process environment.

Every variable is listed in docs/deployment.md. A bad value stops the start with a line that says what to set.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from chat.session.connect import channels_host
from chat.support.kept import kept
from chat.support.redis_address import DEFAULT_PREFIX
from config import capacity
from config.entrances import installed as installed_entrances
from config.entrances import other_apps
from config.logs import name_in_one_line, refusal_in_one_line, unless_a_visitor_left
from config.paths import BASE_DIR, DEFAULT_DATA, FILES, INSTALLED
from config.release import version
from config.telemetry import headers, metrics_host, token, traces_url
from config.values import (
    LOOPBACK,
    Values,
    data_folder,
    database,
    database_file,
    email,
    names_a_model,
    prefix,
    redis,
    redis_prefix,
    secret_key,
)

ENV = Values(os.environ)

DEBUG = ENV.flag("DJANGO_DEBUG")
# A trial on one's own machine (`make run`): plain HTTP, a key of its own making, a demo login.
HOLDFAST_TRIAL = ENV.flag("HOLDFAST_TRIAL", DEBUG)

# ---- where things are kept -------------------------------------------------------------------------------

HOLDFAST_DATA = Path(ENV.text("HOLDFAST_DATA", str(DEFAULT_DATA))).expanduser().resolve()
# Connections that one process opens to PostgreSQL, at most, and seconds after which one that was not needed goes.
HOLDFAST_DATABASE_CONNECTIONS = ENV.number("HOLDFAST_DATABASE_CONNECTIONS", 4, least=2, most=1_000)
HOLDFAST_DATABASE_IDLE_S = ENV.number("HOLDFAST_DATABASE_IDLE_S", 5, least=1, most=3_600)
DATABASES = {
    "default": database(
        "DATABASE_URL",
        ENV.text("DATABASE_URL", f"sqlite:///{HOLDFAST_DATA / 'holdfast.sqlite3'}"),
        HOLDFAST_DATA if INSTALLED else BASE_DIR,
        connections=HOLDFAST_DATABASE_CONNECTIONS,
        idle_s=HOLDFAST_DATABASE_IDLE_S,
        label=capacity.label(HOLDFAST_DATABASE_CONNECTIONS),
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    database_file("DATABASE_URL or HOLDFAST_DATA", Path(DATABASES["default"]["NAME"]))
    if HOLDFAST_DATA.is_dir():
        data_folder("HOLDFAST_DATA", HOLDFAST_DATA)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

HOLDFAST_REDIS_URL = redis("REDIS_URL", ENV.text("REDIS_URL", "redis://127.0.0.1:6380/0"))
# How keys, channels and the queue begin, so that several installations can share one Redis.
HOLDFAST_REDIS_PREFIX = redis_prefix(
    "HOLDFAST_REDIS_PREFIX", ENV.text("HOLDFAST_REDIS_PREFIX", DEFAULT_PREFIX)
)
# Whether to take the place in Redis whoever claimed it: for a server that belongs to the data folder, as in `make run`.
HOLDFAST_REDIS_TAKE = ENV.flag("HOLDFAST_REDIS_TAKE")


def _secret_key() -> str:
    """The key from the environment; in a trial one that is made once and kept in the data folder."""
    key = ENV.text("DJANGO_SECRET_KEY")
    if key:
        return secret_key("DJANGO_SECRET_KEY", key)
    if not HOLDFAST_TRIAL:
        raise ImproperlyConfigured(
            "DJANGO_SECRET_KEY is not set. Set it to a long random text "
            '(python -c "import secrets; print(secrets.token_urlsafe(50))"), '
            "or set HOLDFAST_TRIAL=1 to try Holdfast on your own machine."
        )
    path = HOLDFAST_DATA / "secret_key"
    data_folder("HOLDFAST_DATA", HOLDFAST_DATA)
    return kept(path, lambda: secrets.token_urlsafe(50))


SECRET_KEY = _secret_key()
# Keys of before: what they have sealed and signed is still read, and nothing is sealed with them any more. They may be
# weak; that may be why they are not the key any more.
SECRET_KEY_FALLBACKS = ENV.names("DJANGO_SECRET_KEY_FALLBACKS")

# ---- the demo: a scripted model and tools that only show something, for a first try without a key ---------

# The demo's own process reads where it listens by itself (config/values.py: demo_settings): it is told nothing else.
HOLDFAST_DEMO_HOST = ENV.text("HOLDFAST_DEMO_HOST", "127.0.0.1")
HOLDFAST_DEMO_PORT = ENV.number("HOLDFAST_DEMO_PORT", 8399, least=1, most=65535)
HOLDFAST_DEMO_URL = ENV.url(
    "HOLDFAST_DEMO_URL", f"http://127.0.0.1:{HOLDFAST_DEMO_PORT}/v1", ("http", "https")
)
HOLDFAST_DEMO = ENV.switch("HOLDFAST_DEMO", automatic=not names_a_model(ENV))
# Whether agents that name no model talk to the demo model.
HOLDFAST_DEMO_MODEL = HOLDFAST_DEMO and not names_a_model(ENV)

# ---- who may ask -----------------------------------------------------------------------------------------

# Loopback is always answered: that is where Docker Compose publishes, and where an operator on the machine looks.
ALLOWED_HOSTS = list(dict.fromkeys([*ENV.names("DJANGO_ALLOWED_HOSTS"), *LOOPBACK]))
CSRF_TRUSTED_ORIGINS = ENV.names("DJANGO_CSRF_TRUSTED_ORIGINS")
# The path of the host below which everything is, such as /chat (chat/http/mount.py); empty: all of the host.
HOLDFAST_PATH = prefix("HOLDFAST_PATH", ENV.text("HOLDFAST_PATH"))
FORCE_SCRIPT_NAME = HOLDFAST_PATH or None

# Entrances that take nothing in, by name (chat/extensions.py).
HOLDFAST_DISABLED_ENTRANCES = ENV.names("HOLDFAST_DISABLED_ENTRANCES")
_entrances = installed_entrances(BASE_DIR, HOLDFAST_DISABLED_ENTRANCES)
HOLDFAST_LEFT_OUT = _entrances.left_out

INSTALLED_APPS = [
    # It brings sockets to `runserver`, and Twisted into the memory of every other command, which has no use for it.
    *(["daphne"] if sys.argv[1:2] == ["runserver"] else []),
    "config.admin_app.HoldfastAdmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "channels",
    "csp",
    "config",
    "agents",
    "chat",
    "chat.telemetry",
    "chat.tokens",
    "chat.retention",
    *_entrances.apps,
    *other_apps(),
]
if HOLDFAST_DEMO:
    INSTALLED_APPS.append("demo")

# Django's own, asked without a thread for each question (config/middleware.py).
MIDDLEWARE = [
    "config.middleware.Security",
    "config.static.StaticMiddleware",
    "config.middleware.ContentSecurityPolicy",
    "config.middleware.Sessions",
    "config.middleware.Locale",
    "config.middleware.Common",
    "config.middleware.Csrf",
    "config.middleware.Authentication",
    "config.middleware.Messages",
    "config.middleware.NoFrames",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [FILES / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
# Widgets are drawn by the templates above, too: some of Django's are mended there (templates/admin/widgets/).
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["chat.http.authentication.PasswordBackend"]
CSRF_FAILURE_VIEW = "chat.http.trouble.csrf_failure"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = f"{HOLDFAST_PATH}/"
LOGOUT_REDIRECT_URL = "login"

# HTTPS is the rule outside a trial; DJANGO_INSECURE_HTTP=1 is for a private network without it.
_HTTPS = not ENV.flag("DJANGO_INSECURE_HTTP", HOLDFAST_TRIAL)
SESSION_ENGINE = "chat.http.sessions"
SESSION_COOKIE_SECURE = _HTTPS
CSRF_COOKIE_SECURE = _HTTPS
# What else is on this host has cookies of its own.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{HOLDFAST_PATH}/"
if _HTTPS:
    # Browsers take such a cookie only over HTTPS, for this host alone and for all of it: no other host of the domain
    # can set one here. Below a path there is the weaker form, which only HTTPS can set.
    _PREFIX = "__Secure-" if HOLDFAST_PATH else "__Host-"
    SESSION_COOKIE_NAME = f"{_PREFIX}sessionid"
    CSRF_COOKIE_NAME = f"{_PREFIX}csrftoken"
# Which browsers are known for whose logins (chat/http/devices.py).
HOLDFAST_DEVICE_COOKIE = f"{_PREFIX}device" if _HTTPS else "holdfast_device"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = ENV.number("DJANGO_HSTS_SECONDS", 3600 if _HTTPS else 0)
X_FRAME_OPTIONS = "DENY"
# What `check --deploy` would have of everybody, and is the operator's to decide: HSTS for all hosts of the domain
# (W005) and in the lists that browsers are made with (W021) would lock others out; and the redirect from HTTP (W008)
# is that of the proxy which has the certificate: this process is only ever asked over HTTP.
SILENCED_SYSTEM_CHECKS = [
    *("security.W005", "security.W008", "security.W021"),
    # It looks for Django's middleware by its names, and not for classes made of it (config/middleware.py).
    *("security.W001", "security.W002", "security.W003"),
]
if ENV.flag("DJANGO_BEHIND_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# ---- attachments: no address leads to the folder; chat/entrances/web/attachments.py hands files out --

MEDIA_ROOT = HOLDFAST_DATA / "media"
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
HOLDFAST_MAX_FILE_BYTES = ENV.number("HOLDFAST_MAX_FILE_BYTES", 10_000_000, least=1_000, most=100_000_000)
HOLDFAST_MAX_IMAGE_PIXELS = ENV.number("HOLDFAST_MAX_IMAGE_PIXELS", 50_000_000, least=1_000)

# 'self' in connect-src covers this host's own WebSocket too; naming ws: would open every other host.
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "connect-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        # Text is never made markup or code, except by the policies that a page names: chat/http/trusted.py.
        "require-trusted-types-for": ["'script'"],
        "trusted-types": [NONE],
    }
}

# ---- the frontend's files: hashed names by Vite, served by WhiteNoise ------------------------------------

FRONTEND_DIST = FILES / "frontend" / "dist"
STATIC_URL = f"{HOLDFAST_PATH}/static/"
# Nothing is collected: WhiteNoise serves each file from where it lies.
STATIC_ROOT = None
STATICFILES_DIRS = [FRONTEND_DIST] if FRONTEND_DIST.is_dir() else []
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ROOT = None
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/assets/.+-[\w-]{8}\.\w+$"

# ---- languages and time ----------------------------------------------------------------------------------

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
# What is said where nobody names a language: to Feishu's chats, in e-mail, to browsers that know neither of these two.
# The texts themselves are in chat/locale/ (scripts/messages.py).
LANGUAGE_CODE = ENV.choice("HOLDFAST_LANGUAGE", "en", tuple(code for code, _name in LANGUAGES))

# ---- doorbell: the channel layer carries no data ---------------------------------------------------------

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "prefix": f"{HOLDFAST_REDIS_PREFIX}:bell",
            "hosts": [channels_host(HOLDFAST_REDIS_URL)],
        },
    }
}

# What processes share for a while and may lose at any time (Feishu's token and its pace).
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": HOLDFAST_REDIS_URL,
        "KEY_PREFIX": f"{HOLDFAST_REDIS_PREFIX}:cache",
        "OPTIONS": {
            "pool_class": "chat.session.connect.CachePool",
            "socket_timeout": 2,
            "socket_connect_timeout": 2,
        },
    }
}

# ---- e-mail: only for results of schedules ---------------------------------------------------------------

HOLDFAST_EMAIL_URL = ENV.text("HOLDFAST_EMAIL_URL")
HOLDFAST_EMAIL = bool(HOLDFAST_EMAIL_URL)
globals().update(email("HOLDFAST_EMAIL_URL", HOLDFAST_EMAIL_URL))
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = ENV.text("HOLDFAST_EMAIL_FROM", "holdfast@localhost")

# ---- processes: where they listen (scripts/processes.py starts them) --------------------------------

HOLDFAST_HOST = ENV.text("HOLDFAST_HOST", "127.0.0.1")
HOLDFAST_PORT = ENV.number("HOLDFAST_PORT", 8000, least=1, most=65535)
# How many of each run on this machine, where a supervisor of ours starts them. Several web servers share the port.
HOLDFAST_WEB_PROCESSES = ENV.number("HOLDFAST_WEB_PROCESSES", 1, least=1, most=64)
HOLDFAST_WORKER_PROCESSES = ENV.number("HOLDFAST_WORKER_PROCESSES", 1, least=1, most=64)
# Linux only: a process ends when the one that started it has ended, even if that was killed.
HOLDFAST_END_WITH_PARENT = ENV.flag("HOLDFAST_END_WITH_PARENT")

# ---- models ----------------------------------------------------------------------------------------------

OPENAI_API_KEY = ENV.text("OPENAI_API_KEY")
OPENAI_MODEL = ENV.text("OPENAI_MODEL", "demo" if HOLDFAST_DEMO_MODEL else "gpt-5-mini")
OPENAI_BASE_URL = ENV.url(
    "OPENAI_BASE_URL",
    HOLDFAST_DEMO_URL if HOLDFAST_DEMO_MODEL else "https://api.openai.com/v1",
    ("http", "https"),
)
#: Keys of further providers, for agents and fallbacks at other addresses: {"https://api.example.com": "key"}.
HOLDFAST_MODEL_KEYS = ENV.keys("HOLDFAST_MODEL_KEYS")
# The slug of the agent whose model writes titles of conversations (chat/titles/); empty: none is written.
HOLDFAST_TITLE_AGENT = ENV.text("HOLDFAST_TITLE_AGENT").strip()
# The release before, as long as it must be able to read what this one writes (agents/events/earlier.py); empty: none.
HOLDFAST_COMPATIBILITY_VERSION = ENV.choice("HOLDFAST_COMPATIBILITY_VERSION", "", ("0.1",))
if HOLDFAST_COMPATIBILITY_VERSION and HOLDFAST_TITLE_AGENT:
    raise ImproperlyConfigured(
        f"HOLDFAST_TITLE_AGENT has titles written that {HOLDFAST_COMPATIBILITY_VERSION} cannot read: unset it, or "
        "HOLDFAST_COMPATIBILITY_VERSION once you are sure that you stay (docs/upgrading.md)."
    )
# Hosts (with port) inside the network that staff may have asked for their models, besides those of the settings above.
HOLDFAST_PRIVATE_PROVIDERS = ENV.names("HOLDFAST_PRIVATE_PROVIDERS")
# Modules with tools of your own, besides the built-in ones.
HOLDFAST_TOOL_MODULES = ENV.names("HOLDFAST_TOOL_MODULES")

# ---- Holdfast's own limits (milliseconds unless the name says otherwise) ---------------------------------

HOLDFAST_LEASE_MS = ENV.number("HOLDFAST_LEASE_MS", 15_000, least=200)
HOLDFAST_RENEW_MS = ENV.number("HOLDFAST_RENEW_MS", HOLDFAST_LEASE_MS // 3, least=50)
HOLDFAST_HEARTBEAT_MS = ENV.number("HOLDFAST_HEARTBEAT_MS", 10_000, least=100)
HOLDFAST_IDLE_TTL_MS = ENV.number("HOLDFAST_IDLE_TTL_MS", 24 * 3600 * 1000, least=1_000)
HOLDFAST_SWEEP_MS = ENV.number("HOLDFAST_SWEEP_MS", 5_000, least=100)
HOLDFAST_LOG_EVENTS = ENV.number("HOLDFAST_LOG_EVENTS", 2_000, least=50)
HOLDFAST_WORKER_CONCURRENCY = ENV.number("HOLDFAST_WORKER_CONCURRENCY", 64, least=1)
# Processes that a worker starts at the same time for runs which may have taken workers down (chat/runs/isolated/).
HOLDFAST_ALONE = ENV.number("HOLDFAST_ALONE", 16, least=1)
# A worker in which nothing moves for so long ends itself: something in it does not give up its turn.
HOLDFAST_STUCK_MS = ENV.number("HOLDFAST_STUCK_MS", max(60_000, 4 * HOLDFAST_LEASE_MS), least=1_000)
# Sockets that a web server which ends tells per second; faster if it would take longer than HOLDFAST_DRAIN_MS.
HOLDFAST_DRAIN_PER_SECOND = ENV.number("HOLDFAST_DRAIN_PER_SECOND", 100, least=1)
HOLDFAST_DRAIN_MS = ENV.number("HOLDFAST_DRAIN_MS", 5_000, least=100)
# Conversations shown anew per second by one web server, after a burst of as many; who comes back in a storm waits.
HOLDFAST_OPENS_PER_SECOND = ENV.number("HOLDFAST_OPENS_PER_SECOND", 1000, least=1)
# Triggers that one person may have, and seconds between two looks at an address, at least.
HOLDFAST_TRIGGERS_PER_USER = ENV.number("HOLDFAST_TRIGGERS_PER_USER", 100, least=0, most=10_000)
HOLDFAST_TRIGGER_LEAST_S = ENV.number("HOLDFAST_TRIGGER_LEAST_S", 60, least=1)
# Networks beside the public internet whose addresses triggers may look at, for everybody who may make one.
HOLDFAST_TRIGGER_NETWORKS = ENV.networks("HOLDFAST_TRIGGER_NETWORKS")
# Bytes of one delivery to a webhook: GitHub sends up to 25 MB.
HOLDFAST_WEBHOOK_BYTES = ENV.number("HOLDFAST_WEBHOOK_BYTES", 26_214_400, least=1_000, most=100_000_000)
# ---- how much one person may have (docs/limits.md); 0: as much as they like ----
HOLDFAST_COMMANDS_PER_MINUTE = ENV.number("HOLDFAST_COMMANDS_PER_MINUTE", 240)
HOLDFAST_RUNS_PER_DAY = ENV.number("HOLDFAST_RUNS_PER_DAY", 5_000)
HOLDFAST_TOKENS_PER_DAY = ENV.number("HOLDFAST_TOKENS_PER_DAY", 200_000_000)
HOLDFAST_DOLLARS_PER_DAY = ENV.number("HOLDFAST_DOLLARS_PER_DAY", 200, most=1_000_000_000)
HOLDFAST_CONVERSATIONS_PER_USER = ENV.number("HOLDFAST_CONVERSATIONS_PER_USER", 100_000)
HOLDFAST_FILE_BYTES_PER_USER = ENV.number("HOLDFAST_FILE_BYTES_PER_USER", 10_000_000_000)
# Rows that all triggers of one person keep of what they have seen; beyond it the oldest go.
HOLDFAST_FIRINGS_PER_USER = ENV.number("HOLDFAST_FIRINGS_PER_USER", 50_000)
# Recorded requests that one person may have sent again in a day (docs/inspection.md).
HOLDFAST_REPLAYS_PER_DAY = ENV.number("HOLDFAST_REPLAYS_PER_DAY", 200)
# What is kept of providers' answers, for so many days: nothing, the facts of those that failed, of all, or bodies, too.
HOLDFAST_RAW_RESPONSES = ENV.choice(
    "HOLDFAST_RAW_RESPONSES", "failures", ("off", "failures", "facts", "bodies")
)
HOLDFAST_RAW_RESPONSE_DAYS = ENV.number("HOLDFAST_RAW_RESPONSE_DAYS", 7, least=1, most=3_650)
# Bytes of a file with a conversation that is imported.
HOLDFAST_MAX_IMPORT_BYTES = ENV.number(
    "HOLDFAST_MAX_IMPORT_BYTES", 50_000_000, least=1_000, most=1_000_000_000
)
# ---- schedules (docs/schedules.md) ----
# Of one person; agents have limits of their own beside it. 0: nobody but staff makes any.
HOLDFAST_SCHEDULES_PER_USER = ENV.number("HOLDFAST_SCHEDULES_PER_USER", 50)
# Seconds between two due times of one schedule, at least.
HOLDFAST_SCHEDULE_LEAST_S = ENV.number("HOLDFAST_SCHEDULE_LEAST_S", 60, least=1, most=86_400)
# Seconds that a due time may be found late and still count as on time, where missed runs are skipped.
HOLDFAST_SCHEDULE_GRACE_S = ENV.number("HOLDFAST_SCHEDULE_GRACE_S", 300)
HOLDFAST_SCHEDULE_LOOK_MS = ENV.number("HOLDFAST_SCHEDULE_LOOK_MS", 1_000, least=20)
# A file with milliseconds by which the clock of schedules is ahead (chat/support/clock.py), for tests only.
HOLDFAST_TEST_CLOCK = ENV.text("HOLDFAST_TEST_CLOCK")
# A named place where a process kills itself (chat/support/kill_points.py), for recovery tests only.
HOLDFAST_DIE_AT = ENV.text("HOLDFAST_DIE_AT")

# ---- metrics and traces (docs/metrics.md) ----------------------------------------------------------------

HOLDFAST_VERSION = version()
# The first of the ports at which processes tell their metrics, one each; 0: they tell none.
HOLDFAST_METRICS_PORT = ENV.number("HOLDFAST_METRICS_PORT", 0, least=0, most=65535)
HOLDFAST_METRICS_PORTS = ENV.number("HOLDFAST_METRICS_PORTS", 16, least=1, most=1_000)
HOLDFAST_METRICS_TOKEN = token("HOLDFAST_METRICS_TOKEN", ENV.text("HOLDFAST_METRICS_TOKEN"))
HOLDFAST_METRICS_HOST = metrics_host(
    "HOLDFAST_METRICS_HOST",
    ENV.text("HOLDFAST_METRICS_HOST", "127.0.0.1"),
    token="HOLDFAST_METRICS_TOKEN" if not HOLDFAST_METRICS_TOKEN else "",
)
# Where traces of runs go to, by OTLP over HTTP; empty: there are none.
HOLDFAST_TRACES_URL = traces_url("HOLDFAST_TRACES_URL", ENV.text("HOLDFAST_TRACES_URL"))
# What that wants to be told with them: name=value, separated by commas. It may be a secret.
HOLDFAST_TRACES_HEADERS = headers("HOLDFAST_TRACES_HEADERS", ENV.text("HOLDFAST_TRACES_HEADERS"))
# Of a hundred runs, so many are traced; which ones their ids decide.
HOLDFAST_TRACES_PERCENT = ENV.number("HOLDFAST_TRACES_PERCENT", 100, least=0, most=100)

# ---- logs: one line each, to stderr ----------------------------------------------------------------------

LOG_LEVEL = ENV.text("HOLDFAST_LOG_LEVEL", "INFO").upper()
# `line`: for people; `json`: an object on each line, for programs that collect logs.
LOG_FORMAT = ENV.choice("HOLDFAST_LOG_FORMAT", "line", ("line", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "config.logs.LineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
        "json": {"()": "config.logs.JsonFormatter"},
    },
    "filters": {
        "visitors": {"()": "django.utils.log.CallbackFilter", "callback": unless_a_visitor_left},
        "names": {"()": "django.utils.log.CallbackFilter", "callback": name_in_one_line},
        "refusals": {"()": "django.utils.log.CallbackFilter", "callback": refusal_in_one_line},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "stream": sys.stderr,
            "filters": ["refusals"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "agents": {"level": LOG_LEVEL},
        "chat": {"level": LOG_LEVEL},
        "config": {"level": LOG_LEVEL},
        "streaq": {"level": LOG_LEVEL},
        "asyncio": {"filters": ["visitors"]},
        "django": {"level": "INFO"},
        "django.security.DisallowedHost": {"filters": ["names"]},
        # One line per request and per socket says nothing that the journal does not.
        "django.channels.server": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "openai": {"level": "WARNING"},
    },
}
