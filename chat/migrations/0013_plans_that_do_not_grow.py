from django.db import migrations, models

from chat.support.migrations import AddIndexGently


class Migration(migrations.Migration):
    #: The indexes are built beside those who write.
    atomic = False

    dependencies = [
        ('chat', '0012_set_aside'),
    ]

    operations = [
        AddIndexGently(
            model_name='conversation',
            index=models.Index(fields=['-updated_at', 'id'], name='conversation_recent'),
        ),
        AddIndexGently(
            model_name='event',
            index=models.Index(fields=['type', 'id'], name='event_type'),
        ),
    ]
