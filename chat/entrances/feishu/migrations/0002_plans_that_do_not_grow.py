from django.db import migrations, models

from chat.support.migrations import AddIndexGently


class Migration(migrations.Migration):
    #: The indexes are built beside those who write.
    atomic = False

    dependencies = [
        ('feishu', '0001_initial'),
    ]

    operations = [
        AddIndexGently(
            model_name='feishudelivery',
            index=models.Index(fields=['run', 'id'], name='feishu_delivery_run'),
        ),
        AddIndexGently(
            model_name='feishulane',
            index=models.Index(fields=['claimed_until'], name='feishu_held'),
        ),
        AddIndexGently(
            model_name='feishumessage',
            index=models.Index(fields=['run', 'sent_at', 'id'], name='feishu_asked_by'),
        ),
        AddIndexGently(
            model_name='feishumessage',
            index=models.Index(fields=['app', 'sender', 'id'], name='feishu_sender'),
        ),
    ]
