from django.db import migrations, models

from chat.support.migrations import AddIndexGently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('chat', '0019_branches'),
    ]

    operations = [
        migrations.AddField(
            model_name='conversation',
            name='pinned_at',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='archived_at',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        AddIndexGently(
            model_name='conversation',
            index=models.Index(condition=models.Q(('deleted_at__isnull', True), ('pinned_at__isnull', False)), fields=['owner', '-pinned_at'], name='conversation_pinned'),
        ),
    ]
