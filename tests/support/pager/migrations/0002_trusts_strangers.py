from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pager", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="pagerapp",
            name="trusts_strangers",
            field=models.BooleanField(default=False),
        ),
    ]
