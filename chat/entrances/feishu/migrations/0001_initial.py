"""Feishu's tables as they were made by the migrations of `chat`: known here from now on, and not touched."""

import chat.entrances.feishu.models
import chat.support.encryption
import chat.support.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('chat', '0010_entrances_are_apps'),
        ('agents', '0006_automations'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name='FeishuApp',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('slug', models.SlugField(help_text='In the address that the console sends events to.', unique=True)),
                        ('name', models.CharField(help_text='How people know the bot.', max_length=100)),
                        ('app_id', models.CharField(help_text='From “Credentials & Basic Info”.', max_length=100, verbose_name='App ID')),
                        ('secret', chat.support.encryption.SealedField(help_text='From the same page. Stored encrypted, never shown again.', verbose_name='App Secret')),
                        ('encrypt_key', chat.support.encryption.SealedField(blank=True, help_text='From “Events & Callbacks → Encryption Strategy”. With it events are signed and encrypted; use it.', verbose_name='Encrypt Key')),
                        ('verification_token', chat.support.encryption.SealedField(help_text='From the same page.', verbose_name='Verification Token')),
                        ('base_url', models.CharField(default='https://open.feishu.cn', help_text='https://open.feishu.cn for Feishu, https://open.larksuite.com for Lark.', max_length=200, validators=[chat.entrances.feishu.models.validate_base_url], verbose_name='address')),
                        ('private_policy', models.CharField(choices=[('everyone', 'everybody'), ('linked', 'only people who are linked to a user here'), ('nobody', 'nobody')], default='everyone', max_length=10, verbose_name='private chats with')),
                        ('group_policy', models.CharField(choices=[('everyone', 'everybody'), ('linked', 'only people who are linked to a user here'), ('nobody', 'nobody')], default='everyone', max_length=10, verbose_name='in groups')),
                        ('mention_only', models.BooleanField(default=True, help_text='In groups: answer only messages that name the bot with @.', verbose_name='only when mentioned')),
                        ('enabled', models.BooleanField(default=True)),
                        ('bot_open_id', models.CharField(blank=True, editable=False, max_length=100)),
                        ('agent', models.ForeignKey(blank=True, help_text='Who answers. Empty: the default agent.', null=True, on_delete=django.db.models.deletion.PROTECT, to='agents.agent')),
                        ('owner', models.ForeignKey(help_text='Owns the conversations of groups, and of people who are not linked. Make a user for it.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'verbose_name': 'Feishu app',
                        'db_table': 'chat_feishuapp',
                    },
                ),
                migrations.CreateModel(
                    name='FeishuLane',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('chat_id', models.CharField(max_length=100)),
                        ('thread_id', models.CharField(blank=True, max_length=100)),
                        ('generation', models.IntegerField(default=1)),
                        ('conversation', models.UUIDField(unique=True)),
                        ('anchor', models.CharField(blank=True, max_length=100)),
                        ('head_seq', models.BigIntegerField(default=0)),
                        ('run_seq', models.BigIntegerField(default=0)),
                        ('said_seq', models.BigIntegerField(default=0)),
                        ('claimed_by', models.CharField(blank=True, max_length=100)),
                        ('claimed_until', models.BigIntegerField(default=0)),
                        ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lanes', to='feishu.feishuapp')),
                        ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'verbose_name': 'Feishu chat',
                        'db_table': 'chat_feishulane',
                    },
                ),
                migrations.CreateModel(
                    name='FeishuDelivery',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('uuid', models.CharField(max_length=50, unique=True)),
                        ('run', models.CharField(blank=True, max_length=64)),
                        ('last', models.BooleanField(default=False)),
                        ('reply_to', models.CharField(blank=True, max_length=100)),
                        ('kind', models.CharField(default='interactive', max_length=20)),
                        ('content', models.TextField()),
                        ('state', models.CharField(choices=[('pending', 'to be sent'), ('sent', 'sent'), ('dead', 'given up')], default='pending', max_length=10)),
                        ('message_id', models.CharField(blank=True, max_length=100)),
                        ('attempts', models.IntegerField(default=0)),
                        ('first_at', models.BigIntegerField(blank=True, null=True)),
                        ('next_at', models.BigIntegerField(default=0)),
                        ('error', models.CharField(blank=True, max_length=300)),
                        ('created_at', models.BigIntegerField()),
                        ('sent_at', models.BigIntegerField(blank=True, null=True)),
                        ('lane', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='feishu.feishulane')),
                    ],
                    options={
                        'verbose_name': 'Feishu delivery',
                        'verbose_name_plural': 'Feishu deliveries',
                        'db_table': 'chat_feishudelivery',
                    },
                ),
                migrations.CreateModel(
                    name='FeishuMessage',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('message_id', models.CharField(max_length=120)),
                        ('chat_id', models.CharField(max_length=100)),
                        ('thread_id', models.CharField(blank=True, max_length=100)),
                        ('sender', models.CharField(max_length=100)),
                        ('event', chat.support.fields.JsonText()),
                        ('sent_at', models.BigIntegerField()),
                        ('received_at', models.BigIntegerField()),
                        ('state', models.CharField(choices=[('received', 'received'), ('taken', 'in the conversation'), ('done', 'carried out'), ('ignored', 'not for us'), ('refused', 'refused')], default='received', max_length=10)),
                        ('reason', models.CharField(blank=True, max_length=300)),
                        ('run', models.CharField(blank=True, max_length=64)),
                        ('answered_at', models.BigIntegerField(blank=True, null=True)),
                        ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='feishu.feishuapp')),
                    ],
                    options={
                        'verbose_name': 'Feishu message',
                        'db_table': 'chat_feishumessage',
                    },
                ),
                migrations.CreateModel(
                    name='FeishuTurn',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('run', models.CharField(max_length=64)),
                        ('rotation', models.IntegerField(default=0)),
                        ('card_id', models.CharField(blank=True, max_length=100)),
                        ('message_id', models.CharField(blank=True, max_length=100)),
                        ('opened_at', models.BigIntegerField(default=0)),
                        ('sequence', models.BigIntegerField(default=0)),
                        ('asked', models.CharField(blank=True, max_length=40)),
                        ('asked_card', models.CharField(blank=True, max_length=100)),
                        ('asked_at', models.BigIntegerField(default=0)),
                        ('ended', models.BooleanField(default=False)),
                        ('lane', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='turns', to='feishu.feishulane')),
                    ],
                    options={
                        'verbose_name': 'Feishu turn',
                        'db_table': 'chat_feishuturn',
                    },
                ),
                migrations.CreateModel(
                    name='FeishuUser',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('open_id', models.CharField(max_length=100)),
                        ('name', models.CharField(blank=True, help_text='How the agent and others see them.', max_length=150)),
                        ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='people', to='feishu.feishuapp')),
                        ('user', models.ForeignKey(blank=True, help_text='Private chats of a linked person are theirs, and open in their web chat, too.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'verbose_name': 'Feishu person',
                        'verbose_name_plural': 'Feishu people',
                        'db_table': 'chat_feishuuser',
                    },
                ),
                migrations.AddConstraint(
                    model_name='feishulane',
                    constraint=models.UniqueConstraint(fields=('app', 'chat_id', 'thread_id', 'generation'), name='feishu_lane'),
                ),
                migrations.AddIndex(
                    model_name='feishudelivery',
                    index=models.Index(condition=models.Q(('state', 'pending')), fields=['lane', 'id'], name='feishu_outbox'),
                ),
                migrations.AddIndex(
                    model_name='feishudelivery',
                    index=models.Index(condition=models.Q(('state', 'dead')), fields=['id'], name='feishu_dead'),
                ),
                migrations.AddIndex(
                    model_name='feishumessage',
                    index=models.Index(condition=models.Q(('state', 'received')), fields=['app', 'chat_id', 'thread_id', 'sent_at'], name='feishu_waiting'),
                ),
                migrations.AddIndex(
                    model_name='feishumessage',
                    index=models.Index(condition=models.Q(('answered_at__isnull', True)), fields=['run'], name='feishu_run'),
                ),
                migrations.AddConstraint(
                    model_name='feishumessage',
                    constraint=models.UniqueConstraint(fields=('app', 'message_id'), name='feishu_message'),
                ),
                migrations.AddConstraint(
                    model_name='feishuturn',
                    constraint=models.UniqueConstraint(fields=('lane', 'run'), name='feishu_turn'),
                ),
                migrations.AddConstraint(
                    model_name='feishuuser',
                    constraint=models.UniqueConstraint(fields=('app', 'open_id'), name='feishu_person'),
                ),
            ],
        ),
    ]
