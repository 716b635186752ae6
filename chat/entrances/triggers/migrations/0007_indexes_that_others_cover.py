import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from chat.support.migrations import WithoutOwnIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('triggers', '0006_owner_disabled'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        WithoutOwnIndex(
            model_name='trigger',
            name='owner',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        WithoutOwnIndex(
            model_name='triggerfiring',
            name='trigger',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='firings', to='triggers.trigger'),
        ),
    ]
