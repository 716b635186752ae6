from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0004_approvals'),
    ]

    operations = [
        migrations.AddField(
            model_name='agent',
            name='unattended',
            field=models.CharField(choices=[('wait', 'Wait until somebody decides, in the chat or in the admin'), ('tell', 'Tell the model that the outcome is unknown, and go on'), ('fail', 'End the run as failed')], default='wait', help_text='A worker may die while a tool that changes something runs: then nobody knows whether it happened. Where a person asked, that person is asked. This is for runs that a schedule or a trigger began.', max_length=8, verbose_name='when nobody watches'),
        ),
    ]
