from django.db import migrations, models

from chat.support.migrations import AddIndexGently


class Migration(migrations.Migration):
    #: The indexes are built beside those who write.
    atomic = False

    dependencies = [
        ('schedules', '0001_initial'),
    ]

    operations = [
        AddIndexGently(
            model_name='schedulefiring',
            index=models.Index(fields=['-due', 'id'], name='schedule_recent'),
        ),
    ]
