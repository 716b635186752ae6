"""Notes are kept per person who speaks: the account, and, of somebody who is no user, who it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0006_automations"),
    ]

    operations = [
        migrations.AddField(
            model_name="note",
            name="person",
            field=models.CharField(blank=True, db_default="", default="", max_length=60),
        ),
        migrations.AlterField(
            model_name="note",
            name="number",
            field=models.PositiveIntegerField(
                help_text="Counts per person; not used again after a deletion."
            ),
        ),
        migrations.RemoveConstraint(model_name="note", name="agents_note_number_per_owner"),
        migrations.AddConstraint(
            model_name="note",
            constraint=models.UniqueConstraint(
                fields=("owner", "person", "number"), name="agents_note_number_per_person"
            ),
        ),
    ]
