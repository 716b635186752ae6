"""The settings of the test process: `config.settings` over a temporary data folder and its own Valkey."""

import os
import tempfile

from tests.support.ports import claim_port

DATA = tempfile.mkdtemp(prefix="holdfast-test-")
# WhiteNoise warns when STATIC_ROOT is not there, and warnings are errors.
os.makedirs(f"{DATA}/static")
VALKEY_PORT = claim_port()

os.environ.update(
    {
        "DJANGO_SECRET_KEY": "only-for-tests-" + "x" * 50,
        "DJANGO_INSECURE_HTTP": "1",
        "HOLDFAST_DATA": DATA,
        # Tests say in a minute what no person says. Those of the limits set their own.
        "HOLDFAST_COMMANDS_PER_MINUTE": "0",
        "REDIS_URL": f"redis://127.0.0.1:{VALKEY_PORT}/0",
        # Set by tests/platform/test_postgres.py, which runs the same tests on PostgreSQL.
        "DATABASE_URL": os.environ.get("HOLDFAST_TEST_DATABASE") or f"sqlite:///{DATA}/holdfast.sqlite3",
    }
)
# A developer's own key must never reach a test: the tests talk to the demo model only.
for name in (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "DJANGO_DEBUG",
    "HOLDFAST_TRIAL",
    "HOLDFAST_DEMO",
):
    os.environ.pop(name, None)

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, INSTALLED_APPS, MIDDLEWARE  # noqa: E402

# A second messenger, so that nothing in chat/messenger/ is about Feishu (tests/chat/messenger/).
INSTALLED_APPS = [*INSTALLED_APPS, "tests.support.pager"]

MIDDLEWARE = [
    "tests.support.known_static.KnownStaticMiddleware" if one == "config.static.StaticMiddleware" else one
    for one in MIDDLEWARE
]

# A file, not memory: threads and processes must see one database, as they do in production.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": f"{DATA}/test.sqlite3"}
    DATABASES["default"]["ENGINE"] = "tests.support.flushing.sqlite3"
else:
    DATABASES["default"]["ENGINE"] = "tests.support.flushing.postgresql"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
