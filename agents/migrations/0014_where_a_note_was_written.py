from django.db import migrations, models


class Migration(migrations.Migration):
    """A note knows the conversation in which it was written down."""

    dependencies = [
        ("agents", "0013_names_for_people"),
    ]

    operations = [
        migrations.AddField(
            model_name="note",
            name="conversation",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
    ]
