import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from chat.support.migrations import AddIndexGently, WithoutOwnIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('schedules', '0002_plans_that_do_not_grow'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddIndexGently(
            model_name='scheduledelivery',
            index=models.Index(fields=['id'], name='schedule_dead', condition=models.Q(('state', 'dead'))),
        ),
        WithoutOwnIndex(
            model_name='schedule',
            name='owner',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='schedules', to=settings.AUTH_USER_MODEL),
        ),
        WithoutOwnIndex(
            model_name='schedulefiring',
            name='schedule',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='firings', to='schedules.schedule'),
        ),
    ]
