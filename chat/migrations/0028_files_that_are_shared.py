from django.db import migrations, models

from chat.support.migrations import AddIndexGently


class Migration(migrations.Migration):
    #: The index is built beside those who write.
    atomic = False

    dependencies = [
        ("chat", "0027_titles"),
    ]

    operations = [
        AddIndexGently(
            model_name="attachment",
            index=models.Index(fields=["file"], name="attachment_file"),
        ),
    ]
