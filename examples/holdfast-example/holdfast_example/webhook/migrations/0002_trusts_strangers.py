from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("example_webhook", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="chatwebhook",
            name="trusts_strangers",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text='On: whoever the program says has written may have the agent use every tool that it has, as if its owner had asked. Off: the agent only talks with them, and uses tools that only read.',
            ),
        ),
    ]
