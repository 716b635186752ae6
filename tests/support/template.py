"""A migrated database with Alice, Bob, Charlie and the default agent, made once and copied by every stack."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.processes import PEOPLE, ROOT, clean_environment, password

MAKE_PEOPLE = """
from django.contrib.auth import get_user_model
from agents.models import ensure_default_agent
for name, word, staff in {people!r}:
    get_user_model().objects.create_user(name, password=word, is_staff=staff, is_superuser=staff)
ensure_default_agent(also=("notes",))
"""


def fill(database: str, data: Path) -> None:
    """Migrate the database at this address and put the people and the default agent into it."""
    people = [(name, password(name), name == "charlie") for name in PEOPLE]
    env = clean_environment(DJANGO_SECRET_KEY="of-tests-" * 8, HOLDFAST_DATA=str(data), DATABASE_URL=database)
    for arguments in (
        ["migrate", "--no-input"],
        ["shell", "-v", "0", "-c", MAKE_PEOPLE.format(people=people)],
    ):
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {arguments[0]} failed:\n{done.stdout}{done.stderr}")


def make_sqlite(folder: Path) -> Path:
    """A filled SQLite file in `folder`, complete in itself (nothing left in a -wal file)."""
    path = folder / "template.sqlite3"
    fill(f"sqlite:///{path}", folder)
    return path
