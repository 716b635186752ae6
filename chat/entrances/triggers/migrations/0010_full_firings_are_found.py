from django.db import migrations, models

from chat.support.migrations import AddIndexGently

FULL = models.Q(
    ~models.Q(prompt=models.Value("")),
    ~models.Q(body=models.Value("")),
    ~models.Q(title=models.Value("")),
    ~models.Q(error=models.Value("")),
    ~models.Q(seen=models.Value("null")),
    _connector="OR",
)


class Migration(migrations.Migration):
    """Retention finds the firings that it has not emptied yet without walking through those that it has."""

    #: The index is built beside those who write.
    atomic = False

    dependencies = [
        ("triggers", "0009_names_for_people"),
    ]

    operations = [
        AddIndexGently(
            model_name="triggerfiring",
            index=models.Index(fields=["created_at"], name="trigger_full", condition=FULL),
        ),
    ]
