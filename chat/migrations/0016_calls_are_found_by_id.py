from django.db import migrations, models

from chat.support.migrations import AddIndexGently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('chat', '0015_indexes_that_others_cover'),
    ]

    operations = [
        AddIndexGently(
            model_name='call',
            index=models.Index(fields=['call'], name='call_found'),
        ),
        AddIndexGently(
            model_name='call',
            index=models.Index(fields=['provider_id'], name='call_found_by_provider'),
        ),
    ]
