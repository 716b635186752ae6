"""The triggers' tables as they were made by the migrations of `chat`: known here from now on, and not touched."""

import chat.entrances.triggers.hooks
import chat.entrances.triggers.models
import chat.support.encryption
import chat.support.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("chat", "0010_entrances_are_apps"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="TriggerScan",
                    fields=[
                        (
                            "conversation",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="+",
                                serialize=False,
                                to="chat.conversation",
                            ),
                        ),
                        ("seq", models.BigIntegerField(default=0)),
                    ],
                    options={
                        "db_table": "chat_triggerscan",
                    },
                ),
                migrations.CreateModel(
                    name="Trigger",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=chat.entrances.triggers.models.new_id,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "name",
                            models.CharField(
                                help_text="Shown as who speaks in the conversation.", max_length=100
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("webhook", "a webhook comes in"),
                                    ("poll", "what an address says changes or matches"),
                                    ("message", "somebody says something that matches"),
                                    ("run", "a run has ended"),
                                ],
                                max_length=10,
                                verbose_name="fires when",
                            ),
                        ),
                        (
                            "prompt",
                            models.TextField(
                                help_text="What the agent is told. {{ payload.some.field }} (webhook), {{ value }} and {{ before }} (address), {{ text }}, {{ who }}, {{ title }} (message), {{ status }}, {{ answer }}, {{ detail }} (run) are filled in. Without any such field, what was seen is put below."
                            ),
                        ),
                        (
                            "agent",
                            models.CharField(
                                blank=True,
                                help_text="Slug of the agent of a new conversation. Empty: the default one.",
                                max_length=100,
                            ),
                        ),
                        (
                            "conversation",
                            models.UUIDField(
                                blank=True,
                                help_text="Id of the conversation to speak in. Empty: a new one for each firing.",
                                null=True,
                            ),
                        ),
                        ("paused", models.BooleanField(default=False)),
                        (
                            "cooldown_s",
                            models.PositiveIntegerField(
                                default=0,
                                help_text="Seconds after a firing in which nothing fires.",
                                verbose_name="cooldown",
                            ),
                        ),
                        (
                            "per_hour",
                            models.PositiveIntegerField(
                                default=30, help_text="At most.", verbose_name="fires per hour"
                            ),
                        ),
                        (
                            "max_fires",
                            models.PositiveIntegerField(
                                blank=True,
                                help_text="At most. Empty: no limit.",
                                null=True,
                                verbose_name="fires in all",
                            ),
                        ),
                        ("expires_at", models.BigIntegerField(blank=True, null=True)),
                        (
                            "path",
                            models.CharField(
                                blank=True,
                                help_text="Where in the JSON to look (RFC 9535), like $.build.status. Empty: the whole.",
                                max_length=300,
                                verbose_name="JSON path",
                            ),
                        ),
                        (
                            "match",
                            models.CharField(
                                choices=[
                                    ("any", "everything"),
                                    ("contains", "what contains this"),
                                    ("equals", "what is this"),
                                    ("regex", "what a pattern finds"),
                                ],
                                default="any",
                                max_length=10,
                                verbose_name="fires on",
                            ),
                        ),
                        (
                            "pattern",
                            models.CharField(
                                blank=True,
                                help_text="Case does not matter, but in a pattern (RE2).",
                                max_length=300,
                                verbose_name="what to look for",
                            ),
                        ),
                        (
                            "salt",
                            models.CharField(
                                default=chat.entrances.triggers.hooks.new_salt, editable=False, max_length=32
                            ),
                        ),
                        (
                            "secret",
                            chat.support.encryption.SealedField(
                                blank=True,
                                default="",
                                help_text="With it every delivery must be signed: HMAC-SHA256 of the body. Stored encrypted, never shown again.",
                                verbose_name="signing secret",
                            ),
                        ),
                        ("signed", models.BooleanField(default=False, editable=False)),
                        (
                            "signature_header",
                            models.CharField(
                                blank=True,
                                default="X-Hub-Signature-256",
                                help_text="Where the signature is.",
                                max_length=60,
                            ),
                        ),
                        (
                            "delivery_header",
                            models.CharField(
                                blank=True,
                                help_text="Where the sender names a delivery. Empty: Idempotency-Key, Webhook-Id, X-GitHub-Delivery, X-Gitlab-Event-UUID, X-Delivery-Id.",
                                max_length=60,
                            ),
                        ),
                        (
                            "url",
                            models.CharField(blank=True, max_length=2000, verbose_name="address to look at"),
                        ),
                        (
                            "interval_s",
                            models.PositiveIntegerField(
                                default=300, help_text="Seconds between two looks.", verbose_name="every"
                            ),
                        ),
                        ("watched", chat.support.fields.JsonText(blank=True, default=list)),
                        (
                            "speaker",
                            models.CharField(
                                choices=[("person", "a person"), ("agent", "an agent"), ("anyone", "either")],
                                default="person",
                                max_length=10,
                                verbose_name="who speaks",
                            ),
                        ),
                        ("outcomes", chat.support.fields.JsonText(blank=True, default=list)),
                        (
                            "after_agent",
                            models.CharField(
                                blank=True, help_text="Only runs of the agent with this slug.", max_length=100
                            ),
                        ),
                        (
                            "after_trigger",
                            models.UUIDField(
                                blank=True, help_text="Only runs that this trigger began.", null=True
                            ),
                        ),
                        (
                            "after_schedule",
                            models.UUIDField(
                                blank=True, help_text="Only runs that this schedule began.", null=True
                            ),
                        ),
                        ("fires", models.PositiveIntegerField(default=0, editable=False)),
                        ("fired_at", models.BigIntegerField(blank=True, editable=False, null=True)),
                        ("observation", models.BigIntegerField(default=0, editable=False)),
                        ("seen_digest", models.CharField(blank=True, editable=False, max_length=64)),
                        ("seen_text", models.TextField(blank=True, editable=False)),
                        ("etag", models.CharField(blank=True, editable=False, max_length=300)),
                        ("modified", models.CharField(blank=True, editable=False, max_length=100)),
                        ("checked_at", models.BigIntegerField(blank=True, editable=False, null=True)),
                        ("next_at", models.BigIntegerField(default=0, editable=False)),
                        ("errors", models.PositiveIntegerField(default=0, editable=False)),
                        ("error", models.CharField(blank=True, editable=False, max_length=300)),
                        ("floors", chat.support.fields.JsonText(default=dict, editable=False)),
                        ("made_by", models.CharField(blank=True, editable=False, max_length=100)),
                        ("made_in", models.UUIDField(blank=True, editable=False, null=True)),
                        ("made_key", models.CharField(blank=True, editable=False, max_length=100, null=True)),
                        ("created_at", models.BigIntegerField(editable=False)),
                        ("updated_at", models.BigIntegerField(editable=False)),
                        (
                            "owner",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "db_table": "chat_trigger",
                    },
                ),
                migrations.CreateModel(
                    name="TriggerFiring",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("key", models.CharField(max_length=200)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("pending", "to be carried out"),
                                    ("fired", "fired"),
                                    ("skipped", "not fired"),
                                    ("failed", "could not be carried out"),
                                ],
                                max_length=10,
                            ),
                        ),
                        (
                            "reason",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("no_match", "It is not what the trigger looks for."),
                                    ("paused", "The trigger was paused."),
                                    ("expired", "The trigger had expired."),
                                    ("limit", "The trigger had fired as often as it may."),
                                    ("loop", "The trigger itself had caused it."),
                                    (
                                        "depth",
                                        "A chain of triggers had caused it that was as long as chains may be.",
                                    ),
                                    ("hourly", "The trigger had fired as often as it may in one hour."),
                                    ("cooldown", "The trigger had fired a moment before."),
                                    ("not_found", "The conversation was deleted."),
                                    ("agent_missing", "The agent is missing or disabled."),
                                    ("bad_command", "The message was empty or too long."),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("test", models.BooleanField(default=False)),
                        ("seen", chat.support.fields.JsonText(default=None)),
                        ("prompt", models.TextField(blank=True)),
                        ("conversation", models.UUIDField(blank=True, null=True)),
                        ("message", models.CharField(blank=True, max_length=64)),
                        ("fresh", models.BooleanField(default=False)),
                        ("agent", models.CharField(blank=True, max_length=100)),
                        ("title", models.CharField(blank=True, max_length=200)),
                        ("run", models.CharField(blank=True, max_length=64)),
                        ("chain", chat.support.fields.JsonText(default=list)),
                        ("created_at", models.BigIntegerField()),
                        ("fired_at", models.BigIntegerField(blank=True, null=True)),
                        ("attempts", models.PositiveIntegerField(default=0)),
                        ("next_at", models.BigIntegerField(default=0)),
                        ("error", models.CharField(blank=True, max_length=300)),
                        (
                            "trigger",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="firings",
                                to="triggers.trigger",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "chat_triggerfiring",
                    },
                ),
                migrations.AddIndex(
                    model_name="trigger",
                    index=models.Index(fields=["owner", "kind"], name="trigger_owner"),
                ),
                migrations.AddIndex(
                    model_name="trigger",
                    index=models.Index(
                        condition=models.Q(("kind", "poll"), ("paused", False)),
                        fields=["next_at"],
                        name="trigger_due",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="trigger",
                    constraint=models.UniqueConstraint(
                        fields=("owner", "made_key"), name="trigger_made_once"
                    ),
                ),
                migrations.AddIndex(
                    model_name="triggerfiring",
                    index=models.Index(
                        condition=models.Q(("state", "pending")), fields=["next_at"], name="trigger_pending"
                    ),
                ),
                migrations.AddIndex(
                    model_name="triggerfiring",
                    index=models.Index(
                        condition=models.Q(("run", ""), ("state", "fired")),
                        fields=["next_at"],
                        name="trigger_unread",
                    ),
                ),
                migrations.AddIndex(
                    model_name="triggerfiring",
                    index=models.Index(fields=["trigger", "created_at"], name="trigger_history"),
                ),
                migrations.AddIndex(
                    model_name="triggerfiring",
                    index=models.Index(fields=["conversation", "message"], name="trigger_message"),
                ),
                migrations.AddConstraint(
                    model_name="triggerfiring",
                    constraint=models.UniqueConstraint(fields=("trigger", "key"), name="trigger_event"),
                ),
            ],
        ),
    ]
