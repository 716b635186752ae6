from django.db import migrations, models

from chat.support.migrations import AddIndexGently


class Migration(migrations.Migration):
    """Retention looks for conversations that their owners have deleted."""

    atomic = False

    dependencies = [("chat", "0022_names_for_people")]

    operations = [
        AddIndexGently(
            model_name="conversation",
            index=models.Index(
                fields=["deleted_at"],
                name="conversation_deleted",
                condition=models.Q(("deleted_at__isnull", False)),
            ),
        )
    ]
