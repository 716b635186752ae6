from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pager", "0002_trusts_strangers"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="pagerperson",
            constraint=models.UniqueConstraint(fields=("app", "number"), name="pager_person"),
        ),
    ]
