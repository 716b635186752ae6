import django.db.models.deletion
from django.db import migrations, models

from chat.support.migrations import AddIndexGently, WithoutOwnIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('feishu', '0003_trust_and_address'),
    ]

    operations = [
        AddIndexGently(
            model_name='feishumessage',
            index=models.Index(fields=['id'], name='feishu_aside', condition=models.Q(('state', 'refused'))),
        ),
        WithoutOwnIndex(
            model_name='feishulane',
            name='app',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lanes', to='feishu.feishuapp'),
        ),
        WithoutOwnIndex(
            model_name='feishumessage',
            name='app',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='feishu.feishuapp'),
        ),
        WithoutOwnIndex(
            model_name='feishuturn',
            name='lane',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='turns', to='feishu.feishulane'),
        ),
        WithoutOwnIndex(
            model_name='feishuuser',
            name='app',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='people', to='feishu.feishuapp'),
        ),
    ]
