"""Hosts whose pages an agent may read at addresses of its model's own. None: a person is asked before each of those,
also for agents that are there (docs/decisions/0027)."""

from django.db import migrations, models

import agents.serving.validation


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0011_ask_effectful"),
    ]

    operations = [
        migrations.AddField(
            model_name="agent",
            name="fetch_hosts",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="One host a line, such as en.wikipedia.org, or *.example.com for all below it. A person is "
                "asked before a page is read whose address the model has put together itself: words of the "
                "conversation could be in it. Not so for these hosts. * means any host: then whatever the agent knows "
                "can be sent anywhere.",
                validators=[agents.serving.validation.validate_hosts],
                verbose_name="hosts it may read unasked",
            ),
        ),
    ]
