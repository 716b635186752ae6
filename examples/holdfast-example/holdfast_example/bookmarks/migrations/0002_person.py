from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("example_bookmarks", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="bookmark",
            name="person",
            field=models.CharField(blank=True, db_default="", default="", max_length=60),
        ),
    ]
