"""The release before: its code in a folder of its own, and an installation that it has made.

Nothing of it is imported here. It is asked as operators and people ask it: by its processes, its pages and its
`manage.py`. What is run in its shell finds models by the names of their tables, which no release changes.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from tests.support.processes import PEOPLE, ROOT, Stack, password

#: What the group may, by the names that all releases share.
GRANTED = ("view_trigger", "view_feishulane", "view_schedule", "change_schedule", "view_conversation")
TOOLS = ("pay", "post", "put", "look")

MAKE = """
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from agents.models import Agent, ensure_default_agent
tables = {{model._meta.db_table: model for model in apps.get_models()}}
make = get_user_model().objects.create_user
for name, word, staff in {people!r}:
    make(name, password=word, is_staff=staff, is_superuser=staff)
helpers = Group.objects.create(name="Helpers")
helpers.permissions.set(Permission.objects.filter(codename__in={granted!r}))
make("dave", password={dave!r}, is_staff=True).groups.add(helpers)
default = ensure_default_agent()
default.tools = list(dict.fromkeys([*default.tools, *{tools!r}]))
default.save()
careful = Agent.objects.create(slug="careful", name="Careful", tools={tools!r}, approval_tools=["post"])
tables["chat_feishuapp"].objects.create(
    slug="bot", name="Bot", app_id="cli_1", secret="the-app-secret", encrypt_key="k1", verification_token="token-1",
    base_url={feishu!r}, owner=get_user_model().objects.get(username="alice"), agent=careful,
)
"""


def tree(commit: str, folder: Path) -> Path:
    """The code of a commit in `folder`. Fails with git's own words, as in a clone that lacks the commit."""
    done = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, f"{commit} is not in this clone: {done.stderr.decode()}"
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as packed:
        packed.extractall(folder, filter="data")
    return folder


def install(stack: Stack, folder: Path, feishu: str) -> None:
    """Migrate with the code in `folder`, and put into the database what people had: agents, a group, an app."""
    people = [(name, password(name), name == "charlie") for name in PEOPLE]
    made = {"people": people, "granted": GRANTED, "tools": list(TOOLS), "feishu": feishu}
    stack.manage("migrate", "--no-input", folder=folder)
    stack.manage("shell", "-v", "0", "-c", MAKE.format(dave=password("dave"), **made), folder=folder)
