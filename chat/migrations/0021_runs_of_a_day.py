from django.db import migrations, models

from chat.support.migrations import AddIndexGently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('chat', '0020_pinned_and_archived'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='person',
            field=models.CharField(blank=True, db_default='', default='', max_length=60),
        ),
        migrations.AddField(
            model_name='run',
            name='entrance',
            field=models.CharField(blank=True, db_default='', default='', max_length=20),
        ),
        AddIndexGently(
            model_name='run',
            index=models.Index(fields=['person', 'entrance', 'queued_at'], name='run_of_day'),
        ),
    ]
