from django.db import migrations

from chat.support.fields import JsonText


class Migration(migrations.Migration):
    """What was passed over is kept as data, and not only as an English sentence."""

    dependencies = [
        ("schedules", "0004_names_for_people"),
    ]

    operations = [
        migrations.AddField(
            model_name="schedulefiring",
            name="passed",
            field=JsonText(db_default=None, default=None, null=True),
        ),
    ]
