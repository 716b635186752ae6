"""Three groups for the admin: who may look, who may help, who may set up. Whoever has one of that name keeps it as it
is: what it may do was decided here."""

from django.db import migrations

VIEWED = {
    "chat": ("conversation", "event", "message", "run", "step", "call", "fault", "queuefailure"),
}
CHANGED = {"chat": ("conversation", "run", "call", "queuefailure")}
SET_UP = {
    "agents": ("agent", "modelprovider", "providermodel", "agentfallback", "learnedrule", "note"),
    "auth": ("user",),
}
VERBS = ("add", "change", "delete", "view")


def _permissions(apps, using, wanted):
    """Permissions are made after migrating, by Django; it keeps those that are there."""
    types = apps.get_model("contenttypes", "ContentType").objects.using(using)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    for app, model, verb in wanted:
        type, _ = types.get_or_create(app_label=app, model=model)
        name = f"Can {verb} {model}"
        found, _ = permissions.get_or_create(
            content_type=type, codename=f"{verb}_{model}", defaults={"name": name}
        )
        yield found


def make(apps, schema_editor):
    using = schema_editor.connection.alias
    groups = apps.get_model("auth", "Group").objects.using(using)
    look = [(app, model, "view") for app, models in VIEWED.items() for model in models]
    help = [*look, *((app, model, "change") for app, models in CHANGED.items() for model in models)]
    set_up = [*help, *((a, m, verb) for a, models in SET_UP.items() for m in models for verb in VERBS)]
    for name, wanted in (("viewer", look), ("operator", help), ("administrator", set_up)):
        group, made = groups.get_or_create(name=name)
        if made:
            group.permissions.set(list(_permissions(apps, using, wanted)))


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0017_settings_of_requests"),
        ("agents", "0011_ask_effectful"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
