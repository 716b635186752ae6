import django.db.models.deletion
from django.db import migrations, models

from chat.support.migrations import WithoutOwnIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('chat', '0014_fault_outcome'),
    ]

    operations = [
        WithoutOwnIndex(
            model_name='call',
            name='conversation',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='calls', to='chat.conversation'),
        ),
        WithoutOwnIndex(
            model_name='command',
            name='conversation',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='commands', to='chat.conversation'),
        ),
        WithoutOwnIndex(
            model_name='event',
            name='conversation',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='chat.conversation'),
        ),
        WithoutOwnIndex(
            model_name='fault',
            name='conversation',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='faults', to='chat.conversation'),
        ),
        WithoutOwnIndex(
            model_name='message',
            name='conversation',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='chat.conversation'),
        ),
        WithoutOwnIndex(
            model_name='run',
            name='conversation',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='chat.conversation'),
        ),
        WithoutOwnIndex(
            model_name='step',
            name='conversation',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='chat.conversation'),
        ),
    ]
