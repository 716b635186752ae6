from django.apps import AppConfig


class WebhookConfig(AppConfig):
    """Chats over a signed webhook."""

    name = "holdfast_example.webhook"
    label = "example_webhook"
    verbose_name = "Chat webhooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what this entrance brings."""
        from chat import extensions
        from holdfast_example.webhook.entrance import ENTRANCE

        extensions.register(ENTRANCE, self.name)
