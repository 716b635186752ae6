"""Operators and administrators may have recorded requests sent again, and whoever looks may see what came of it;
administrators may import conversations. A group that somebody has taken away, or renamed, stays so."""

from django.db import migrations

GIVEN = {
    "viewer": (("replay", "view_replay"),),
    "operator": (("replay", "view_replay"), ("replay", "send_replay")),
    "administrator": (
        ("replay", "view_replay"),
        ("replay", "send_replay"),
        ("conversation", "import_conversation"),
    ),
}
NAMES = {
    "view_replay": "Can view replay",
    "send_replay": "Can send recorded requests again",
    "import_conversation": "Can import conversations",
}


def give(apps, schema_editor):
    using = schema_editor.connection.alias
    types = apps.get_model("contenttypes", "ContentType").objects.using(using)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    groups = apps.get_model("auth", "Group").objects.using(using)
    for name, given in GIVEN.items():
        group = groups.filter(name=name).first()
        if group is None:
            continue
        for model, codename in given:
            type, _ = types.get_or_create(app_label="chat", model=model)
            found, _ = permissions.get_or_create(
                content_type=type, codename=codename, defaults={"name": NAMES[codename]}
            )
            group.permissions.add(found)


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0025_replays"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
