"""The schedules' tables as they were made by the migrations of `chat`: known here from now on, and not touched."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('chat', '0010_entrances_are_apps'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name='Schedule',
                    fields=[
                        ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                        ('name', models.CharField(max_length=100)),
                        ('prompt', models.TextField(help_text='What the agent is told each time.')),
                        ('agent', models.CharField(blank=True, help_text="The agent's slug; empty: the default one.", max_length=100)),
                        ('kind', models.CharField(choices=[('cron', 'cron'), ('interval', 'interval'), ('once', 'once')], default='cron', max_length=10)),
                        ('cron', models.CharField(blank=True, max_length=200)),
                        ('zone', models.CharField(default='UTC', max_length=64, verbose_name='time zone')),
                        ('every_ms', models.BigIntegerField(default=0)),
                        ('at', models.BigIntegerField(default=0)),
                        ('ends_at', models.BigIntegerField(blank=True, null=True)),
                        ('missed', models.CharField(choices=[('skip', 'skip what was missed'), ('once', 'run once for all that was missed'), ('all', 'run all that was missed, up to a number')], default='once', max_length=4, verbose_name='missed runs')),
                        ('most', models.PositiveIntegerField(default=10, verbose_name='at most')),
                        ('place', models.CharField(choices=[('new', 'a new conversation each time'), ('same', 'always the same conversation')], default='new', max_length=4)),
                        ('conversation', models.UUIDField(blank=True, null=True)),
                        ('series', models.PositiveIntegerField(default=1)),
                        ('deliver_kind', models.CharField(blank=True, max_length=20, verbose_name='deliver to')),
                        ('deliver_address', models.CharField(blank=True, max_length=200, verbose_name='address')),
                        ('state', models.CharField(choices=[('active', 'active'), ('paused', 'paused'), ('ended', 'ended')], default='active', max_length=10)),
                        ('problem', models.CharField(blank=True, max_length=30)),
                        ('next_at', models.BigIntegerField(blank=True, null=True)),
                        ('made_in', models.UUIDField(blank=True, db_index=True, null=True)),
                        ('created_at', models.BigIntegerField()),
                        ('updated_at', models.BigIntegerField()),
                        ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='schedules', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'db_table': 'chat_schedule',
                    },
                ),
                migrations.CreateModel(
                    name='ScheduleFiring',
                    fields=[
                        ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                        ('due', models.BigIntegerField()),
                        ('manual', models.BooleanField(default=False)),
                        ('state', models.CharField(choices=[('received', 'to be begun'), ('fired', 'in its conversation'), ('over', 'over'), ('failed', 'could not be begun'), ('skipped', 'passed over')], default='received', max_length=10)),
                        ('target', models.UUIDField(blank=True, null=True)),
                        ('series', models.CharField(blank=True, max_length=100)),
                        ('conversation', models.UUIDField(blank=True, null=True)),
                        ('message', models.CharField(blank=True, max_length=64)),
                        ('run', models.CharField(blank=True, max_length=64)),
                        ('outcome', models.CharField(blank=True, max_length=30)),
                        ('detail', models.CharField(blank=True, max_length=500)),
                        ('attempts', models.IntegerField(default=0)),
                        ('retry_at', models.BigIntegerField(default=0)),
                        ('claimed_until', models.BigIntegerField(default=0)),
                        ('seen_seq', models.BigIntegerField(default=0)),
                        ('created_at', models.BigIntegerField()),
                        ('fired_at', models.BigIntegerField(blank=True, null=True)),
                        ('over_at', models.BigIntegerField(blank=True, null=True)),
                        ('schedule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='firings', to='schedules.schedule')),
                    ],
                    options={
                        'verbose_name': 'schedule run',
                        'db_table': 'chat_schedulefiring',
                    },
                ),
                migrations.CreateModel(
                    name='ScheduleDelivery',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('kind', models.CharField(max_length=20)),
                        ('address', models.CharField(max_length=200)),
                        ('subject', models.CharField(max_length=200)),
                        ('text', models.TextField()),
                        ('state', models.CharField(choices=[('pending', 'to be sent'), ('sent', 'sent'), ('dead', 'given up')], default='pending', max_length=10)),
                        ('attempts', models.IntegerField(default=0)),
                        ('next_at', models.BigIntegerField(default=0)),
                        ('error', models.CharField(blank=True, max_length=300)),
                        ('created_at', models.BigIntegerField()),
                        ('sent_at', models.BigIntegerField(blank=True, null=True)),
                        ('firing', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='delivery', to='schedules.schedulefiring')),
                    ],
                    options={
                        'verbose_name': 'schedule delivery',
                        'verbose_name_plural': 'schedule deliveries',
                        'db_table': 'chat_scheduledelivery',
                    },
                ),
                migrations.AddIndex(
                    model_name='schedule',
                    index=models.Index(condition=models.Q(('state', 'active')), fields=['next_at'], name='schedule_due'),
                ),
                migrations.AddIndex(
                    model_name='schedule',
                    index=models.Index(fields=['owner', '-created_at'], name='schedule_list'),
                ),
                migrations.AddIndex(
                    model_name='schedulefiring',
                    index=models.Index(condition=models.Q(('state', 'received')), fields=['due'], name='schedule_received'),
                ),
                migrations.AddIndex(
                    model_name='schedulefiring',
                    index=models.Index(condition=models.Q(('state', 'fired')), fields=['conversation'], name='schedule_fired'),
                ),
                migrations.AddIndex(
                    model_name='schedulefiring',
                    index=models.Index(fields=['run'], name='schedule_run'),
                ),
                migrations.AddConstraint(
                    model_name='schedulefiring',
                    constraint=models.UniqueConstraint(fields=('schedule', 'due'), name='schedule_firing'),
                ),
                migrations.AddIndex(
                    model_name='scheduledelivery',
                    index=models.Index(condition=models.Q(('state', 'pending')), fields=['next_at'], name='schedule_outbox'),
                ),
            ],
        ),
    ]
