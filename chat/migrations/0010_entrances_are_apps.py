"""The entrances become apps of their own. No table is touched: only who they belong to, and with that the names of
content types and permissions (`chat.view_feishulane` is `feishu.view_feishulane` from here on)."""

from django.db import migrations

#: What moves where.
MOVED = {
    'feishu': ('feishuapp', 'feishuuser', 'feishumessage', 'feishulane', 'feishuturn', 'feishudelivery'),
    'schedules': ('schedule', 'schedulefiring', 'scheduledelivery'),
    'triggers': ('trigger', 'triggerfiring', 'triggerscan'),
}


def forward(apps, schema_editor):
    for label, models in MOVED.items():
        _relabel(apps, schema_editor, 'chat', label, models)


def backward(apps, schema_editor):
    for label, models in MOVED.items():
        _relabel(apps, schema_editor, label, 'chat', models)


def _relabel(apps, schema_editor, old, new, models):
    """Give content types another app. Permissions (of groups and users) and the admin's log point to the rows, and stay."""
    alias = schema_editor.connection.alias
    types = apps.get_model('contenttypes', 'ContentType').objects.using(alias)
    for kept in types.filter(app_label=old, model__in=models):
        # A process of the new release that ran before this did may have made one for a line of the admin's log.
        made = types.filter(app_label=new, model=kept.model)
        log = apps.get_model('admin', 'LogEntry').objects.using(alias)
        log.filter(content_type__in=made).update(content_type=kept)
        apps.get_model('auth', 'Permission').objects.using(alias).filter(content_type__in=made).delete()
        made.delete()
        kept.app_label = new
        kept.save(update_fields=['app_label'])


class Migration(migrations.Migration):

    dependencies = [
        ('admin', '0003_logentry_add_action_flag_choices'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('chat', '0009_event_version'),
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [
        migrations.RunPython(forward, backward),
        # In the order in which they refer to each other: who refers goes first.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel(name='FeishuDelivery'),
                migrations.DeleteModel(name='FeishuTurn'),
                migrations.DeleteModel(name='FeishuLane'),
                migrations.DeleteModel(name='FeishuMessage'),
                migrations.DeleteModel(name='FeishuUser'),
                migrations.DeleteModel(name='FeishuApp'),
                migrations.DeleteModel(name='ScheduleDelivery'),
                migrations.DeleteModel(name='ScheduleFiring'),
                migrations.DeleteModel(name='Schedule'),
                migrations.DeleteModel(name='TriggerFiring'),
                migrations.DeleteModel(name='TriggerScan'),
                migrations.DeleteModel(name='Trigger'),
            ],
        ),
    ]
