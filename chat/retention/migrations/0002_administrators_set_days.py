"""Administrators set days and delete for good; operators see how it stands. Groups that were changed since they were
made keep what they have, and get this besides."""

from django.db import migrations

GIVEN = {
    "operator": (("retention", "policydays", "view"),),
    "administrator": (
        ("retention", "policydays", "view"),
        ("retention", "policydays", "change"),
        ("chat", "conversation", "delete"),
    ),
}


def give(apps, schema_editor):
    """Permissions are made after migrating, by Django; it keeps those that are there."""
    using = schema_editor.connection.alias
    groups = apps.get_model("auth", "Group").objects.using(using)
    types = apps.get_model("contenttypes", "ContentType").objects.using(using)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    for name, wanted in GIVEN.items():
        for group in groups.filter(name=name):
            for app, model, verb in wanted:
                type, _ = types.get_or_create(app_label=app, model=model)
                found, _ = permissions.get_or_create(
                    content_type=type,
                    codename=f"{verb}_{model}",
                    defaults={"name": f"Can {verb} {model}"},
                )
                group.permissions.add(found)


class Migration(migrations.Migration):
    dependencies = [
        ("retention", "0001_rounds_and_erasures"),
        ("chat", "0018_groups_of_operators"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
