from django.db import migrations, models

import chat.support.fields


def branch(model: str) -> migrations.AddField:
    return migrations.AddField(
        model_name=model,
        name="branch",
        field=models.CharField(blank=True, db_default="", default="", max_length=36),
    )


class Migration(migrations.Migration):
    dependencies = [("chat", "0018_groups_of_operators")]

    operations = [
        *(
            migrations.AddField(
                model_name="conversation",
                name=name,
                field=chat.support.fields.JsonText(db_default=None, default=None, null=True),
            )
            for name in ("branches", "seen")
        ),
        *(branch(model) for model in ("message", "run", "step")),
    ]
