"""Whether strangers may have the agent change things, and for which address the secret was entered."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("feishu", "0002_plans_that_do_not_grow"),
    ]

    operations = [
        migrations.AddField(
            model_name="feishuapp",
            name="secret_for",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name="feishuapp",
            name="trusts_strangers",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text='Off: for people who are not linked to a user here the agent only talks, and uses tools that only read. On: whoever can write to this bot, invited or not, may have its agent use every tool that it has: write, send, delete, spend, remember, set up schedules and triggers, as if you had asked. Turn it on only where you would let a stranger at the keyboard.',
                verbose_name="trusts strangers",
            ),
        ),
    ]
