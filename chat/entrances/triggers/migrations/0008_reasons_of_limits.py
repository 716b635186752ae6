"""The limits of a person as reasons why something could not be carried out."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("triggers", "0007_indexes_that_others_cover"),
    ]

    operations = [
        migrations.AlterField(
            model_name="triggerfiring",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ('no_match', 'It is not what the trigger looks for.'),
                    ('disabled', 'Its owner is disabled, so nothing is done for them.'),
                    ('forbidden', 'Its owner is disabled, so nothing is done for them.'),
                    ('paused', 'The trigger was paused.'),
                    ('expired', 'The trigger had expired.'),
                    ('limit', 'The trigger had fired as often as it may.'),
                    ('loop', 'The trigger itself had caused it.'),
                    ('depth', 'A chain of triggers had caused it that was as long as chains may be.'),
                    ('hourly', 'The trigger had fired as often as it may in one hour.'),
                    ('cooldown', 'The trigger had fired a moment before.'),
                    ('not_found', 'The conversation was deleted.'),
                    ('agent_missing', 'The agent is missing or disabled.'),
                    ('bad_command', 'The message was empty or too long.'),
                    ('set_aside', 'It raised an error each time that it was tried.'),
                    ('too_large', 'It was larger than a delivery may be, and was refused.'),
                    ('unusable', 'The path or the pattern cannot be used on it: it would take too long.'),
                    ('runs_spent', 'The agents had worked for its owner as often that day as they may.'),
                    ('tokens_spent', 'The agents had read and written as much for its owner that day as they may.'),
                    ('money_spent', 'The agents had spent as much for its owner that day as they may.'),
                    ('conversations_full', 'Its owner has as many conversations as one person may have.'),
                ],
                max_length=20,
            ),
        ),
    ]
