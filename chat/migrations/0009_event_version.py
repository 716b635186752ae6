from django.db import migrations, models


class Migration(migrations.Migration):
    """A version for each event. A database default, so that the release before can go on inserting."""

    dependencies = [
        ('chat', '0008_feishu_asked_card'),
    ]

    operations = [
        migrations.AddField(
            model_name='event',
            name='version',
            field=models.SmallIntegerField(db_default=1),
        ),
    ]
