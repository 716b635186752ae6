from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """Totals of the journal, for `/metrics/installation`."""

    name = "chat.telemetry"
    label = "telemetry"
    default_auto_field = "django.db.models.BigAutoField"
