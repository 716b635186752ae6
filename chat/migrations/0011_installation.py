import uuid

from django.db import migrations, models


def make(apps, schema_editor):
    """The installation's identity, for good."""
    apps.get_model("chat", "Installation").objects.using(schema_editor.connection.alias).get_or_create(number=1)


class Migration(migrations.Migration):
    dependencies = [("chat", "0010_entrances_are_apps")]

    operations = [
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("number", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("identity", models.UUIDField(default=uuid.uuid4)),
                ("probed_at", models.BigIntegerField(db_default=0, default=0)),
            ],
        ),
        migrations.AddConstraint(
            model_name="installation",
            constraint=models.CheckConstraint(condition=models.Q(("number", 1)), name="one_installation"),
        ),
        migrations.RunPython(make, migrations.RunPython.noop),
    ]
