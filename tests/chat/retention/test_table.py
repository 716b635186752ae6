"""Every table of the database is in the table of retention, or stays for a reason; the documentation has the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection, models
from django.utils import translation

from chat.entrances.triggers.models import TriggerFiring
from chat.models import Conversation
from chat.retention import table
from chat.retention.models import PolicyDays
from chat.retention.purge import relations
from tests.support.processes import ROOT

#: What tests alone install.
OURS = ("pager",)


def goes_with(model: type[models.Model]) -> set[type[models.Model]]:
    """The model, and every one whose rows go when its rows go."""
    found = {model}
    for relation in relations(model, models.CASCADE):
        if relation.related_model not in found:
            found |= goes_with(relation.related_model)
    return found


def accounted() -> set[type[models.Model]]:
    """Every model of which it is said what becomes of its rows."""
    found: set[type[models.Model]] = set()
    for policy in table.policies():
        for label in policy.covers:
            found |= goes_with(apps.get_model(label))
    return found | {_model(label) for label in table.stays()}


def _model(label: str) -> type[models.Model]:
    known = {one._meta.label: one for one in apps.get_models(include_auto_created=True)}
    assert label in known, f"{label} stays, it is said, and there is no such model."
    return known[label]


@pytest.mark.django_db
def test_every_table_of_the_database_is_accounted_for() -> None:
    known = {model._meta.db_table for model in accounted()}
    there = set(connection.introspection.table_names())
    lost = {one for one in there - known if not one.startswith(tuple(table.TABLES))}
    assert not lost, (
        f"Of these tables nobody says how long their rows are kept: {sorted(lost)}. Give them a policy or a reason "
        "(chat/retention/table.py, or their entrance)."
    )


def test_a_table_that_nobody_has_thought_of_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "POLICIES", tuple(one for one in table.POLICIES if one.name != "set_aside"))
    assert "chat_queuefailure" not in {model._meta.db_table for model in accounted()}


def test_names_are_unique_short_and_keep_what_is_set() -> None:
    names = [one.name for one in table.policies()]
    assert len(names) == len(set(names))
    assert all(len(name) <= 40 and name.isidentifier() for name in names)
    assert all(one.days is None or one.days >= one.least for one in table.policies())
    assert all(reason for reason in table.stays().values())


def test_the_documentation_has_the_same_table() -> None:
    with translation.override("en"):
        rows = [
            f"| `{one.name}` | {one.label} | {'never' if one.days is None else one.days} |"
            for one in table.policies()
            if not one.name.startswith(OURS)
        ]
    lines = Path(ROOT, "docs/deployment.md").read_text().splitlines()
    start = lines.index("| Policy | What goes | After days |")
    assert lines[start + 2 : start + 2 + len(rows)] == rows
    assert not lines[start + 2 + len(rows)].startswith("|")


@pytest.mark.django_db
def test_days_are_set_within_bounds_and_only_for_what_there_is() -> None:
    assert table.days_of()["faults"] == 90
    assert table.set_days("faults", 10, now=1)
    assert not table.set_days("faults", 10, now=2)
    assert table.days_of()["faults"] == 10
    assert table.set_days("faults", None, now=3)
    assert table.days_of()["faults"] is None
    with pytest.raises(table.UnknownPolicy, match="at least 30 days"):
        table.set_days("log", 3, now=4)
    with pytest.raises(table.UnknownPolicy, match=r"There is no policy 'fault'\. There are: deleted, "):
        table.set_days("fault", 3, now=4)
    # What a package of before has left does no harm.
    PolicyDays.objects.create(name="gone_package", days=3, changed_at=1)
    assert "gone_package" not in table.days_of()


def test_what_hangs_on_a_conversation_is_covered_by_it() -> None:
    labels = {model._meta.label for model in goes_with(Conversation)}
    assert labels >= {"chat.Event", "chat.Call", "chat.Fault", "chat.Attachment", "triggers.TriggerScan"}
    assert TriggerFiring not in goes_with(Conversation)
