"""Whether an agent asks before every tool that changes something. Those that are there stay as they are."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0010_providers_of_agents"),
    ]

    operations = [
        migrations.AddField(
            model_name="agent",
            name="ask_effectful",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Calls of every effectful tool wait until a person has seen their arguments and allows "
                "them, whether it is ticked above or not. On for an agent that is made here, unless you turn it off.",
                verbose_name="ask before tools that change something",
            ),
        ),
    ]
